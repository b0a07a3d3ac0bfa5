//! The sync driver of a tablet: decides what to do next, does nothing itself.
//!
//! A host feeds [`Event`]s and carries out [`Effect`]s: packs a request from its store, sends it,
//! applies the answer in one transaction, moves a chunk of a photo, sets a timer. The order is
//! always records, then signatures (both in the one round trip), then thumbnails, renditions and
//! originals; when something new is written while photos move, the next chunk waits for a round
//! trip. Storage failures are events like network failures: nothing is assumed to have happened
//! that was not reported.
//!
//! ```
//! use sync::session::{Effect, Event, Session, Settings};
//! let mut session = Session::new(Settings::default());
//! assert_eq!(session.handle(0, Event::Woken), [Effect::Pack]);
//! assert_eq!(session.handle(5, Event::Packed(vec![1, 2])), [Effect::Send(vec![1, 2])]);
//! assert_eq!(session.handle(90, Event::Answered(vec![3])), [Effect::Apply(vec![3])]);
//! let applied = Event::Applied { more: false, transfers: vec![] };
//! assert_eq!(session.handle(95, applied), [Effect::Timer { at: 30_095 }]);
//! ```

use std::collections::VecDeque;

use crate::message::{BlobKind, BlobRef};

/// Smallest and greatest chunk of a blob, in bytes.
pub const MIN_CHUNK: u64 = 8 * 1024;
/// See [`MIN_CHUNK`].
pub const MAX_CHUNK: u64 = 1024 * 1024;
/// A chunk should take about this long: long enough to be worth a request, short enough that a cut
/// costs little, in milliseconds.
const CHUNK_MS: i64 = 2_000;
const MAX_BACKOFF_MS: i64 = 5 * 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Pause between rounds when nothing happens, in milliseconds.
    pub poll_ms: i64,
    /// First pause after a failure, doubled with each further one up to five minutes.
    pub backoff_ms: i64,
    /// Whether originals may move on the present link.
    pub originals: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            poll_ms: 30_000,
            backoff_ms: 2_000,
            originals: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// A blob on its way; `offset` bytes are safely at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub direction: Direction,
    pub blob: BlobRef,
    pub offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No network, a timeout, a 5xx: tried again after a pause.
    Passing,
    /// Revoked, a protocol that is too old, a full disk: stops until a person or the host wakes it.
    Lasting,
    /// Only this blob: it is put aside until the next round.
    ThisBlob,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something was written, a network appeared, or a person asked.
    Woken,
    /// The timer fired.
    TimerFired,
    /// The request that [`Effect::Pack`] asked for.
    Packed(Vec<u8>),
    /// The server's answer to [`Effect::Send`].
    Answered(Vec<u8>),
    /// [`Effect::Apply`] is committed. `transfers` is all that should move now.
    Applied {
        more: bool,
        transfers: Vec<Transfer>,
    },
    /// [`Effect::Move`] is done and its `offset` stored at the other end (up) or here (down).
    Moved {
        offset: u64,
    },
    Failed(Failure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Pack,
    Send(Vec<u8>),
    Apply(Vec<u8>),
    /// Move the next `length` bytes of a blob at most.
    Move {
        transfer: Transfer,
        length: u64,
    },
    /// Wake the session at this time; replaces an earlier timer.
    Timer {
        at: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Packing,
    Sending,
    Applying,
    Moving {
        since: i64,
    },
    /// A lasting failure; only a wake starts again.
    Stopped,
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    phase: Phase,
    queue: VecDeque<Transfer>,
    chunk: u64,
    failures: u32,
    /// Woken while busy: another round is due.
    again: bool,
}

impl Session {
    pub fn new(settings: Settings) -> Self {
        Session {
            settings,
            phase: Phase::Idle,
            queue: VecDeque::new(),
            chunk: 64 * 1024,
            failures: 0,
            again: false,
        }
    }

    /// Whether originals may move on the present link.
    pub fn allow_originals(&mut self, allowed: bool) {
        self.settings.originals = allowed;
    }

    pub fn is_busy(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Stopped)
    }

    /// Whether a lasting failure stopped the session.
    pub fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    /// Takes an event at `now` (milliseconds of a clock that does not jump) and says what to do. An
    /// event that does not belong to the present phase is ignored.
    pub fn handle(&mut self, now: i64, event: Event) -> Vec<Effect> {
        match (event, self.phase) {
            (Event::Woken, Phase::Idle | Phase::Stopped) | (Event::TimerFired, Phase::Idle) => {
                self.start()
            }
            (Event::Woken, _) => {
                self.again = true;
                vec![]
            }
            (Event::Packed(body), Phase::Packing) => {
                self.phase = Phase::Sending;
                vec![Effect::Send(body)]
            }
            (Event::Answered(body), Phase::Sending) => {
                self.phase = Phase::Applying;
                vec![Effect::Apply(body)]
            }
            (Event::Applied { more, transfers }, Phase::Applying) => {
                self.failures = 0;
                self.queue = in_order(transfers, self.settings.originals);
                self.again |= more;
                self.next(now)
            }
            (Event::Moved { offset }, Phase::Moving { since }) => self.moved(now, since, offset),
            (Event::Failed(failure), phase) if self.is_busy() => self.failed(now, failure, phase),
            _ => vec![],
        }
    }

    fn start(&mut self) -> Vec<Effect> {
        self.again = false;
        self.phase = Phase::Packing;
        vec![Effect::Pack]
    }

    /// Between two steps: a due round first, then the next chunk, then rest.
    fn next(&mut self, now: i64) -> Vec<Effect> {
        if self.again {
            return self.start();
        }
        match self.queue.front() {
            Some(transfer) => {
                self.phase = Phase::Moving { since: now };
                let left = transfer.blob.size.saturating_sub(transfer.offset);
                vec![Effect::Move {
                    transfer: transfer.clone(),
                    length: left.min(self.chunk),
                }]
            }
            None => self.rest(now + self.settings.poll_ms),
        }
    }

    fn rest(&mut self, until: i64) -> Vec<Effect> {
        self.phase = Phase::Idle;
        vec![Effect::Timer { at: until }]
    }

    fn moved(&mut self, now: i64, since: i64, offset: u64) -> Vec<Effect> {
        self.failures = 0;
        self.chunk = match now - since {
            ms if ms < CHUNK_MS / 2 => (self.chunk * 2).min(MAX_CHUNK),
            ms if ms > CHUNK_MS * 2 => (self.chunk / 2).max(MIN_CHUNK),
            _ => self.chunk,
        };
        if let Some(transfer) = self.queue.front_mut() {
            transfer.offset = offset;
            if offset >= transfer.blob.size {
                self.queue.pop_front();
                // Its receipt comes with the next round.
                if self.queue.is_empty() {
                    self.again = true;
                }
            }
        }
        self.next(now)
    }

    fn failed(&mut self, now: i64, failure: Failure, phase: Phase) -> Vec<Effect> {
        if matches!(phase, Phase::Moving { .. }) {
            self.chunk = (self.chunk / 4).max(MIN_CHUNK);
        }
        match failure {
            Failure::ThisBlob if matches!(phase, Phase::Moving { .. }) => {
                self.queue.pop_front();
                self.next(now)
            }
            Failure::Lasting => {
                self.phase = Phase::Stopped;
                vec![]
            }
            Failure::Passing | Failure::ThisBlob => {
                let pause = self.settings.backoff_ms << self.failures.min(10);
                self.failures += 1;
                self.again = false;
                self.rest(now + pause.min(MAX_BACKOFF_MS))
            }
        }
    }
}

