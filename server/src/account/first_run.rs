//! The first run makes the administrator.

use super::{Grant, Role, password, store};
use crate::error::AppError;
use crate::journal::{self, Entry};
use crate::state::AppState;

/// What the first run prints, once.
#[derive(Debug, Clone)]
pub struct FirstAdministrator {
    /// Name to sign in with.
    pub login: String,
    /// Must be changed at the first sign-in.
    pub one_time_password: String,
}

/// Makes the account `admin` when there is none at all.
pub async fn first_run(state: &AppState) -> Result<Option<FirstAdministrator>, AppError> {
    let one_time_password = password::one_time_password(state.rng.as_ref());
    let hash = password::hash(&one_time_password, state.rng.as_ref())?;
    let (id, now) = (state.new_id(), state.now());
    let made = state
        .db
        .write(move |tx| {
            if store::count(tx)? > 0 {
                return Ok(false);
            }
            let administrator = store::Account {
                id,
                login: "admin".into(),
                name: "系统管理员".into(),
                department: None,
                must_change_password: true,
                status: "active".into(),
                created_at: now,
                grants: vec![Grant {
                    role: Role::Administrator,
                    department: String::new(),
                }],
            };
            store::insert(tx, &administrator, &hash)?;
            journal::append(
                tx,
                &Entry::by_server(
                    now,
                    "account.create",
                    format!("account/{}", administrator.id),
                ),
            )?;
            Ok(true)
        })
        .await?;
    Ok(made.then(|| FirstAdministrator {
        login: "admin".into(),
        one_time_password,
    }))
}
