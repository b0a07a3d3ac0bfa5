//! Who makes a request.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;

use super::session;
use super::{Grant, Right, Scope};
use crate::error::{AppError, Kind};
use crate::state::AppState;

/// Someone who is signed in and may work. Every unsafe method (all but GET and HEAD) was checked
/// for the `x-csrf-token` header before a handler sees this.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Account id.
    pub account: String,
    /// Name to sign in with.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// Code of their department; administrators and auditors may have none.
    pub department: Option<String>,
    /// Their roles.
    pub grants: Vec<Grant>,
    /// Network address.
    pub origin: String,
}

/// Someone who is signed in but may still have to change their password.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub actor: Actor,
    /// SHA-256 of the session's token.
    pub session: String,
    /// What unsafe requests must repeat.
    pub csrf: String,
    /// Until then nothing else is allowed.
    pub must_change_password: bool,
}

impl Actor {
    /// Refuses unless the account has this right in this department.
    pub fn require(&self, right: Right, department: &str) -> Result<(), AppError> {
        if self.may(right, department) {
            return Ok(());
        }
        Err(AppError::forbidden(
            "您的角色没有这项权限，如需办理请联系系统管理员",
        ))
    }

    /// Refuses unless the account has this right in at least one department.
    pub fn require_any(&self, right: Right) -> Result<(), AppError> {
        if self.scope(right) == Scope::In(Vec::new()) {
            return Err(AppError::forbidden(
                "您的角色没有这项权限，如需办理请联系系统管理员",
            ));
        }
        Ok(())
    }

    /// Whether the account has this right in this department.
    pub fn may(&self, right: Right, department: &str) -> bool {
        match self.scope(right) {
            Scope::Everywhere => true,
            Scope::In(departments) => departments.iter().any(|d| d == department),
        }
    }

    /// Where the account has this right: for lists.
    pub fn scope(&self, right: Right) -> Scope {
        let mut departments = BTreeSet::new();
        for grant in self
            .grants
            .iter()
            .filter(|g| g.role.rights().contains(&right))
        {
            if grant.department.is_empty() {
                return Scope::Everywhere;
            }
            departments.insert(grant.department.clone());
        }
        Scope::In(departments.into_iter().collect())
    }

    /// Refuses when the account itself did what is now to be approved (S1).
    pub fn require_other_than(&self, author: &str) -> Result<(), AppError> {
        if self.account == author {
            return Err(AppError::new(
                Kind::Forbidden,
                "own_act",
                "不能审批本人经办的事项，请由另一名有权限的人员办理",
            ));
        }
        Ok(())
    }
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let token = session::token(&parts.headers).ok_or_else(AppError::signed_out)?;
        let signed_in = session::resume(state, &token, origin(parts)).await?;
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            let sent = parts
                .headers
                .get("x-csrf-token")
                .map_or(&b""[..], |v| v.as_bytes());
            if sent != signed_in.csrf.as_bytes() {
                return Err(AppError::new(
                    Kind::Forbidden,
                    "csrf",
                    "页面已过期，请刷新后重试",
                ));
            }
        }
        Ok(signed_in)
    }
}

impl FromRequestParts<AppState> for Actor {
    type Rejection = AppError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let signed_in = SignedIn::from_request_parts(parts, state).await?;
        if signed_in.must_change_password {
            return Err(AppError::new(
                Kind::Forbidden,
                "must_change_password",
                "首次登录或密码被重置后，须先修改密码",
            ));
        }
        Ok(signed_in.actor)
    }
}

/// The peer's network address without its port.
pub(crate) fn origin(parts: &Parts) -> String {
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or_else(|| "unknown".to_owned(), |info| info.0.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;

    fn actor(grants: &[(Role, &str)]) -> Actor {
        Actor {
            account: "a1".into(),
            login: "wang".into(),
            name: "王某".into(),
            department: None,
            grants: grants
                .iter()
                .map(|(role, department)| Grant {
                    role: *role,
                    department: (*department).into(),
                })
                .collect(),
            origin: "test".into(),
        }
    }

    // S1
    #[rstest::rstest]
    #[case::own_department(&[(Role::Planner, "market")], "market", true)]
    #[case::another_department(&[(Role::Planner, "market")], "fire", false)]
    #[case::everywhere(&[(Role::Planner, "")], "fire", true)]
    #[case::another_role(&[(Role::Registrar, "")], "market", false)]
    #[case::two_departments(&[(Role::Planner, "market"), (Role::Planner, "fire")], "fire", true)]
    #[case::no_role(&[], "market", false)]
    fn rights_hold_in_their_department(
        #[case] grants: &[(Role, &str)],
        #[case] department: &str,
        #[case] allowed: bool,
    ) {
        assert_eq!(
            actor(grants).require(Right::EditPlans, department).is_ok(),
            allowed
        );
    }

    // S1: no one approves their own act
    #[test]
    fn nobody_approves_their_own_act() {
        let supervisor = actor(&[(Role::Supervisor, "")]);
        assert_eq!(
            supervisor.require_other_than("a1").unwrap_err().code,
            "own_act"
        );
        assert!(supervisor.require_other_than("a2").is_ok());
    }
}
