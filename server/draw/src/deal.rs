//! Dealing inspectors to objects. SPEC.md §6.
//!
//! The rule in words: deck r holds one card of every inspector, in the order of the tickets of purpose `deck/r`.
//! Cards that are passed over stay in front, leftovers of one deck come before the next. So the next card for a seat
//! is the eligible inspector with the fewest cards dealt, and among those the smallest ticket of the next deck:
//! that is how it is computed here, without ever laying out a deck. A holder of cards is a person or a whole group.

use crate::corps::{Avoid, Corps, Part};
use crate::fault::{Fault, What};
use crate::objects::{FILE, Kind, Objects};
use crate::rules::{Deal, Rules};
use crate::ticket::Tickets;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, binary_heap::PeekMut};

/// Decks whose hashers are kept. Only a pool far too small for its frame needs more, and then one or two cards of each.
const DECKS_KEPT: usize = 1024;

/// A card, ordered as cards are dealt. Of the ticket it holds the first 192 bits: that two of them are equal is as far
/// away as that SHA-256 is broken, and heaps of cards half the size stay in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Card {
    /// Number of the deck, from 0: cards that the holder was dealt before.
    deck: u32,
    ticket: [u64; 3],
    holder: u32,
}

/// Cards that can come to one district, or to one need in it.
struct Hand {
    part: Part,
    /// Each holder once; a card whose deck is behind its holder's is put right when it comes up.
    cards: BinaryHeap<Reverse<Card>>,
    /// Holders whose capacity was used up when they came up.
    full: Vec<u32>,
    /// How far capacities had been raised then.
    raised: u32,
}

/// Who was dealt to one object.
pub(crate) struct Dealt {
    /// The first leads.
    pub members: Vec<u32>,
    pub experts: Vec<u32>,
}

/// A seat to be filled for the object of one row.
struct Seat<'s> {
    row: u32,
    /// Who has a seat already.
    taken: &'s [u32],
    /// Needs that a group must meet.
    needs: &'s [&'s str],
}

pub(crate) struct Dealer<'f, 'a> {
    rules: &'f Rules,
    corps: &'f Corps<'a>,
    avoid: &'f Avoid,
    seed: &'f str,
    decks: Vec<Tickets>,
    /// The next card of each holder.
    next: Vec<Card>,
    raised: HashMap<Part, u32>,
    hands: Vec<Hand>,
    /// Which hand, by part, district and need.
    numbers: HashMap<(Part, &'a str, Option<&'a str>), usize>,
    /// The hands for each kind of object.
    of_kind: HashMap<u32, Vec<Seats<'a>>>,
}

/// What one department sends to objects of one kind.
struct Seats<'a> {
    needs: Vec<&'a str>,
    /// One for each need, then that of the district; of groups that of the district alone.
    hands: Vec<usize>,
    /// Each expert comes out of one of these.
    expert_hands: Vec<usize>,
}

impl<'f, 'a> Dealer<'f, 'a> {
    pub fn new(seed: &'f str, rules: &'f Rules, corps: &'f Corps<'a>, avoid: &'f Avoid) -> Self {
        let holders = corps.all.len() + corps.groups.len();
        let mut dealer = Dealer {
            rules,
            corps,
            avoid,
            seed,
            decks: Vec::new(),
            next: Vec::with_capacity(holders),
            raised: HashMap::new(),
            hands: Vec::new(),
            numbers: HashMap::new(),
            of_kind: HashMap::new(),
        };
        for holder in 0..holders as u32 {
            let card = dealer.print(0, holder);
            dealer.next.push(card);
        }
        dealer
    }

