//! Dealing inspectors to objects. SPEC.md §6.
//!
//! The rule in words: deck r holds one card of every inspector, in the order of the tickets of purpose `deck/r`.
//! Cards that are passed over stay in front, leftovers of one deck come before the next. So the next card for a seat
//! is the eligible inspector with the fewest cards dealt, and among those the smallest ticket of the next deck:
//! that is how it is computed here, without ever laying out a deck. A holder of cards is a person or a whole group.

use crate::corps::{Avoid, Corps, Part};
use crate::fault::{Fault, What};
use crate::hand::{Card, Hand, Table, Verdict};
use crate::objects::{FILE, Kind, Objects};
use crate::rules::{Deal, Rules};
use crate::select::Chosen;
use crate::ticket::{Ticket, Tickets, head};
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Who was dealt to one object.
pub(crate) struct Dealt {
    /// The first leads.
    pub members: Vec<u32>,
    pub experts: Vec<u32>,
}

/// A seat to be filled for an object.
struct Seat<'s> {
    /// Who must avoid it, ascending.
    avoid: &'s [u32],
    /// Who has a seat already.
    taken: &'s [u32],
    /// Needs that a group must meet.
    needs: &'s [&'s str],
}

/// The next card of each holder.
struct Cards<'f, 'a> {
    corps: &'f Corps<'a>,
    seed: &'f str,
    /// The deck of each holder's next card, from 0: how many cards it was dealt.
    deck: Vec<u32>,
    /// Heads that were computed already, each with its deck.
    heads: Vec<Cell<(u32, u64)>>,
}

/// A hand of one part of the pool.
struct Held {
    part: usize,
    hand: Hand,
    /// How far capacities were raised when those that had none were put back.
    raised: u32,
}

pub(crate) struct Dealer<'f, 'a> {
    rules: &'f Rules,
    corps: &'f Corps<'a>,
    avoid: &'f Avoid,
    cards: Cards<'f, 'a>,
    /// How far the capacities of each part of the pool are raised.
    raised: Vec<u32>,
    parts: HashMap<Part, usize>,
    hands: Vec<Held>,
    /// Which hand, by part, district and need.
    numbers: HashMap<(Part, &'a str, Option<&'a str>), usize>,
    /// The hands for each kind of object, each beginning one further than here; 0: not looked for yet.
    of_kind: Vec<u32>,
    seats: Vec<Vec<Seats<'a>>>,
}

/// What one department sends to objects of one kind.
struct Seats<'a> {
    needs: Vec<&'a str>,
    /// Numbers of the needs in the rules.
    numbers: Vec<usize>,
    /// One for each need, then that of the district; of groups that of the district alone.
    hands: Vec<usize>,
    /// Each expert comes out of one of these.
    expert_hands: Vec<usize>,
}

impl<'f, 'a> Cards<'f, 'a> {
    fn id(&self, holder: u32) -> &'f [u8] {
        let people = self.corps.all.len();
        match (holder as usize).checked_sub(people) {
            Some(group) => self.corps.groups[group].id.as_bytes(),
            None => self.corps.all[holder as usize].id.as_bytes(),
        }
    }

    fn tickets(&self, deck: u32) -> Tickets {
        Tickets::new(self.seed, &format!("deck/{}", u64::from(deck) + 1))
    }

    /// The ticket of a holder in a deck.
    fn ticket(&self, deck: u32, holder: u32) -> Ticket {
        self.tickets(deck).of(self.id(holder))
    }
}

impl Table for Cards<'_, '_> {
    fn deck(&self, holder: u32) -> u32 {
        self.deck[holder as usize]
    }

    fn print(&self, cards: &mut [Card]) {
        if cards.windows(2).any(|w| w[0].deck != w[1].deck) {
            cards.sort_unstable_by_key(|card| card.deck);
        }
        for cards in cards.chunk_by_mut(|a, b| a.deck == b.deck) {
            let mut new: Vec<u32> = Vec::new();
            let deck = cards[0].deck;
            for card in cards.iter() {
                if self.heads[card.holder as usize].get().0 != deck {
                    new.push(card.holder);
                }
            }
            if !new.is_empty() {
                let id = |n: u32| self.id(new[n as usize]);
                let seen = |n: u32, ticket: Ticket| {
                    self.heads[new[n as usize] as usize].set((deck, head(&ticket)));
                };
                let tickets = self.tickets(deck);
                tickets.below(u64::MAX, 0..new.len() as u32, id, seen);
            }
            for card in cards {
                card.head = self.heads[card.holder as usize].get().1;
            }
        }
    }

    fn tie(&self, a: &Card, b: &Card) -> Ordering {
        let ticket = |card: &Card| self.ticket(card.deck, card.holder);
        ticket(a).cmp(&ticket(b))
    }
}

impl<'f, 'a> Dealer<'f, 'a> {
    pub fn new(
        seed: &'f str,
        rules: &'f Rules,
        objects: &Objects<'a>,
        corps: &'f Corps<'a>,
        avoid: &'f Avoid,
    ) -> Self {
        let holders = corps.all.len() + corps.groups.len();
        let cards = Cards {
            corps,
            seed,
            deck: vec![0; holders],
            heads: vec![Cell::new((u32::MAX, 0)); holders],
        };
        Dealer {
            rules,
            corps,
            avoid,
            cards,
            raised: Vec::new(),
            parts: HashMap::new(),
            hands: Vec::new(),
            numbers: HashMap::new(),
            of_kind: vec![0; objects.kinds.len()],
            seats: Vec::new(),
        }
    }

