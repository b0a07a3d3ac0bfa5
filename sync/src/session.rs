//! The sync driver of a tablet: decides what to do next, does nothing itself.
//!
//! A host feeds [`Event`]s and carries out [`Effect`]s: packs a request from its store, sends it,
//! applies the answer in one transaction, moves chunks of photos, sets a timer. The order is
//! always records, then signatures (both in the one round trip), then thumbnails, renditions and
//! originals. Several chunks are on their way at a time, so that a link with a long delay is never
//! idle; a round trip goes beside them, so that a photo that hangs holds no record up. Storage
//! failures are events like network failures: nothing is assumed to have happened that was not
//! reported.
//!
//! ```
//! use sync::session::{Effect, Event, Session, Settings};
//! let mut session = Session::new(Settings::default());
//! assert_eq!(session.handle(0, Event::Woken), [Effect::Pack { limit: 65_536 }]);
//! assert_eq!(session.handle(5, Event::Packed(vec![1, 2])), [Effect::Send(vec![1, 2])]);
//! assert_eq!(session.handle(90, Event::Answered(vec![3])), [Effect::Apply(vec![3])]);
//! let applied = Event::Applied { more: false, transfers: vec![] };
//! assert_eq!(session.handle(95, applied), [Effect::Timer { at: 30_095 }]);
//! ```

use std::collections::VecDeque;

use crate::ids::{Sha256, TaskId};
use crate::message::{BlobRef, MAX_BODY_BYTES};

/// Smallest and greatest chunk of a blob, in bytes. What came of a chunk that was cut is kept, so the
/// smallest holds a thumbnail.
pub const MIN_CHUNK: u64 = 16 * 1024;
/// See [`MIN_CHUNK`].
pub const MAX_CHUNK: u64 = 1024 * 1024;
/// A chunk on a link of which nothing is known, in bytes.
const FIRST_CHUNK: u64 = 64 * 1024;
/// A chunk should take about this long where it has the link to itself: long enough to be worth a
/// request, short enough that others get their turn, in milliseconds.
const CHUNK_MS: f64 = 4_000.0;
/// A request with records should take no longer than this: what is cut off of it is sent again, in
/// milliseconds.
const BODY_MS: i64 = 3_000;
/// A body on a link of which nothing is known, in bytes.
const FIRST_BODY: usize = 64 * 1024;
/// Smallest limit of a body, in bytes.
const MIN_BODY: usize = 4 * 1024;
/// Where nothing got through for so long since something was last sent, who asks is not left waiting for it: twice
/// what a chunk should take, in milliseconds.
const HUNG_MS: i64 = 8_000;
/// A chunk is stuck when others have landed so many times its bytes since it took off: with a fair share of the
/// link it would have landed long ago.
const OVERTAKEN: u64 = 8;
const MAX_BACKOFF_MS: i64 = 5 * 60_000;
/// Asking a server that cannot be reached costs nobody anything, and a network that comes and goes is
/// missed by who waits long.
const MAX_OFFLINE_MS: i64 = 10_000;
/// First pause when the server cannot be reached, in milliseconds: asking costs nothing then.
const OFFLINE_MS: i64 = 100;
/// So many times it is asked again without a longer pause: most cuts are over in two seconds.
const EVEN_OFFLINE: u32 = 20;
/// Most chunks on their way at a time.
const MAX_FLYING: usize = 4;
/// So many bytes on their way keep a link of 64 kbit/s busy over a delay of four seconds; beyond two
/// chunks no more than this.
const FLYING_BYTES: u64 = 32 * 1024;
/// Originals begin to move on a link that bears so many bytes a second: one of 4 MiB takes half a minute.
pub const FAST_RATE: u64 = 128 * 1024;
/// And they stop when it bears fewer than so many, so that a link about as fast is not on and off.
const SLOW_RATE: u64 = FAST_RATE / 2;
/// Whether a link is fast is judged by so many bytes: a few small ones are mostly delay.
const JUDGED_BYTES: f64 = 128.0 * 1024.0;
/// What was measured so long ago says nothing of the link, in milliseconds: tablets change networks.
const FRESH_MS: i64 = 5 * 60_000;
/// Over about this time the rate of a link is averaged, in milliseconds.
const RATE_MS: f64 = 5_000.0;

