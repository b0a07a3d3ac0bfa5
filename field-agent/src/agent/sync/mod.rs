//! Carries out what [`sync::session::Session`] decides: pack, send, apply, move, rest.
//!
//! Nothing here holds the store while it waits for the network: each step opens a short transaction,
//! closes it, talks, and opens another. A process that is killed between any two steps starts again
//! from what is on disk, and what was sent twice is known by its hash.

mod admission;
mod apply;
mod grants;
mod pack;
mod policy;
mod reauthor;
mod receipts;
mod transfer;
mod words;

pub(super) use apply::{
    Applied, apply_from_office_file, apply_from_tablet, apply_rosters, forget_log_places, log_place,
};
use pack::OnTheWay;
pub(super) use pack::{blob_ref, form_of, signed_docs};
pub(super) use policy::chosen as originals_chosen;
pub(super) use transfer::{begin_blob, keep_blob, keep_photo, wanted_blob};
pub(super) use words::kept_out;

use std::sync::Arc;

use ::sync::ids::{Sha256, TaskId};
use ::sync::message::{BlobRef, VERSION};
use ::sync::session::{BlobName, Effect, Event, Failure, Session, Settings};
use ::sync::signing::RequestAuth;
use tokio::task::{AbortHandle, JoinSet};

use super::{Agent, lock, storage, wipe};
use crate::api::Problem;
use crate::api::sync::{SyncError, SyncPhase};
use crate::ports::{FetchAnswer, FetchError, FetchRequest};

/// What the driver remembers between passes; nothing of it needs to survive a restart.
#[derive(Default)]
pub(super) struct DriverState {
    session: Option<Session>,
    pub running: bool,
    pub stopped: bool,
    pub failures: u32,
    pub last_try_at: Option<i64>,
    pub next_try_at: Option<i64>,
    pub last_error: Option<SyncError>,
    /// A person or an unlock asked: do not wait for the back-off.
    urgent: bool,
    sent: InFlight,
    /// When originals were last looked through, by the clock that never jumps.
    pub slimmed_at: Option<i64>,
    /// When files that nothing names were last looked for, by the same clock.
    pub swept_at: Option<i64>,
    /// The server's feed was read to its end, so that every record is here as far as it is known.
    pub read_all: bool,
}

/// What the last request held, in its order, to read the verdicts by.
#[derive(Default, Clone)]
struct InFlight {
    docs: Vec<(TaskId, Vec<Sha256>)>,
    signatures: Vec<Sha256>,
    blobs: Vec<BlobRef>,
    /// More changes wait than the request could hold.
    left: bool,
}

/// Steps that are under way: each ends in an event.
#[derive(Default)]
struct Steps {
    all: JoinSet<Result<Event, (StepFailure, Event)>>,
    /// Those that wait for the network, with the photo or clip that they move. What is written to the disk is never broken off.
    network: Vec<(Option<BlobName>, AbortHandle)>,
}

/// Why a step failed.
struct StepFailure {
    failure: Failure,
    error: Option<(String, String)>,
}

impl StepFailure {
    fn passing(code: &str, text: &str) -> Self {
        StepFailure {
            failure: Failure::Passing,
            error: Some((code.into(), text.into())),
        }
    }

    fn lasting(code: &str, text: &str) -> Self {
        StepFailure {
            failure: Failure::Lasting,
            error: Some((code.into(), text.into())),
        }
    }

    fn storage(problem: &Problem) -> Self {
        Self::passing(&problem.code, &problem.detail)
    }
}

impl Agent {
    /// Waits until something was written or a person asked for a sync.
    pub async fn wait_for_work(&self) {
        self.wake.notified().await;
    }

    /// Milliseconds until the next pass is due; `None`: only a wake starts one.
    pub fn next_pass_in(&self) -> Option<i64> {
        if lock(&self.open).is_none() {
            return None;
        }
        let driver = lock(&self.driver);
        if driver.running {
            // Somebody else's pass; look again when it may be over.
            return Some(1_000);
        }
        if driver.urgent {
            return Some(0);
        }
        if driver.stopped {
            return None;
        }
        Some(
            driver
                .next_try_at
                .map_or(0, |at| (at - self.clock.monotonic_ms()).max(0)),
        )
    }

    /// One pass, whatever the back-off says: everything that can be brought to the server and back
    /// now. Returns the error that ended it, if one did.
    pub async fn sync_once(self: &Arc<Self>) -> Option<SyncError> {
        lock(&self.driver).urgent = true;
        self.sync_pass().await;
        lock(&self.driver).last_error.clone()
    }

