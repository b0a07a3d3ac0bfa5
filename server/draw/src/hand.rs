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
    /// The deck of a holder's next card.
    fn deck(&self, holder: u32) -> u32;
    /// Fills in the heads of next cards, and may change their order.
    fn print(&self, cards: &mut [Card]);
    /// The order in which cards are dealt, where deck and first bits are the same.
    fn tie(&self, a: &Card, b: &Card) -> Ordering;

    /// The next card of a holder.
    fn next(&self, holder: u32) -> Card {
        let mut card = [self.blank(holder)];
        self.print(&mut card);
        card[0]
    }

    /// The same without its head.
    fn blank(&self, holder: u32) -> Card {
        Card {
            deck: self.deck(holder),
            holder,
            head: 0,
        }
    }

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
            if table.deck(card.holder) != card.deck {
                self.front.remove(at);
                self.put(card.holder, table);
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

    /// Puts the next card of a holder where it belongs.
    pub fn put(&mut self, holder: u32, table: &impl Table) {
        if table.deck(holder) < self.decks {
            let card = table.next(holder);
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
        let cards = self.full.drain(..).map(|holder| table.blank(holder));
        let mut cards: Vec<Card> = cards.filter(|card| card.deck < self.decks).collect();
        table.print(&mut cards);
        add(&mut self.front, cards, table);
    }

    /// Looks for the cards of the next deck; `false` where there are none.
    fn uncover(&mut self, table: &impl Table) -> bool {
        let cards = self.holders.iter().map(|holder| table.blank(*holder));
        let mut cards: Vec<Card> = cards.filter(|card| card.deck >= self.decks).collect();
        let Some(first) = cards.iter().map(|card| card.deck).min() else {
            return false;
        };
        let enough = cards.len() / SHARE;
        let mut last = first;
        if cards.iter().filter(|card| card.deck == first).count() < enough {
            let by_deck = |card: &Card| card.deck;
            last = cards.select_nth_unstable_by_key(enough, by_deck).1.deck;
        }
        cards.retain(|card| card.deck <= last);
        table.print(&mut cards);
        if first == last {
            self.buckets.fill(&cards);
        } else {
            add(&mut self.front, cards, table);
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

    fn fill(&mut self, cards: &[Card]) {
        let bits = (cards.len() / BUCKET).max(1).ilog2();
        self.shift = 64 - bits;
        self.opened = 0;
        self.ends.clear();
        self.ends.resize(1 << bits, 0);
        for card in cards {
            let bucket = self.of(card);
            self.ends[bucket] += 1;
        }
        let mut from = 0;
        for end in &mut self.ends {
            from += std::mem::replace(end, from);
        }
        self.cards.clear();
        self.cards.extend_from_slice(cards);
        for card in cards {
            let bucket = self.of(card);
            self.cards[self.ends[bucket] as usize] = *card;
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
            .filter(|card| table.deck(card.holder) == card.deck);
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
        fn deck(&self, holder: u32) -> u32 {
            self.0[holder as usize]
        }

        fn print(&self, cards: &mut [Card]) {
            for card in cards {
                card.head = (key(card.holder, card.deck) / 8) << 60;
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
                    hand.put(card.holder, &table);
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