/// On which links originals and clips move; all else moves on every link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Originals {
    Any,
    /// While the link bears [`FAST_RATE`], and half of it once they move. A link of which nothing is known, or
    /// nothing of the last five minutes, is measured by a few chunks of them.
    Fast,
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Pause between rounds when nothing happens, in milliseconds.
    pub poll_ms: i64,
    /// First pause after a failure, doubled with each further one up to five minutes; when the server
    /// cannot be reached, a tenth of a second if that is shorter.
    pub backoff_ms: i64,
    /// On which links originals and clips move.
    pub originals: Originals,
    /// What spreads pauses after a failure by up to a quarter, another number on each tablet: those that a
    /// server sent away together do not come back together. 0: not at all.
    pub spread: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            poll_ms: 30_000,
            backoff_ms: 250,
            originals: Originals::Any,
            spread: 0,
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

/// Which blob of which task.
pub type BlobName = (TaskId, Sha256);

impl Transfer {
    pub fn name(&self) -> BlobName {
        (self.blob.task, self.blob.sha256)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A timeout, a 5xx: tried again after a pause.
    Passing,
    /// The server cannot be reached: tried again after a short pause.
    Offline,
    /// Revoked, a protocol that is too old, a full disk: stops until a person or the host wakes it.
    Lasting,
    /// Only this blob: it is put aside until the next round.
    ThisBlob,
    /// Nothing moved for too long. Of a blob while others moved: only this blob; else the network.
    Stalled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something was written, or a network appeared.
    Woken,
    /// A person asks, and may have come to another network: what hangs is given up and tried anew, and a link that
    /// was slow is measured again.
    Asked,
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
    /// The [`Effect::Move`] of that blob is done and its `offset` stored at the other end (up) or here
    /// (down).
    Moved { blob: BlobName, offset: u64 },
    /// The [`Effect::Move`] of that blob failed.
    MoveFailed { blob: BlobName, failure: Failure },
    /// A step of the round trip failed.
    Failed(Failure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Pack a request of at most about so many bytes, that asks about no blob that is on its way.
    Pack {
        limit: usize,
    },
    Send(Vec<u8>),
    Apply(Vec<u8>),
    /// Move the next `length` bytes of a blob at most. Runs beside other effects.
    Move {
        transfer: Transfer,
        length: u64,
    },
    /// Drop everything that is under way: the network is gone.
    Abandon,
    /// Drop the [`Effect::Move`] of that blob: it is stuck.
    Drop {
        blob: BlobName,
    },
    /// Wake the session at this time; replaces an earlier timer.
    Timer {
        at: i64,
    },
}

/// Where the round trip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    None,
    Packing,
    Sending {
        since: i64,
        bytes: usize,
    },
    Applying,
    /// A lasting failure; only a wake starts again.
    Stopped,
}

#[derive(Debug)]
struct Flight {
    transfer: Transfer,
    length: u64,
    since: i64,
    /// Bytes of others that landed meanwhile.
    overtaken: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    round: Round,
    queue: VecDeque<Transfer>,
    flying: Vec<Flight>,
    /// What was on its way when the network failed, as it was known then.
    doubt: Vec<Transfer>,
    /// What came while the round is under way, with the offset to which it came.
    landed: Vec<Transfer>,
    body: usize,
    meter: Meter,
    failures: u32,
    /// Bytes of a blob moved since the last failure.
    moved: bool,
    /// Woken while busy: another round is due.
    again: bool,
}

impl Session {
    pub fn new(settings: Settings) -> Self {
        Session {
            settings,
            round: Round::None,
            queue: VecDeque::new(),
            flying: Vec::new(),
            doubt: Vec::new(),
            landed: Vec::new(),
            body: FIRST_BODY,
            meter: Meter::default(),
            failures: 0,
            moved: false,
            again: false,
        }
    }

    /// On which links originals and clips move from now on.
    pub fn set_originals(&mut self, originals: Originals) {
        self.settings.originals = originals;
        self.hold_back();
    }

    /// Whether originals and clips may move on the present link, as far as it is known.
    pub fn originals_may_move(&self) -> bool {
        match self.settings.originals {
            Originals::Any => true,
            Originals::Fast => self.meter.fast != Some(false),
            Originals::Never => false,
        }
    }

    /// Leaves to a later round what may not move on the present link.
    fn hold_back(&mut self) {
        if !self.originals_may_move() {
            self.queue.retain(|t| t.blob.kind.is_small());
        }
    }

    pub fn is_busy(&self) -> bool {
        !self.flying.is_empty() || !matches!(self.round, Round::None | Round::Stopped)
    }

    /// Whether a lasting failure stopped the session.
    pub fn is_stopped(&self) -> bool {
        self.round == Round::Stopped
    }

    /// How many times in a row nothing came of it.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Bytes a second that the link bears, as far as is known.
    pub fn rate(&self) -> Option<u64> {
        self.meter.rate.map(|per_ms| (per_ms * 1_000.0) as u64)
    }

