//! Slow work 后台任务: a row written in the transaction that asks for it, run by a worker.
//!
//! A handler may run again after a crash between its work and the note that it is done, so every
//! handler is idempotent. What passes off (a full disk, a busy partner) is [`Failure::Passing`] and
//! tried again, later and later; what never will is [`Failure::Final`] and says why.

mod progress;
mod routes;
mod store;
mod worker;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

pub use progress::{Progress, Progresses};
pub use routes::{JobView, router};
pub use store::{Job, enqueue, find};
pub use worker::{Worker, start};

use crate::error::{AppError, Kind};
use crate::state::AppState;

/// Why a job did not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Worth another attempt.
    Passing(String),
    /// Will never work; the text goes to the person who asked, in Chinese.
    Final(String),
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error.kind {
            Kind::Internal | Kind::Unavailable => Self::Passing(error.to_string()),
            _ => Self::Final(error.detail),
        }
    }
}

type Running = Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>>;

/// What does the jobs of one kind.
#[derive(Clone)]
pub struct Handler {
    /// `thing.verb`, as given to [`enqueue`].
    pub kind: &'static str,
    run: Arc<dyn Fn(AppState, Job, Progress) -> Running + Send + Sync>,
}

impl Handler {
    /// A handler from an async function.
    pub fn new<F, R>(kind: &'static str, run: F) -> Self
    where
        F: Fn(AppState, Job, Progress) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, Failure>> + Send + 'static,
    {
        Self {
            kind,
            run: Arc::new(move |state, job, progress| Box::pin(run(state, job, progress))),
        }
    }
}