/// Thumbnails before renditions before originals; of one kind, what is nearly there first.
fn in_order(mut transfers: Vec<Transfer>, originals: bool) -> VecDeque<Transfer> {
    transfers.retain(|t| originals || t.blob.kind != BlobKind::Original);
    transfers.sort_by_key(|t| (t.blob.kind, t.blob.size - t.offset.min(t.blob.size)));
    transfers.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Sha256, TaskId};

    fn up(kind: BlobKind, size: u64, offset: u64) -> Transfer {
        let blob = BlobRef {
            task: TaskId([1; 16]),
            sha256: Sha256([size as u8; 32]),
            size,
            kind,
        };
        Transfer {
            direction: Direction::Up,
            blob,
            offset,
        }
    }

    /// A session that has just applied an answer.
    fn applied(transfers: Vec<Transfer>) -> (Session, Vec<Effect>) {
        let mut s = Session::new(Settings::default());
        s.handle(0, Event::Woken);
        s.handle(0, Event::Packed(vec![]));
        s.handle(0, Event::Answered(vec![]));
        let effects = s.handle(
            0,
            Event::Applied {
                more: false,
                transfers,
            },
        );
        (s, effects)
    }

    fn moves(effects: &[Effect]) -> Option<(BlobKind, u64, u64)> {
        match effects {
            [Effect::Move { transfer, length }] => {
                Some((transfer.blob.kind, transfer.offset, *length))
            }
            _ => None,
        }
    }

    #[test]
    fn thumbnails_move_before_originals() {
        // F7
        let (mut s, first) = applied(vec![
            up(BlobKind::Original, 200, 0),
            up(BlobKind::Thumbnail, 100, 40),
        ]);
        assert_eq!(moves(&first), Some((BlobKind::Thumbnail, 40, 60)));
        let next = s.handle(1, Event::Moved { offset: 100 });
        assert_eq!(moves(&next), Some((BlobKind::Original, 0, 200)));
        assert_eq!(
            s.handle(2, Event::Moved { offset: 200 }),
            [Effect::Pack],
            "asks for the receipts"
        );
    }

    #[test]
    fn a_record_written_meanwhile_goes_before_the_next_chunk() {
        // F7; lesson 12: look at the queue again after each pass
        let (mut s, _) = applied(vec![up(BlobKind::Original, 10_000_000, 0)]);
        assert_eq!(s.handle(1, Event::Woken), []);
        assert_eq!(s.handle(2, Event::Moved { offset: 65_536 }), [Effect::Pack]);
    }

    #[test]
    fn passing_failures_back_off_and_lasting_ones_stop() {
        // lesson 13
        let mut s = Session::new(Settings::default());
        let mut pauses = Vec::new();
        for _ in 0..12 {
            s.handle(0, Event::TimerFired);
            match &s.handle(0, Event::Failed(Failure::Passing))[..] {
                [Effect::Timer { at }] => pauses.push(*at),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pauses[..4], [2_000, 4_000, 8_000, 16_000]);
        assert_eq!(pauses[11], MAX_BACKOFF_MS);
        s.handle(0, Event::Woken);
        assert_eq!(s.handle(0, Event::Failed(Failure::Lasting)), []);
        assert!(s.is_stopped());
        assert_eq!(s.handle(0, Event::TimerFired), []);
        assert_eq!(s.handle(0, Event::Woken), [Effect::Pack]);
    }

    #[test]
    fn one_bad_photo_does_not_hold_up_the_others() {
        // lesson 4, lesson 14
        let (mut s, _) = applied(vec![
            up(BlobKind::Thumbnail, 10, 0),
            up(BlobKind::Thumbnail, 20, 0),
        ]);
        assert_eq!(
            moves(&s.handle(1, Event::Failed(Failure::ThisBlob))),
            Some((BlobKind::Thumbnail, 0, 20))
        );
    }

    #[test]
    fn chunks_follow_the_link() {
        // F7: 8 KiB to 1 MiB
        let (mut s, first) = applied(vec![up(BlobKind::Original, 1 << 30, 0)]);
        let Some((_, _, mut length)) = moves(&first) else {
            panic!()
        };
        for i in 1..10 {
            length = moves(&s.handle(i, Event::Moved { offset: 1 })).unwrap().2;
        }
        assert_eq!(length, MAX_CHUNK);
        for i in 1..10 {
            length = moves(&s.handle(100 + i * 10_000, Event::Moved { offset: 1 }))
                .unwrap()
                .2;
        }
        assert_eq!(length, MIN_CHUNK);
    }

    #[test]
    fn originals_wait_for_a_link_that_the_user_allows() {
        let mut s = Session::new(Settings {
            originals: false,
            ..Settings::default()
        });
        s.handle(0, Event::Woken);
        s.handle(0, Event::Packed(vec![]));
        s.handle(0, Event::Answered(vec![]));
        let transfers = vec![up(BlobKind::Original, 5, 0)];
        let effects = s.handle(
            0,
            Event::Applied {
                more: false,
                transfers,
            },
        );
        assert_eq!(effects, [Effect::Timer { at: 30_000 }]);
    }

    #[test]
    fn events_out_of_turn_are_ignored() {
        let mut s = Session::new(Settings::default());
        assert_eq!(s.handle(0, Event::Answered(vec![])), []);
        assert_eq!(s.handle(0, Event::Moved { offset: 1 }), []);
        assert_eq!(s.handle(0, Event::Failed(Failure::Passing)), []);
        assert_eq!(s.handle(0, Event::Woken), [Effect::Pack]);
    }
}