    /// Team and experts of the object in one row.
    pub fn team(&mut self, objects: &Objects<'a>, chosen: &Chosen<'_>) -> Result<Dealt, Fault> {
        let (row, kind) = (chosen.row, chosen.kind as usize);
        if self.of_kind[kind] == 0 {
            let seats = self.seats_of(&objects.kinds[kind]);
            self.seats.push(seats);
            self.of_kind[kind] = self.seats.len() as u32;
        }
        let at = self.of_kind[kind] as usize - 1;
        // Out of the way, so that hands can be dealt from meanwhile.
        let seats = std::mem::take(&mut self.seats[at]);
        let dealt = self.deal(&seats, self.avoid.of(row));
        self.seats[at] = seats;
        dealt.ok_or_else(|| nobody(row))
    }

    fn deal(&mut self, all: &[Seats<'a>], avoid: &[u32]) -> Option<Dealt> {
        let (mut members, mut experts): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let rules = self.rules;
        for (department, seats) in rules.departments.iter().zip(all) {
            let from = members.len();
            match department.deal {
                Deal::Group => members.extend(self.group(seats, avoid)?),
                Deal::Person => {
                    for (need, hand) in seats.numbers.iter().zip(&seats.hands) {
                        let met = |i: &u32| self.corps.meets_number(*i, *need);
                        if !members[from..].iter().any(met) {
                            members.push(self.card(std::slice::from_ref(hand), avoid, &members)?);
                        }
                    }
                    let district = &seats.hands[seats.needs.len()..];
                    while members.len() < from + department.team as usize {
                        members.push(self.card(district, avoid, &members)?);
                    }
                }
            }
            for _ in 0..department.experts {
                experts.extend(self.card(&seats.expert_hands, avoid, &experts));
            }
        }
        Some(Dealt { members, experts })
    }

    fn group(&mut self, seats: &Seats<'a>, avoid: &[u32]) -> Option<Vec<u32>> {
        let seat = Seat {
            avoid,
            taken: &[],
            needs: &seats.needs,
        };
        let group = self.first_with_room(&seats.hands, &seat)?;
        let mut members = self.corps.behind(group).to_vec();
        members.sort_by_cached_key(|m| self.cards.ticket(0, *m));
        Some(members)
    }

    fn card(&mut self, hands: &[usize], avoid: &[u32], taken: &[u32]) -> Option<u32> {
        let seat = Seat {
            avoid,
            taken,
            needs: &[],
        };
        self.first_with_room(hands, &seat)
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
                let back = match first {
                    Some((other, _)) if self.cards.order(&other, &card).is_le() => {
                        Some((card, hand))
                    }
                    _ => first.replace((card, hand)),
                };
                if let Some((card, hand)) = back {
                    self.hands[hand].hand.put(card.holder, &self.cards);
                }
            }
            if let Some((card, hand)) = first {
                self.cards.deck[card.holder as usize] += 1;
                self.hands[hand].hand.put(card.holder, &self.cards);
                return Some(card.holder);
            }
            let waits = |hand: &&usize| {
                let full = self.hands[**hand].hand.full();
                full.iter().any(|holder| fits(self.corps, *holder, seat))
            };
            let hand = *hands.iter().find(waits)?;
            self.raised[self.hands[hand].part] += 1;
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
            let number = |need: &&str| rules.need_number(need);
            all.push(Seats {
                numbers: needs.iter().filter_map(number).collect(),
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
        let need_number = need.and_then(|need| self.rules.need_number(need));
        let fits = |h: &u32| need_number.is_none_or(|need| self.corps.meets_number(*h, need));
        let there = self.corps.in_district(part, district).iter().copied();
        let hand = Hand::new(there.filter(fits).collect());
        let parts = self.parts.len();
        let number = *self.parts.entry(part).or_insert(parts);
        self.raised.resize(self.parts.len(), 0);
        self.hands.push(Held {
            part: number,
            hand,
            raised: self.raised[number],
        });
        self.numbers
            .insert((part, district, need), self.hands.len() - 1);
        self.hands.len() - 1
    }

    /// Takes out of a hand the first card whose holder can take this seat.
    fn take(&mut self, hand: usize, seat: &Seat<'_>) -> Option<Card> {
        let (held, corps) = (&mut self.hands[hand], self.corps);
        let raised = self.raised[held.part];
        if held.raised != raised {
            held.raised = raised;
            held.hand.raise(&self.cards);
        }
        held.hand.take(&self.cards, |card| {
            let capacity = corps.capacity(card.holder);
            if u64::from(card.deck) >= u64::from(capacity) + u64::from(raised) {
                Verdict::Full
            } else if fits(corps, card.holder, seat) {
                Verdict::Deal
            } else {
                Verdict::Pass
            }
        })
    }
}

/// Whether a holder can take a seat, but for capacity.
fn fits(corps: &Corps<'_>, holder: u32, seat: &Seat<'_>) -> bool {
    let avoids = |person: &u32| seat.avoid.binary_search(person).is_ok();
    match corps.behind(holder) {
        [] => !seat.taken.contains(&holder) && !avoids(&holder),
        members => {
            let meets = |need: &&str| corps.group_meets(holder, need);
            !members.iter().any(avoids) && seat.needs.iter().all(meets)
        }
    }
}

/// Cannot happen to a frame that was checked: every object of it can be served.
fn nobody(row: u32) -> Fault {
    let detail = "no eligible inspector is left for this object";
    Fault::new(FILE, Objects::line(row), What::Unservable, detail)
}
