//! The cards that can come to one kind of seat, in the order in which they are dealt. SPEC.md §6.
//!
//! Every holder has one card in each hand that it can be dealt from, the one of its next deck; dealt out of one hand,
//! it is out of date in all others, and most are when their turn comes. So a hand sorts as little as it can: it looks
//! for its holders' cards of one deck, throws them into buckets by the first bits of their tickets, and opens a
//! bucket, which sorts what is not out of date by then, when all before it is dealt.

use std::cmp::Ordering;
use std::collections::VecDeque;

/// The next card of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Card {
    /// Number of the deck, from 0: cards that the holder was dealt before.
    pub deck: u32,
    pub holder: u32,
    /// The first 64 bits of the ticket. They settle nearly every comparison.
    pub head: u64,
}

/// What a hand has to know about cards.
pub(crate) trait Table {
    /// The next card of a holder.
    fn next(&self, holder: u32) -> Card;
    /// The order in which cards are dealt, where deck and first bits are the same.
    fn tie(&self, a: &Card, b: &Card) -> Ordering;

    fn order(&self, a: &Card, b: &Card) -> Ordering {
        let settled = (a.deck, a.head).cmp(&(b.deck, b.head));
        settled.then_with(|| self.tie(a, b))
    }
}

/// What becomes of the card in front.
pub(crate) enum Verdict {
    Deal,
    /// Not for this seat, perhaps for the next.
    Pass,
    /// Not before capacities are raised.
    Full,
}

/// Cards of a bucket, on average.
const BUCKET: usize = 16;

/// Where holders have come very unequally far, at least this part of them is sorted at once.
const SHARE: usize = 8;

pub(crate) struct Hand {
    holders: Vec<u32>,
    /// All cards of decks below this one are here: of every holder whose next card is of such a deck, that card.
    decks: u32,
    /// In order; some may be out of date.
    front: VecDeque<Card>,
    /// Cards of the last deck, behind those in front.
    buckets: Buckets,
    /// Holders without capacity, whose cards are nowhere.
    full: Vec<u32>,
}

#[derive(Default)]
struct Buckets {
    cards: Vec<Card>,
    /// Where each bucket ends.
    ends: Vec<u32>,
    /// How far to shift the first bits of a ticket to have the number of its bucket.
    shift: u32,
    opened: usize,
}

impl Hand {
    pub fn new(holders: Vec<u32>) -> Hand {
        Hand {
            holders,
            decks: 0,
            front: VecDeque::new(),
            buckets: Buckets::default(),
            full: Vec::new(),
        }
    }

    /// Takes out the first card that is to be dealt.
    pub fn take(&mut self, table: &impl Table, judge: impl Fn(&Card) -> Verdict) -> Option<Card> {
        let mut at = 0;
        loop {
            let card = match self.front.get(at).copied() {
                Some(card) if !self.buckets.may_precede(&card, self.decks) => card,
                _ if self.buckets.open(&mut self.front, table) || self.uncover(table) => continue,
                _ => return None,
            };
            let now = table.next(card.holder);
            if now != card {
                self.front.remove(at);
                self.put(now, table);
                continue;
            }
            match judge(&card) {
                Verdict::Deal => {
                    self.front.remove(at);
                    return Some(card);
                }
                Verdict::Pass => at += 1,
                Verdict::Full => {
                    self.front.remove(at);
                    self.full.push(card.holder);
                }
            }
        }
    }

    /// Puts a card where it belongs.
    pub fn put(&mut self, card: Card, table: &impl Table) {
        if card.deck < self.decks {
            let before = |c: &Card| table.order(c, &card).is_lt();
            let at = self.front.partition_point(before);
            self.front.insert(at, card);
        }
    }

    /// Holders who lack nothing but capacity.
    pub fn full(&self) -> &[u32] {
        &self.full
    }

    /// Puts them back among the others.
    pub fn raise(&mut self, table: &impl Table) {
        let cards = self.full.drain(..).map(|holder| table.next(holder));
        let cards: Vec<Card> = cards.filter(|card| card.deck < self.decks).collect();
        add(&mut self.front, cards, table);
    }

    /// Looks for the cards of the next deck; `false` where there are none.
    fn uncover(&mut self, table: &impl Table) -> bool {
        let decks = |h: &u32| Some(table.next(*h).deck).filter(|deck| *deck >= self.decks);
        let Some(first) = self.holders.iter().filter_map(decks).min() else {
            return false;
        };
        let there = self.holders.iter().filter_map(decks);
        let enough = self.holders.len() / SHARE;
        let last = if there.clone().filter(|deck| *deck == first).count() >= enough {
            first
        } else {
            let mut decks: Vec<u32> = there.collect();
            let nth = enough.min(decks.len() - 1);
            *decks.select_nth_unstable(nth).1
        };
        let cards = self.holders.iter().map(|h| table.next(*h));
        let cards = cards.filter(|card| (first..=last).contains(&card.deck));
        if first == last {
            self.buckets.fill(cards);
        } else {
            add(&mut self.front, cards.collect(), table);
        }
        self.decks = last + 1;
        true
    }
}