    /// Team and experts of the object in one row.
    pub fn team(&mut self, objects: &Objects<'a>, row: u32) -> Result<Dealt, Fault> {
        let number = objects.rows[row as usize].kind;
        let kind = &objects.kinds[number as usize];
        let all = match self.of_kind.remove(&number) {
            Some(all) => all,
            None => self.seats_of(kind),
        };
        let mut dealt = Dealt {
            members: Vec::new(),
            experts: Vec::new(),
        };
        let rules = self.rules;
        for (department, seats) in rules.departments.iter().zip(&all) {
            let from = dealt.members.len();
            match department.deal {
                Deal::Group => self.group(seats, row, &mut dealt.members)?,
                Deal::Person => {
                    for (need, hand) in seats.needs.iter().zip(&seats.hands) {
                        let met = |i: &u32| self.corps.meets(*i, need);
                        if !dealt.members[from..].iter().any(met) {
                            let card = self.card(*hand, row, &dealt.members)?;
                            dealt.members.push(card);
                        }
                    }
                    let district = seats.hands[seats.needs.len()];
                    while dealt.members.len() < from + department.team as usize {
                        let card = self.card(district, row, &dealt.members)?;
                        dealt.members.push(card);
                    }
                }
            }
            for _ in 0..department.experts {
                let expert = self.expert(&seats.expert_hands, row, &dealt.experts);
                dealt.experts.extend(expert);
            }
        }
        self.of_kind.insert(number, all);
        Ok(dealt)
    }

    fn group(&mut self, seats: &Seats<'a>, row: u32, members: &mut Vec<u32>) -> Result<(), Fault> {
        let seat = Seat {
            row,
            taken: &[],
            needs: &seats.needs,
        };
        let group = self.first_with_room(&seats.hands, &seat);
        let group = group.ok_or_else(|| nobody(row))?;
        let corps = self.corps;
        let mut ordered = corps.behind(group).to_vec();
        ordered.sort_by_key(|m| self.print(0, *m));
        members.extend(ordered);
        Ok(())
    }

    fn card(&mut self, hand: usize, row: u32, taken: &[u32]) -> Result<u32, Fault> {
        let seat = Seat {
            row,
            taken,
            needs: &[],
        };
        self.first_with_room(&[hand], &seat)
            .ok_or_else(|| nobody(row))
    }

    fn expert(&mut self, hands: &[usize], row: u32, taken: &[u32]) -> Option<u32> {
        let seat = Seat {
            row,
            taken,
            needs: &[],
        };
        self.first_with_room(hands, &seat)
    }

    /// The card of a holder in a deck.
    fn print(&mut self, deck: u32, holder: u32) -> Card {
        let tickets = |deck: usize| Tickets::new(self.seed, &format!("deck/{}", deck + 1));
        let people = self.corps.all.len();
        let id = match (holder as usize).checked_sub(people) {
            Some(group) => self.corps.groups[group].id.as_bytes(),
            None => self.corps.all[holder as usize].id.as_bytes(),
        };
        let ticket = match deck as usize {
            far if far >= DECKS_KEPT => tickets(far).of(id),
            near => {
                while self.decks.len() <= near {
                    self.decks.push(tickets(self.decks.len()));
                }
                self.decks[near].of(id)
            }
        };
        let part = |n: usize| {
            ticket[n..n + 8]
                .iter()
                .fold(0, |w, b| w << 8 | u64::from(*b))
        };
        Card {
            deck,
            ticket: [part(0), part(8), part(16)],
            holder,
        }
    }

    /// Deals the first card out of these hands of one part whose holder can take the seat, raising capacities where
    /// only they stand in the way; `None` where nobody could take it with any capacity.
    fn first_with_room(&mut self, hands: &[usize], seat: &Seat<'_>) -> Option<u32> {
        loop {
            let mut first: Option<(Card, usize)> = None;
            for &hand in hands {
                let Some(card) = self.take(hand, seat) else {
                    continue;
                };
                let (keep, back) = match first {
                    Some((other, at)) if other <= card => ((other, at), Some((card, hand))),
                    before => ((card, hand), before),
                };
                first = Some(keep);
                if let Some((card, hand)) = back {
                    self.hands[hand].cards.push(Reverse(card));
                }
            }
            if let Some((card, hand)) = first {
                let next = self.print(card.deck + 1, card.holder);
                self.next[card.holder as usize] = next;
                self.hands[hand].cards.push(Reverse(next));
                return Some(card.holder);
            }
            let waits = |hand: &&usize| {
                let full = &self.hands[**hand].full;
                full.iter().any(|holder| self.fits(*holder, seat))
            };
            let hand = *hands.iter().find(waits)?;
            *self.raised.entry(self.hands[hand].part).or_default() += 1;
        }
    }