    /// Blobs of which a chunk is on its way.
    pub fn flying(&self) -> impl Iterator<Item = BlobName> {
        self.flying.iter().map(|f| f.transfer.name())
    }

    /// Blobs of which a chunk was cut: how much of it came is to be asked before anything else.
    pub fn doubted(&self) -> impl Iterator<Item = BlobName> {
        self.doubt.iter().map(Transfer::name)
    }

    /// Takes an event at `now` (milliseconds of a clock that does not jump) and says what to do. An
    /// event that does not belong to the present state is ignored.
    pub fn handle(&mut self, now: i64, event: Event) -> Vec<Effect> {
        match (event, self.round) {
            (Event::Woken, Round::None | Round::Stopped) | (Event::TimerFired, Round::None) => {
                self.start(now)
            }
            (Event::Woken, _) => {
                self.again = true;
                vec![]
            }
            (Event::Asked, _) => self.asked(now),
            (Event::Packed(body), Round::Packing) => {
                let bytes = body.len();
                self.round = Round::Sending { since: now, bytes };
                vec![Effect::Send(body)]
            }
            (Event::Answered(body), Round::Sending { since, bytes }) => {
                self.sent(now, since, bytes);
                self.round = Round::Applying;
                vec![Effect::Apply(body)]
            }
            (Event::Applied { more, transfers }, Round::Applying) => {
                self.round = Round::None;
                let doubt = std::mem::take(&mut self.doubt);
                let more_came = |t: &Transfer| {
                    doubt
                        .iter()
                        .any(|d| d.name() == t.name() && t.offset > d.offset)
                };
                if transfers.iter().any(more_came) {
                    // A chunk that was cut brought something.
                    self.failures = 0;
                }
                self.queue = in_order(self.as_landed(transfers));
                self.hold_back();
                let flying: Vec<BlobName> = self.flying().collect();
                self.queue.retain(|t| !flying.contains(&t.name()));
                self.again |=
                    more || (!self.landed.is_empty() && self.queue.is_empty() && flying.is_empty());
                self.next(now)
            }
            (Event::Moved { blob, offset }, _) => self.moved(now, blob, offset),
            (Event::MoveFailed { blob, failure }, _) => self.move_failed(now, blob, failure),
            (Event::Failed(failure), _) if self.is_busy() => self.failed(now, failure),
            _ => vec![],
        }
    }

    fn asked(&mut self, now: i64) -> Vec<Effect> {
        if !self.originals_may_move() {
            self.meter.forget();
        }
        if !self.hangs(now) {
            return self.handle(now, Event::Woken);
        }
        self.give_up();
        let mut effects = vec![Effect::Abandon];
        effects.extend(self.start(now));
        effects
    }

    /// Whether all that is under way waits for the network, and that brings nothing.
    fn hangs(&self, now: i64) -> bool {
        let round = match self.round {
            Round::Packing | Round::Applying => return false,
            Round::Sending { since, .. } => Some(since),
            Round::None | Round::Stopped => None,
        };
        let sent = self.flying.iter().map(|f| f.since).chain(round).max();
        sent.is_some_and(|sent| now - sent.max(self.meter.last) >= HUNG_MS)
    }

    fn start(&mut self, now: i64) -> Vec<Effect> {
        self.again = false;
        self.landed.clear();
        self.round = Round::Packing;
        self.meter.begin(now, self.flying.is_empty());
        let bears = self.meter.rate.map(|rate| (rate * BODY_MS as f64) as usize);
        let limit = bears.map_or(self.body, |bears| bears.min(self.body));
        let mut effects = vec![Effect::Pack {
            limit: limit.clamp(MIN_BODY, MAX_BODY_BYTES),
        }];
        if self.failures > 0 {
            // After a cut, what is in no doubt goes on beside the question about the rest.
            effects.extend(self.launch(now));
        }
        effects
    }

    /// A request came through: what is known of the link, and how large the next may be.
    fn sent(&mut self, now: i64, since: i64, bytes: usize) {
        self.meter.passed(now, bytes as u64);
        if bytes * 2 >= self.body {
            let took = now - since;
            self.body = match took {
                ms if ms < BODY_MS / 2 => (self.body * 8).min(MAX_BODY_BYTES),
                ms if ms > BODY_MS * 2 => (self.body / 2).max(MIN_BODY),
                _ => self.body,
            };
        }
    }

    /// Between two steps: a due round first, then chunks as many as may be on their way, then rest.
    fn next(&mut self, now: i64) -> Vec<Effect> {
        if self.round != Round::None {
            return vec![];
        }
        if self.again {
            return self.start(now);
        }
        let effects = self.launch(now);
        if self.flying.is_empty() {
            self.failures = 0;
            return self.rest(now + self.settings.poll_ms);
        }
        effects
    }