    /// Something was written: the next step looks at the queue again (lesson 12).
    pub(super) fn wake_sync(&self) {
        self.written.notify_one();
        self.grown.notify_one();
        self.wake.notify_one();
    }

    /// A person asked.
    pub(super) fn wake_urgently(&self) {
        let mut driver = lock(&self.driver);
        driver.urgent = true;
        drop(driver);
        self.asked.notify_one();
        self.wake.notify_one();
    }

    /// One pass of the background sync: returns when there is nothing to do before the next timer.
    pub async fn sync_pass(self: &Arc<Self>) {
        let now = self.clock.monotonic_ms();
        let Some(server) = self.server_when_open() else {
            return;
        };
        let originals = self.with_open(|open| policy::chosen(&open.db).map_err(storage));
        let mut effects = {
            let mut driver = lock(&self.driver);
            if driver.running {
                return;
            }
            let backing_off = driver.failures > 0 && driver.next_try_at.is_some_and(|at| now < at);
            let urgent = std::mem::take(&mut driver.urgent);
            if (backing_off || driver.stopped) && !urgent {
                return;
            }
            driver.running = true;
            driver.stopped = false;
            driver.last_try_at = Some(self.now());
            let session = driver.session.get_or_insert_with(|| {
                let mut spread = [0; 8];
                self.fill(&mut spread);
                Session::new(Settings {
                    spread: u64::from_le_bytes(spread),
                    ..Settings::default()
                })
            });
            if let Ok(originals) = originals {
                session.set_originals(originals.for_session());
            }
            session.handle(now, if urgent { Event::Asked } else { Event::Woken })
        };
        self.touch();
        // What was written or asked before goes with the first request.
        for before in [&self.written, &self.asked] {
            tokio::select! {
                biased;
                () = before.notified() => {}
                () = std::future::ready(()) => {}
            }
        }
        let mut steps = Steps::default();
        loop {
            for effect in effects.drain(..) {
                self.begin(&mut steps, &server, effect);
            }
            let event = tokio::select! {
                // What is written meanwhile goes beside what is under way (lesson 12, lesson 28).
                () = self.written.notified(), if !steps.all.is_empty() => Event::Woken,
                () = self.asked.notified(), if !steps.all.is_empty() => Event::Asked,
                step = steps.all.join_next() => match step {
                    None => break,
                    Some(Ok(Ok(event))) => event,
                    Some(Ok(Err((step, event)))) => {
                        self.remember_failure(&step);
                        event
                    }
                    // Abandoned; that a step panicked was told where it did.
                    Some(Err(e)) if e.is_cancelled() => continue,
                    Some(Err(_)) => Event::Failed(Failure::Passing),
                },
            };
            let now = self.clock.monotonic_ms();
            let mut driver = lock(&self.driver);
            if matches!(event, Event::Applied { .. } | Event::Moved { .. }) {
                driver.last_error = None;
            }
            if let Some(session) = driver.session.as_mut() {
                effects = session.handle(now, event);
                driver.failures = session.failures();
            }
        }
        if let Err(problem) = self.on_disk(|a| Ok(a.slim())).await.unwrap_or(Ok(0)) {
            tracing::error!(%problem, "slimming");
        }
        if let Err(problem) = self
            .on_disk(|a| Ok(a.clear_unnamed()))
            .await
            .unwrap_or(Ok(0))
        {
            tracing::error!(%problem, "files that nothing names");
        }
        let mut driver = lock(&self.driver);
        driver.running = false;
        driver.stopped = driver.session.as_ref().is_some_and(Session::is_stopped);
        drop(driver);
        self.touch();
    }

    fn remember_failure(&self, step: &StepFailure) {
        let Some((code, text)) = step.error.clone() else {
            return;
        };
        tracing::info!(%code, "sync step failed");
        lock(&self.driver).last_error = Some(SyncError {
            code,
            text,
            permanent: step.failure == Failure::Lasting,
            at: self.now(),
        });
    }