    /// Whether a holder can take a seat, but for capacity.
    fn fits(&self, holder: u32, seat: &Seat<'_>) -> bool {
        match self.corps.behind(holder) {
            [] => !seat.taken.contains(&holder) && !self.avoid.has(holder, seat.row),
            members => {
                let meets = |need: &&str| self.corps.group_meets(holder, need);
                !members.iter().any(|m| self.avoid.has(*m, seat.row))
                    && seat.needs.iter().all(meets)
            }
        }
    }

    fn seats_of(&mut self, kind: &Kind<'a>) -> Vec<Seats<'a>> {
        let rules = self.rules;
        let mut all = Vec::with_capacity(rules.departments.len());
        for (n, department) in rules.departments.iter().enumerate() {
            let needs = rules.needs_of(n, &kind.needs);
            let part = match department.deal {
                Deal::Group => Part::Groups(n),
                Deal::Person => Part::Inspectors(n),
            };
            let mut hands = Vec::new();
            if department.deal == Deal::Person {
                let of_need = |need: &&'a str| self.hand(part, kind.district, Some(*need));
                hands.extend(needs.iter().map(of_need));
            }
            hands.push(self.hand(part, kind.district, None));
            let mut expert_hands = Vec::new();
            if department.experts > 0 {
                let part = Part::Experts(n);
                for need in &kind.needs {
                    expert_hands.push(self.hand(part, kind.district, Some(*need)));
                }
                if kind.needs.is_empty() {
                    expert_hands.push(self.hand(part, kind.district, None));
                }
            }
            all.push(Seats {
                needs,
                hands,
                expert_hands,
            });
        }
        all
    }

    fn hand(&mut self, part: Part, district: &'a str, need: Option<&'a str>) -> usize {
        if let Some(hand) = self.numbers.get(&(part, district, need)) {
            return *hand;
        }
        let fits = |h: &&u32| need.is_none_or(|need| self.corps.meets(**h, need));
        let there = self.corps.in_district(part, district).iter().filter(fits);
        let cards: BinaryHeap<_> = there.map(|h| Reverse(self.next[*h as usize])).collect();
        self.hands.push(Hand {
            part,
            cards,
            full: Vec::new(),
            raised: self.raised.get(&part).copied().unwrap_or(0),
        });
        self.numbers
            .insert((part, district, need), self.hands.len() - 1);
        self.hands.len() - 1
    }

    /// Takes out of a hand the first card whose holder can take this seat.
    fn take(&mut self, hand: usize, seat: &Seat<'_>) -> Option<Card> {
        let raised = self.raised.get(&self.hands[hand].part).copied();
        let raised = raised.unwrap_or(0);
        // Out of the way, so that what decides can be asked meanwhile.
        let mut cards = std::mem::take(&mut self.hands[hand].cards);
        let mut full = std::mem::take(&mut self.hands[hand].full);
        if self.hands[hand].raised != raised {
            self.hands[hand].raised = raised;
            let back = full.drain(..).map(|h| Reverse(self.next[h as usize]));
            cards.extend(back);
        }
        let mut passed = Vec::new();
        let mut dealt = None;
        while let Some(mut top) = cards.peek_mut() {
            let holder = top.0.holder;
            let now = self.next[holder as usize];
            if top.0 != now {
                // Dealt meanwhile out of another hand: its card sinks to where it belongs now.
                *top = Reverse(now);
                continue;
            }
            let card = PeekMut::pop(top);
            let capacity = match (holder as usize).checked_sub(self.corps.all.len()) {
                Some(group) => self.corps.groups[group].capacity,
                None => self.corps.all[holder as usize].capacity,
            };
            if u64::from(now.deck) >= u64::from(capacity) + u64::from(raised) {
                full.push(holder);
            } else if self.fits(holder, seat) {
                dealt = Some(card.0);
                break;
            } else {
                passed.push(card);
            }
        }
        cards.extend(passed);
        self.hands[hand].cards = cards;
        self.hands[hand].full = full;
        dealt
    }
}

/// Cannot happen to a frame that was checked: every object of it can be served.
fn nobody(row: u32) -> Fault {
    let detail = "no eligible inspector is left for this object";
    Fault::new(FILE, Objects::line(row), What::Unservable, detail)
}