/// Puts cards among others that are in order.
fn add(front: &mut VecDeque<Card>, mut cards: Vec<Card>, table: &impl Table) {
    cards.sort_unstable_by(|a, b| table.order(a, b));
    let behind = match (front.back(), cards.first()) {
        (Some(last), Some(first)) => table.order(last, first).is_lt(),
        _ => true,
    };
    front.extend(cards);
    if !behind {
        front.make_contiguous().sort_by(|a, b| table.order(a, b));
    }
}

impl Buckets {
    fn of(&self, card: &Card) -> usize {
        card.head.unbounded_shr(self.shift) as usize
    }

    /// Whether a card that is not opened could come before this one.
    fn may_precede(&self, card: &Card, decks: u32) -> bool {
        self.opened < self.ends.len() && card.deck + 1 == decks && self.of(card) >= self.opened
    }

    fn fill(&mut self, cards: impl Iterator<Item = Card> + Clone) {
        let many = cards.clone().count();
        let bits = (many / BUCKET).max(1).ilog2();
        self.shift = 64 - bits;
        self.opened = 0;
        self.ends.clear();
        self.ends.resize(1 << bits, 0);
        for card in cards.clone() {
            let bucket = self.of(&card);
            self.ends[bucket] += 1;
        }
        let mut from = 0;
        for end in &mut self.ends {
            from += std::mem::replace(end, from);
        }
        let none = Card {
            deck: 0,
            holder: 0,
            head: 0,
        };
        self.cards.clear();
        self.cards.resize(many, none);
        for card in cards {
            let bucket = self.of(&card);
            self.cards[self.ends[bucket] as usize] = card;
            self.ends[bucket] += 1;
        }
    }

    /// Brings the next bucket to the front; `false` where there is none.
    fn open(&mut self, front: &mut VecDeque<Card>, table: &impl Table) -> bool {
        let Some(end) = self.ends.get(self.opened) else {
            return false;
        };
        let from = self.opened.checked_sub(1).map_or(0, |b| self.ends[b]);
        self.opened += 1;
        let cards = &self.cards[from as usize..*end as usize];
        let fresh = cards
            .iter()
            .filter(|card| table.next(card.holder) == **card);
        add(front, fresh.copied().collect(), table);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cards whose heads settle little: the worst that tickets could do.
    struct Level(Vec<u32>);

    fn key(holder: u32, deck: u32) -> u64 {
        u64::from((holder * 7 + deck * 3) % 101)
    }

    impl Table for Level {
        fn next(&self, holder: u32) -> Card {
            let deck = self.0[holder as usize];
            Card {
                deck,
                holder,
                head: key(holder, deck) / 8 << 60,
            }
        }

        fn tie(&self, a: &Card, b: &Card) -> Ordering {
            key(a.holder, a.deck).cmp(&key(b.holder, b.deck))
        }
    }

    // D1: whatever is dealt elsewhere, passed over or full, the card in front is the smallest that may be dealt.
    #[test]
    fn the_smallest_card_comes_first() {
        let mut table = Level((0..101).map(|h| h % 4).collect());
        let mut hand = Hand::new((0..101).collect());
        let mut limit = 2;
        for step in 0..4000u32 {
            let passed = |c: &Card| c.holder % 5 == step % 5;
            let right = (0..101)
                .map(|h| table.next(h))
                .filter(|c| !passed(c) && c.deck < limit)
                .min_by(|a, b| table.order(a, b));
            let found = hand.take(&table, |c| match c.deck < limit {
                false => Verdict::Full,
                true if passed(c) => Verdict::Pass,
                true => Verdict::Deal,
            });
            assert_eq!(found, right, "{step}");
            match found {
                Some(card) => {
                    table.0[card.holder as usize] += 1;
                    hand.put(table.next(card.holder), &table);
                }
                None => {
                    limit += 1;
                    hand.raise(&table);
                }
            }
            // Somebody else's hand, at times of a few only.
            let few = if step / 500 % 2 == 0 { 101 } else { 7 };
            let other = (step * 31 % few) as usize;
            if step % 3 == 0 && table.0[other] < limit {
                table.0[other] += 1;
            }
        }
        assert!(limit > 20);
    }
}