    /// The length of the next chunk, in bytes. Where nothing came of it, less is tried.
    fn chunk(&self) -> u64 {
        let bears = self.meter.rate.map(|rate| (rate * CHUNK_MS) as u64);
        let length = bears.unwrap_or(FIRST_CHUNK) >> self.failures.min(20);
        length.clamp(MIN_CHUNK, MAX_CHUNK)
    }

    /// Chunks as many as may be on their way. Nothing overtakes what waits in doubt.
    fn launch(&mut self, now: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let in_doubt = self.doubt.iter().map(|t| t.blob.kind).min();
        while let Some(transfer) = self.queue.front() {
            let in_flight: u64 = self.flying.iter().map(|f| f.length).sum();
            let few = self.flying.len() < 2 || in_flight < FLYING_BYTES;
            let overtakes = in_doubt.is_some_and(|kind| transfer.blob.kind > kind);
            if self.flying.len() >= MAX_FLYING || !few || overtakes {
                break;
            }
            let left = transfer.blob.size.saturating_sub(transfer.offset);
            let length = left.min(self.chunk());
            let Some(transfer) = self.queue.pop_front() else {
                break;
            };
            self.meter.begin(now, self.flying.is_empty());
            self.flying.push(Flight {
                transfer: transfer.clone(),
                length,
                since: now,
                overtaken: 0,
            });
            effects.push(Effect::Move { transfer, length });
        }
        effects
    }

    fn rest(&mut self, until: i64) -> Vec<Effect> {
        vec![Effect::Timer { at: until }]
    }

    /// What should move, less what came meanwhile: the list may be older than a chunk that went beside
    /// the round.
    fn as_landed(&self, mut transfers: Vec<Transfer>) -> Vec<Transfer> {
        for transfer in &mut transfers {
            let landed = self.landed.iter().filter(|t| t.name() == transfer.name());
            let furthest = landed.map(|t| t.offset).max().unwrap_or(0);
            transfer.offset = transfer.offset.max(furthest);
        }
        transfers.retain(|t| t.offset < t.blob.size);
        transfers
    }

    fn land(&mut self, blob: BlobName) -> Option<Flight> {
        let at = self.flying.iter().position(|f| f.transfer.name() == blob)?;
        Some(self.flying.swap_remove(at))
    }

    fn moved(&mut self, now: i64, blob: BlobName, offset: u64) -> Vec<Effect> {
        let Some(flight) = self.land(blob) else {
            return vec![];
        };
        let Flight {
            mut transfer,
            length,
            ..
        } = flight;
        if offset > transfer.offset {
            self.failures = 0;
            self.moved = true;
        }
        let came = offset.saturating_sub(transfer.offset).min(length);
        self.meter.passed(now, came);
        let mut effects = self.drop_stuck(came);
        transfer.offset = offset;
        if self.round != Round::None {
            self.landed.push(transfer.clone());
        }
        let whole = offset >= transfer.blob.size;
        if !whole {
            self.queue.push_front(transfer);
        }
        self.hold_back();
        if whole && self.queue.is_empty() && self.flying.is_empty() {
            // The receipts come with the next round.
            self.again = true;
        }
        effects.extend(self.next(now));
        effects
    }

    /// So many bytes of another landed: what that overtook too often goes anew, most likely on another connection,
    /// once it is known how much of it came.
    fn drop_stuck(&mut self, came: u64) -> Vec<Effect> {
        for flight in &mut self.flying {
            flight.overtaken += came;
        }
        let is_stuck = |f: &Flight| f.overtaken >= OVERTAKEN * f.length.max(MIN_CHUNK);
        let (stuck, flying): (Vec<Flight>, _) = std::mem::take(&mut self.flying)
            .into_iter()
            .partition(is_stuck);
        self.flying = flying;
        self.again |= !stuck.is_empty();
        let stuck: Vec<Transfer> = stuck.into_iter().map(|f| f.transfer).collect();
        self.doubt.extend_from_slice(&stuck);
        let drop = |t: &Transfer| Effect::Drop { blob: t.name() };
        stuck.iter().map(drop).collect()
    }

