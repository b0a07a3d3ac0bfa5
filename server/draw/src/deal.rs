//! Dealing inspectors to objects. SPEC.md §6.
//!
//! The rule in words: deck r holds one card of every inspector, in the order of the tickets of purpose `deck/r`.
//! Cards that are passed over stay in front, leftovers of one deck come before the next. So the next card for a seat
//! is the eligible inspector with the fewest cards dealt, and among those the smallest ticket of the next deck:
//! that is how it is computed here, without ever laying out a deck.

use crate::corps::{Avoid, Corps};
use crate::fault::{Fault, What};
use crate::objects::{FILE, Kind, Objects};
use crate::ticket::{Ticket, Tickets};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Most cards in all hands together. An honest pool of 200,000 inspectors stays far below; a hostile one is
/// refused before it takes the memory.
const CARDS_MAX: usize = 16_000_000;

/// Number of the deck (from 0), the ticket in it, the inspector: ordered as cards are dealt.
type Card = (u32, Ticket, u32);

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
    hands: HashMap<(&'a str, Option<&'a str>), Hand>,
    cards: usize,
}

impl<'f, 'a> Dealer<'f, 'a> {
    pub fn new(seed: &'f str, corps: &'f Corps<'a>, avoid: &'f Avoid) -> Self {
        let mut dealer = Dealer {
            corps,
            avoid,
            seed,
            decks: Vec::new(),
            next: Vec::new(),
            raised: 0,
            hands: HashMap::new(),
            cards: 0,
        };
        dealer.next = (0..corps.all.len() as u32)
            .map(|i| (0, [0; 32], i))
            .collect();
        for i in 0..corps.all.len() as u32 {
            let ticket = dealer.ticket(0, i);
            dealer.next[i as usize].1 = ticket;
        }
        dealer
    }

    /// The team of one object, leader first.
    pub fn team(&mut self, row: u32, kind: &Kind<'a>, size: u32) -> Result<Vec<u32>, Fault> {
        let mut team: Vec<u32> = Vec::with_capacity(size as usize);
        for need in &kind.needs {
            if !team.iter().any(|i| self.corps.meets(*i, need)) {
                let dealt = self.card(row, kind.district, Some(need), &team)?;
                team.push(dealt);
            }
        }
        while team.len() < size as usize {
            let dealt = self.card(row, kind.district, None, &team)?;
            team.push(dealt);
        }
        Ok(team)
    }

    fn ticket(&mut self, deck: u32, inspector: u32) -> Ticket {
        while self.decks.len() <= deck as usize {
            self.decks.push(Tickets::new(
                self.seed,
                &format!("deck/{}", self.decks.len() + 1),
            ));
        }
        self.decks[deck as usize].of(self.corps.all[inspector as usize].id.as_bytes())
    }

    fn card(
        &mut self,
        row: u32,
        district: &'a str,
        need: Option<&'a str>,
        team: &[u32],
    ) -> Result<u32, Fault> {
        let key = (district, need);
        let mut hand = match self.hands.remove(&key) {
            Some(hand) => hand,
            None => self.hand(district, need)?,
        };
        let dealt = loop {
            if let Some(inspector) = self.deal_from(&mut hand, row, team) {
                break inspector;
            }
            if hand.full.is_empty() {
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
        self.hands.insert(key, hand);
        let deck = self.next[dealt as usize].0 + 1;
        let ticket = self.ticket(deck, dealt);
        self.next[dealt as usize] = (deck, ticket, dealt);
        Ok(dealt)
    }

    fn hand(&mut self, district: &'a str, need: Option<&'a str>) -> Result<Hand, Fault> {
        let fits = |i: &&u32| need.is_none_or(|need| self.corps.meets(**i, need));
        let cards: BinaryHeap<_> = self
            .corps
            .in_district(district)
            .iter()
            .filter(fits)
            .map(|i| Reverse(self.next[*i as usize]))
            .collect();
        self.cards += cards.len();
        if self.cards > CARDS_MAX {
            return Err(Fault::new(
                crate::corps::FILE,
                0,
                What::TooLarge,
                "too many districts and needs per inspector",
            ));
        }
        Ok(Hand {
            cards,
            full: Vec::new(),
            raised: self.raised,
        })
    }

    /// The first card of this hand whose inspector can take this seat.
    fn deal_from(&self, hand: &mut Hand, row: u32, team: &[u32]) -> Option<u32> {
        if hand.raised != self.raised {
            hand.raised = self.raised;
            let back = std::mem::take(&mut hand.full);
            hand.cards
                .extend(back.into_iter().map(|i| Reverse(self.next[i as usize])));
        }
        let mut passed = Vec::new();
        let mut dealt = None;
        while let Some(Reverse(card)) = hand.cards.pop() {
            let inspector = card.2;
            let now = self.next[inspector as usize];
            if card.0 != now.0 {
                hand.cards.push(Reverse(now));
            } else if u64::from(now.0)
                >= u64::from(self.corps.all[inspector as usize].capacity) + u64::from(self.raised)
            {
                hand.full.push(inspector);
            } else {
                passed.push(Reverse(card));
                if !team.contains(&inspector) && !self.avoid.has(inspector, row) {
                    dealt = Some(inspector);
                    break;
                }
            }
        }
        // The dealt card goes back as well: it is behind its inspector then, and put right when it comes up.
        hand.cards.extend(passed);
        dealt
    }
}
