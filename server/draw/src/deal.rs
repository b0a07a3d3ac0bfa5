//! Dealing inspectors to objects. SPEC.md §6.
//!
//! The rule in words: deck r holds one card of every inspector, in the order of the tickets of purpose `deck/r`.
//! Cards that are passed over stay in front, leftovers of one deck come before the next. So the next card for a seat
//! is the eligible inspector with the fewest cards dealt, and among those the smallest ticket of the next deck:
//! that is how it is computed here, without ever laying out a deck.

use crate::corps::{Avoid, Corps};
use crate::fault::{Fault, What};
use crate::objects::{FILE, Kind, Objects};
use crate::ticket::Tickets;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, binary_heap::PeekMut};

/// Decks whose hashers are kept. Only a pool far too small for its frame needs more, and then one or two cards of each.
const DECKS_KEPT: usize = 1024;

/// A card, ordered as cards are dealt. Of the ticket it holds the first 192 bits: that two of them are equal is as far
/// away as that SHA-256 is broken, and heaps of cards half the size stay in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Card {
    /// Number of the deck, from 0: cards that the inspector was dealt before.
    deck: u32,
    ticket: [u64; 3],
    inspector: u32,
}

/// Cards that can come to one district, or to one need in it.
struct Hand {
    /// Each inspector once; a card whose deck is behind its inspector's is put right when it comes up.
    cards: BinaryHeap<Reverse<Card>>,
    /// Inspectors whose capacity was used up when they came up.
    full: Vec<u32>,
    /// How far capacities had been raised then.
    raised: u32,
}

pub(crate) struct Dealer<'f, 'a> {
    corps: &'f Corps<'a>,
    avoid: &'f Avoid,
    seed: &'f str,
    decks: Vec<Tickets>,
    /// The next card of each inspector.
    next: Vec<Card>,
    raised: u32,
    hands: Vec<Hand>,
    /// Which hand, by district and need.
    numbers: HashMap<(&'a str, Option<&'a str>), usize>,
    /// The hands of each kind of object: one for each of its needs, then that of its district.
    of_kind: HashMap<u32, Vec<usize>>,
}

impl<'f, 'a> Dealer<'f, 'a> {
    pub fn new(seed: &'f str, corps: &'f Corps<'a>, avoid: &'f Avoid) -> Self {
        let mut dealer = Dealer {
            corps,
            avoid,
            seed,
            decks: Vec::new(),
            next: Vec::with_capacity(corps.all.len()),
            raised: 0,
            hands: Vec::new(),
            numbers: HashMap::new(),
            of_kind: HashMap::new(),
        };
        for inspector in 0..corps.all.len() as u32 {
            let card = dealer.print(0, inspector);
            dealer.next.push(card);
        }
        dealer
    }

    /// The team of the object in one row, leader first.
    pub fn team(&mut self, objects: &Objects<'a>, row: u32, size: u32) -> Result<Vec<u32>, Fault> {
        let number = objects.rows[row as usize].kind;
        let kind = &objects.kinds[number as usize];
        let hands = match self.of_kind.remove(&number) {
            Some(hands) => hands,
            None => self.hands_of(kind),
        };
        let mut team: Vec<u32> = Vec::with_capacity(size as usize);
        for (need, hand) in kind.needs.iter().zip(&hands) {
            if !team.iter().any(|i| self.corps.meets(*i, need)) {
                let dealt = self.card(*hand, row, &team)?;
                team.push(dealt);
            }
        }
        while team.len() < size as usize {
            let dealt = self.card(hands[kind.needs.len()], row, &team)?;
            team.push(dealt);
        }
        self.of_kind.insert(number, hands);
        Ok(team)
    }

    /// The card of an inspector in a deck.
    fn print(&mut self, deck: u32, inspector: u32) -> Card {
        let tickets = |deck: usize| Tickets::new(self.seed, &format!("deck/{}", deck + 1));
        let id = self.corps.all[inspector as usize].id.as_bytes();
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
            inspector,
        }
    }

    /// Deals one card out of a hand.
    fn card(&mut self, hand: usize, row: u32, team: &[u32]) -> Result<u32, Fault> {
        let dealt = loop {
            if let Some(inspector) = self.deal_from(hand, row, team) {
                break inspector;
            }
            if self.hands[hand].full.is_empty() {
                // Cannot happen to a frame that was checked: every object of it can be served.
                let detail = "no eligible inspector is left for this object";
                return Err(Fault::new(
                    FILE,
                    Objects::line(row),
                    What::Unservable,
                    detail,
                ));
            }
            self.raised += 1;
        };
        let card = self.print(self.next[dealt as usize].deck + 1, dealt);
        self.next[dealt as usize] = card;
        self.hands[hand].cards.push(Reverse(card));
        Ok(dealt)
    }

    fn hands_of(&mut self, kind: &Kind<'a>) -> Vec<usize> {
        let needs = kind.needs.iter().copied().map(Some).chain([None]);
        needs.map(|need| self.hand(kind.district, need)).collect()
    }

    fn hand(&mut self, district: &'a str, need: Option<&'a str>) -> usize {
        if let Some(hand) = self.numbers.get(&(district, need)) {
            return *hand;
        }
        let fits = |i: &&u32| need.is_none_or(|need| self.corps.meets(**i, need));
        let there = self.corps.in_district(district).iter().filter(fits);
        let cards: BinaryHeap<_> = there.map(|i| Reverse(self.next[*i as usize])).collect();
        self.hands.push(Hand {
            cards,
            full: Vec::new(),
            raised: self.raised,
        });
        self.numbers.insert((district, need), self.hands.len() - 1);
        self.hands.len() - 1
    }

    /// Takes out of a hand the first card whose inspector can take this seat.
    fn deal_from(&mut self, hand: usize, row: u32, team: &[u32]) -> Option<u32> {
        let hand = &mut self.hands[hand];
        if hand.raised != self.raised {
            hand.raised = self.raised;
            let back = std::mem::take(&mut hand.full);
            hand.cards
                .extend(back.into_iter().map(|i| Reverse(self.next[i as usize])));
        }
        let mut passed = Vec::new();
        let mut dealt = None;
        while let Some(mut top) = hand.cards.peek_mut() {
            let inspector = top.0.inspector;
            let now = self.next[inspector as usize];
            if top.0 != now {
                // Dealt meanwhile out of another hand: its card sinks to where it belongs now.
                *top = Reverse(now);
                continue;
            }
            let card = PeekMut::pop(top);
            let capacity = u64::from(self.corps.all[inspector as usize].capacity);
            if u64::from(now.deck) >= capacity + u64::from(self.raised) {
                hand.full.push(inspector);
            } else if team.contains(&inspector) || self.avoid.has(inspector, row) {
                passed.push(card);
            } else {
                dealt = Some(inspector);
                break;
            }
        }
        hand.cards.extend(passed);
        dealt
    }
}