    fn move_failed(&mut self, now: i64, blob: BlobName, failure: Failure) -> Vec<Effect> {
        let Some(flight) = self.land(blob) else {
            return vec![];
        };
        let alone = match failure {
            Failure::ThisBlob => true,
            Failure::Stalled => self.meter.last > flight.since,
            Failure::Passing | Failure::Offline | Failure::Lasting => false,
        };
        if alone {
            if failure == Failure::Stalled {
                self.doubt.push(flight.transfer);
                self.again = true;
            } else if self.queue.is_empty() && self.flying.is_empty() && self.moved {
                self.again = true;
                self.moved = false;
            }
            return self.next(now);
        }
        self.flying.push(flight);
        self.failed(now, failure)
    }

    /// Nothing is under way any more.
    fn give_up(&mut self) {
        if let Round::Sending { bytes, .. } = self.round {
            // Less, but not so little that it would be all delay; an idle request says nothing.
            if bytes * 2 >= self.body {
                self.body = (self.body / 4).max(MIN_BODY);
            }
        }
        // How much of these came is in doubt.
        let doubt = self.flying.drain(..).map(|f| f.transfer);
        self.doubt.extend(doubt);
        self.again = false;
        self.moved = false;
        self.round = Round::None;
    }

    fn failed(&mut self, now: i64, failure: Failure) -> Vec<Effect> {
        self.give_up();
        if failure == Failure::Lasting {
            self.round = Round::Stopped;
            self.queue.clear();
            return vec![Effect::Abandon];
        }
        let (first, doublings, most) = match failure {
            Failure::Offline => (
                OFFLINE_MS.min(self.settings.backoff_ms),
                self.failures.saturating_sub(EVEN_OFFLINE),
                MAX_OFFLINE_MS,
            ),
            _ => (self.settings.backoff_ms, self.failures, MAX_BACKOFF_MS),
        };
        let pause = first << doublings.min(20);
        self.failures += 1;
        let pause = self.spread(pause.min(most));
        let mut effects = vec![Effect::Abandon];
        effects.extend(self.rest(now + pause));
        effects
    }

    /// The pause, up to a quarter shorter or longer. Fair enough from a multiplier (Knuth's MMIX).
    fn spread(&mut self, pause: i64) -> i64 {
        let luck = &mut self.settings.spread;
        if *luck == 0 {
            return pause;
        }
        *luck = luck
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = (*luck >> 33) as i64 % 501;
        pause * (750 + share) / 1_000
    }
}

/// How fast bytes get through, averaged.
#[derive(Debug, Default)]
struct Meter {
    /// Bytes a millisecond.
    rate: Option<f64>,
    /// Since when the bytes that pass next were on their way, at the earliest.
    mark: i64,
    /// When something last got through.
    last: i64,
    /// What passed since `mark` and was too little to say anything.
    small: u64,
    /// When the rate was measured last.
    measured: i64,
    /// Bytes that passed since the link was last judged, and the milliseconds that they took.
    unjudged: (f64, f64),
    /// See [`Originals::Fast`]; `None`: nothing is known.
    fast: Option<bool>,
}

impl Meter {
    /// Something starts on its way.
    fn begin(&mut self, now: i64, alone: bool) {
        if alone {
            self.mark = now;
            self.small = 0;
            if now - self.measured >= FRESH_MS {
                self.forget();
            }
        }
    }

    /// The link may be another one.
    fn forget(&mut self) {
        (self.rate, self.fast, self.unjudged) = (None, None, (0.0, 0.0));
    }

    fn judge(&mut self, bytes: f64, took: f64) {
        self.unjudged = (self.unjudged.0 + bytes, self.unjudged.1 + took);
        let (bytes, took) = self.unjudged;
        if bytes >= JUDGED_BYTES {
            let was_fast = self.fast == Some(true);
            let least = if was_fast { SLOW_RATE } else { FAST_RATE };
            self.fast = Some(bytes * 1_000.0 / took >= least as f64);
            self.unjudged = (0.0, 0.0);
        }
    }

    fn passed(&mut self, now: i64, bytes: u64) {
        self.last = now;
        self.small += bytes;
        // A small message is all delay.
        if self.small < 4 * 1024 {
            return;
        }
        let (bytes, took) = (self.small as f64, (now - self.mark).max(1) as f64);
        let rate = self.rate.map_or(bytes / took, |rate| {
            (rate * RATE_MS + bytes) / (RATE_MS + took)
        });
        self.rate = Some(rate);
        self.judge(bytes, took);
        self.measured = now;
        self.mark = now;
        self.small = 0;
    }
}

/// Thumbnails before renditions before originals; of one kind, what is nearly there first.
fn in_order(mut transfers: Vec<Transfer>) -> VecDeque<Transfer> {
    transfers.sort_by_key(|t| (t.blob.kind, t.blob.size - t.offset.min(t.blob.size)));
    transfers.into()
}

#[cfg(test)]
mod tests;
