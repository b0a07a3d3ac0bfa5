//! How far running jobs are. In memory only: a job that is interrupted starts again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Done and total of every running job.
#[derive(Clone, Default)]
pub struct Progresses(Arc<Mutex<HashMap<String, (u64, u64)>>>);

/// Where one job notes how far it is.
#[derive(Clone)]
pub struct Progress {
    all: Progresses,
    job: String,
}

impl Progresses {
    /// For the job with this id.
    pub fn of(&self, job: &str) -> Progress {
        Progress {
            all: self.clone(),
            job: job.to_owned(),
        }
    }

    /// Done and total; `None` while nothing is known.
    pub fn get(&self, job: &str) -> Option<(u64, u64)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(job)
            .copied()
    }
}

impl Progress {
    /// One that nobody looks at.
    pub fn unseen() -> Self {
        Progresses::default().of("")
    }

    /// Notes how many of how many are done.
    pub fn set(&self, done: u64, total: u64) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(self.job.clone(), (done, total));
    }

    pub(super) fn forget(&self) {
        self.all
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.job);
    }
}
