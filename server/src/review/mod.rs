//! Review 审核 (V1, V2): the record as it arrives, and the decision on it.
//!
//! What counts is the record at its sealed heads; what was written beside them is shown as late,
//! with the difference. A decision names the heads that the reviewer saw: when other heads are
//! there, it is refused, so that nothing is decided unseen. A return needs remarks and opens the
//! next round by a change of the server's own in the record, which reaches the tablets like any
//! other change.

mod assemble;
mod clips;
mod copy;
mod decide;
mod labels;
mod photos;
mod proof;
mod routes;
#[cfg(test)]
pub(crate) mod sample;
pub mod store;
mod trail;
pub mod types;

pub use assemble::Material;
pub use copy::router as copy_router;
pub(crate) use labels::{label as cell_label, shown as cell_shown};

pub use decide::{Refusal, Standing, check_heads, check_remarks};
pub use routes::router;
pub use types::{Remark, ReviewState};

use crate::publication::PublicPerson;
use crate::task::TaskState;

/// A decision that was taken on one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub round: u32,
    pub accepted: bool,
    pub by: PublicPerson,
    pub at: i64,
}

/// Where the record of a task in this state stands in the review.
pub fn state_of(task: TaskState) -> ReviewState {
    match task {
        TaskState::Dispatched | TaskState::Withdrawn => ReviewState::Arriving,
        TaskState::Sealed => ReviewState::ToReview,
        TaskState::Returned => ReviewState::Returned,
        TaskState::Accepted => ReviewState::Accepted,
    }
}
