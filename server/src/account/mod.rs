//! Accounts 账号, roles 角色 and rights (S1, S2): who someone is, and the one place that says what
//! they may do.

mod actor;
mod first_run;
mod password;
mod right;
mod routes;
mod session;
mod store;
pub mod throttle;

pub(crate) use actor::origin;
pub use actor::{Actor, SignedIn};
pub use first_run::{FirstAdministrator, first_run};
pub use password::one_time_password;
pub use right::{Right, Role, Scope};
pub use routes::router;
pub use session::SESSION_COOKIE;
pub use store::reset_password;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role in one department, or in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// What the account does.
    pub role: Role,
    /// Code of the department; empty: in every department.
    #[serde(default)]
    pub department: String,
}
