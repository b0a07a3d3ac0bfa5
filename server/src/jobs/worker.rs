//! The worker: one job after the other.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Failure, Handler, Job, store};
use crate::error::AppError;
use crate::state::AppState;

/// After so many attempts a passing failure is final.
const ATTEMPTS: u32 = 8;

/// The running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Lets the job that is running come to its end, and takes no other.
    pub async fn stop(self) {
        // The worker may have ended by itself; then there is nobody left to tell.
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the job worker did not end well");
        }
    }
}

/// Starts the worker. What an earlier process left running is queued again first.
pub async fn start(state: AppState, handlers: Vec<Handler>) -> Result<Worker, AppError> {
    state.db.write(|tx| Ok(store::requeue_running(tx)?)).await?;
    let (stop, mut stopped) = watch::channel(false);
    let task = tokio::spawn(async move {
        while !*stopped.borrow() {
            match next(&state).await {
                Ok(Some(job)) => run(&state, &handlers, job).await,
                Ok(None) => {
                    tokio::select! {
                        () = state.wake.notified() => {}
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                        _ = stopped.changed() => {}
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "cannot look for jobs");
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            }
        }
    });
    Ok(Worker { stop, task })
}

async fn next(state: &AppState) -> Result<Option<Job>, AppError> {
    let now = state.now();
    // Looking costs no write lock.
    if !state
        .db
        .read(move |tx| Ok(store::any_due(tx, now)?))
        .await?
    {
        return Ok(None);
    }
    state.db.write(move |tx| Ok(store::claim(tx, now)?)).await
}

async fn run(state: &AppState, handlers: &[Handler], job: Job) {
    let progress = state.progress.of(&job.id);
    let (id, attempts) = (job.id.clone(), job.attempts);
    let outcome = match handlers.iter().find(|handler| handler.kind == job.kind) {
        Some(handler) => {
            // In a task of its own, so that a panic is an outcome and not the worker's end.
            match tokio::spawn((handler.run)(state.clone(), job, progress.clone())).await {
                Ok(outcome) => outcome,
                Err(error) => Err(Failure::Final(format!("程序出错：{error}"))),
            }
        }
        None => Err(Failure::Final(format!("没有办理 {} 的程序", job.kind))),
    };
    let now = state.now();
    let noted = state
        .db
        .write(move |tx| {
            match outcome {
                Ok(result) => store::done(tx, &id, &result, now)?,
                Err(Failure::Passing(error)) if attempts < ATTEMPTS => {
                    tracing::warn!(job = id, attempts, error, "job will be tried again");
                    store::later(tx, &id, &error, now + pause(attempts))?;
                }
                Err(Failure::Passing(error) | Failure::Final(error)) => {
                    tracing::warn!(job = id, error, "job failed");
                    store::failed(tx, &id, &error, now)?;
                }
            }
            Ok(())
        })
        .await;
    progress.forget();
    if let Err(error) = noted {
        tracing::error!(%error, "cannot note a job's outcome; it runs again after a restart");
    }
}

/// Milliseconds before the next attempt: 5 s, doubled each time, at most an hour.
fn pause(attempts: u32) -> i64 {
    (5_000_i64 << attempts.saturating_sub(1).min(10)).min(3_600_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(1, 5_000)]
    #[case(2, 10_000)]
    #[case(8, 640_000)]
    #[case(30, 3_600_000)]
    fn pauses_grow_and_are_bounded(#[case] attempts: u32, #[case] expected: i64) {
        assert_eq!(pause(attempts), expected);
    }
}