    /// Starts a step beside those that are under way.
    fn begin(self: &Arc<Self>, steps: &mut Steps, server: &str, effect: Effect) {
        let (agent, server) = (self.clone(), server.to_owned());
        let round = |step: StepFailure| {
            let failure = step.failure;
            (step, Event::Failed(failure))
        };
        match effect {
            Effect::Timer { at } => lock(&self.driver).next_try_at = Some(at),
            Effect::Abandon => steps.network.drain(..).for_each(|(_, step)| step.abort()),
            Effect::Drop { blob } => {
                let stuck = steps.network.iter().filter(|(of, _)| *of == Some(blob));
                stuck.for_each(|(_, step)| step.abort());
            }
            Effect::Pack { limit } => {
                let known =
                    lock(&self.driver)
                        .session
                        .as_ref()
                        .map_or_else(OnTheWay::default, |s| OnTheWay {
                            flying: s.flying().collect(),
                            doubted: s.doubted().collect(),
                        });
                steps.all.spawn(async move {
                    let packed = agent.on_disk(move |a| a.pack(limit, &known)).await;
                    packed.map(Event::Packed).map_err(round)
                });
            }
            Effect::Send(body) => {
                let step = steps.all.spawn(async move {
                    let answer = agent.send(&server, body).await;
                    answer.map(Event::Answered).map_err(round)
                });
                steps.network.push((None, step));
            }
            Effect::Apply(body) => {
                steps.all.spawn(async move {
                    agent.on_disk(move |a| a.apply(&body)).await.map_err(round)
                });
            }
            Effect::Move { transfer, length } => {
                steps.network.retain(|(_, step)| !step.is_finished());
                let blob = transfer.name();
                let step = steps.all.spawn(async move {
                    let moved = agent.move_chunk(&server, transfer, length).await;
                    moved
                        .map(|offset| Event::Moved { blob, offset })
                        .map_err(|step| {
                            let failure = step.failure;
                            (step, Event::MoveFailed { blob, failure })
                        })
                });
                steps.network.push((Some(blob), step));
            }
        }
    }

    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Agent) -> Result<T, StepFailure> + Send + 'static,
    ) -> Result<T, StepFailure> {
        let agent = self.clone();
        match tokio::task::spawn_blocking(move || work(&agent)).await {
            Ok(result) => result,
            Err(e) => Err(StepFailure::storage(&Problem::internal(&e))),
        }
    }

    /// The server's address, once the tablet is enrolled and the store is open.
    fn server_when_open(&self) -> Option<String> {
        lock(&self.open).as_ref()?;
        lock(&self.vault).get("server").ok().flatten()
    }

    /// A request that the device's key signs.
    async fn signed_fetch(
        &self,
        server: &str,
        method: &'static str,
        path: String,
        mut headers: Vec<(String, String)>,
        body: Vec<u8>,
        limit: usize,
    ) -> Result<FetchAnswer, FetchError> {
        let mut nonce = [0; 16];
        self.fill(&mut nonce);
        let auth = {
            let open = lock(&self.open);
            let Some(open) = open.as_ref() else {
                return Err(FetchError::Offline("store is closed".into()));
            };
            RequestAuth::sign(&open.device, method, &path, &body, self.now(), nonce)
        };
        headers.push(("authorization".into(), auth.header()));
        self.fetch
            .fetch(
                server,
                FetchRequest {
                    method,
                    path,
                    headers,
                    body,
                    limit,
                },
            )
            .await
    }

    async fn send(self: &Arc<Self>, server: &str, body: Vec<u8>) -> Result<Vec<u8>, StepFailure> {
        let headers = vec![(
            "content-type".into(),
            "application/vnd.double-random.sync".into(),
        )];
        let path = format!("/sync/v{VERSION}");
        let answer = self
            .signed_fetch(
                server,
                "POST",
                path,
                headers,
                body,
                ::sync::message::MAX_BODY_BYTES,
            )
            .await
            .map_err(|e| words::network(&e))?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let ordered = lock(&self.open)
            .as_ref()
            .is_some_and(|o| wipe::is_ordered(&answer, &o.server_key, &o.device_key()));
        if ordered {
            self.on_disk(|a| a.wipe().map_err(|p| StepFailure::storage(&p)))
                .await?;
            return Err(words::wiped());
        }
        Err(words::status(&answer))
    }

    /// Bytes a second that the link bears, as far as is known.
    pub(super) fn link_rate(&self) -> Option<u64> {
        lock(&self.driver).session.as_ref().and_then(Session::rate)
    }

    /// What the background sync is doing; a pass that was asked for counts as running.
    pub(super) fn phase(&self) -> SyncPhase {
        let enrolled = lock(&self.vault).get("device").ok().flatten().is_some();
        if !enrolled {
            return SyncPhase::NotEnrolled;
        }
        if lock(&self.open).is_none() {
            return SyncPhase::Locked;
        }
        let driver = lock(&self.driver);
        match (
            driver.running || driver.urgent,
            driver.stopped,
            driver.failures,
        ) {
            (true, ..) => SyncPhase::Running,
            (_, true, _) => SyncPhase::Stopped,
            (_, _, 1..) => SyncPhase::BackingOff,
            _ => SyncPhase::Idle,
        }
    }
}
