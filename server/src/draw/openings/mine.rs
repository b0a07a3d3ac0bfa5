//! What an object that looks itself up is told. It has shown that it holds its opening; still nothing says
//! that it was drawn before the whole transcript is public or its own notice was issued.
//!
//! A salt alone is not enough for the second: witnesses hold the salts of their samples. Who asks before
//! the transcript is public must also have the code that stands on the notice.

use crate::draw::DrawState;

/// What the draw gave to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lot {
    /// Neither drawn nor a reserve.
    NotDrawn,
    /// A reserve; its place within the cell, from 1.
    Reserve(u32),
    /// Drawn; its place in the draw, from 1.
    Drawn(u32),
}

/// What substitutions made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Nothing.
    Nothing,
    /// It is not inspected any more.
    Left,
    /// A reserve that took the place of another; that place, from 1.
    CameIn(u32),
}

/// What is known of an object of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Where the draw stands.
    pub state: DrawState,
    /// Whether there is a seed.
    pub drawn: bool,
    /// Whether the whole transcript is public.
    pub public: bool,
    /// What the draw gave.
    pub lot: Lot,
    /// What came after.
    pub since: Since,
    /// Whether its notice was issued.
    pub issued: bool,
    /// Whether who asks has the code of that notice.
    pub holds_notice: bool,
    /// Whether all have signed the record of the visit.
    pub over: bool,
}

/// What is told of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// There is no result yet.
    NotYet,
    /// The draw is void: nobody is inspected by it.
    Void,
    /// There is a result, and it is not told yet.
    Later,
    /// Not drawn.
    NotDrawn,
    /// A reserve with this place.
    Reserve(u32),
    /// Was drawn, and is not inspected any more.
    Left,
    /// Drawn with this place; `named`: who comes is told as well.
    Drawn {
        /// From 1.
        rank: u32,
        /// Whether the object is told who comes.
        named: bool,
    },
}

/// What is told.
pub const fn decide(known: &Known) -> Told {
    if matches!(known.state, DrawState::Void) {
        return Told::Void;
    }
    if !known.drawn {
        return Told::NotYet;
    }
    let may_be_told = known.public || known.issued && known.holds_notice;
    if !may_be_told {
        return Told::Later;
    }
    let rank = match (known.lot, known.since) {
        (_, Since::Left) => return Told::Left,
        (_, Since::CameIn(rank)) | (Lot::Drawn(rank), Since::Nothing) => rank,
        (Lot::Reserve(rank), Since::Nothing) => return Told::Reserve(rank),
        (Lot::NotDrawn, Since::Nothing) => return Told::NotDrawn,
    };
    Told::Drawn {
        rank,
        // Approved, told, carried out (X1): names go out with the notice, not before it.
        named: known.issued || known.over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DRAWN: Known = Known {
        state: DrawState::Dispatched,
        drawn: true,
        public: false,
        lot: Lot::Drawn(7),
        since: Since::Nothing,
        issued: false,
        holds_notice: false,
        over: false,
    };
    const NAMED: Told = Told::Drawn {
        rank: 7,
        named: true,
    };
    const UNNAMED: Told = Told::Drawn {
        rank: 7,
        named: false,
    };

    // X1, D2: what is shown when.
    #[rstest]
    #[case::before_the_seed(Known { drawn: false, state: DrawState::Revealed, ..DRAWN }, Told::NotYet)]
    #[case::nothing_before_notice_or_publication(DRAWN, Told::Later)]
    #[case::a_code_without_an_issued_notice(Known { holds_notice: true, ..DRAWN }, Told::Later)]
    #[case::issued_but_only_the_salt(Known { issued: true, ..DRAWN }, Told::Later)]
    #[case::who_holds_the_notice(Known { issued: true, holds_notice: true, ..DRAWN }, NAMED)]
    #[case::public_before_the_notice(Known { public: true, ..DRAWN }, UNNAMED)]
    #[case::public_and_issued(Known { public: true, issued: true, ..DRAWN }, NAMED)]
    #[case::public_after_the_visit(Known { public: true, over: true, ..DRAWN }, NAMED)]
    #[case::void(Known { state: DrawState::Void, public: true, issued: true, holds_notice: true, ..DRAWN }, Told::Void)]
    #[case::void_before_the_seed(Known { state: DrawState::Void, drawn: false, ..DRAWN }, Told::Void)]
    #[case::not_drawn_public(Known { public: true, lot: Lot::NotDrawn, ..DRAWN }, Told::NotDrawn)]
    #[case::reserve_public(Known { public: true, lot: Lot::Reserve(2), ..DRAWN }, Told::Reserve(2))]
    #[case::replaced(Known { public: true, since: Since::Left, ..DRAWN }, Told::Left)]
    #[case::replaced_and_not_public(Known { since: Since::Left, ..DRAWN }, Told::Later)]
    #[case::replaced_after_the_notice(Known { since: Since::Left, issued: true, holds_notice: true, ..DRAWN }, Told::Left)]
    #[case::a_reserve_that_came_in(Known { lot: Lot::Reserve(1), since: Since::CameIn(7), issued: true, holds_notice: true, ..DRAWN }, NAMED)]
    fn what_is_told(#[case] known: Known, #[case] told: Told) {
        assert_eq!(decide(&known), told);
    }

    // Before the transcript is public, who only has a salt cannot tell the drawn from the others.
    #[test]
    fn a_salt_alone_tells_nothing_of_the_result() {
        for lot in [Lot::NotDrawn, Lot::Reserve(1), Lot::Drawn(1)] {
            for since in [Since::Nothing, Since::Left, Since::CameIn(1)] {
                for (issued, over) in [(false, false), (true, false), (true, true)] {
                    let known = Known {
                        lot,
                        since,
                        issued,
                        over,
                        ..DRAWN
                    };
                    assert_eq!(decide(&known), Told::Later, "{known:?}");
                }
            }
        }
    }
}
