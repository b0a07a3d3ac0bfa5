//! Rows of accounts, roles, sessions and departments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Grant, Role};
use crate::db::{Result, Row, Tx};
use crate::error::AppError;

/// An account 账号, without its password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// UUID.
    pub id: String,
    /// Name to sign in with.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// Code of their department.
    pub department: Option<String>,
    /// Whether the next sign-in asks for a new password.
    pub must_change_password: bool,
    /// `active` or `disabled`.
    pub status: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Their roles.
    pub grants: Vec<Grant>,
}

impl Account {
    /// Whether the account may sign in.
    pub fn active(&self) -> bool {
        self.status == "active"
    }
}

const COLUMNS: &str = "id, login, name, department, must_change_password, status, created_at";

fn account(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        login: row.get(1)?,
        name: row.get(2)?,
        department: row.get(3)?,
        must_change_password: row.get(4)?,
        status: row.get(5)?,
        created_at: row.get(6)?,
        grants: Vec::new(),
    })
}

fn with_grants(tx: &mut Tx<'_>, mut account: Account) -> Result<Account> {
    account.grants = tx
        .query(
            "SELECT role, department FROM account_roles WHERE account = $1
             ORDER BY role, department",
            &[&account.id],
            |r| Ok((r.get::<String>(0)?, r.get(1)?)),
        )?
        .into_iter()
        .filter_map(|(role, department)| {
            Some(Grant {
                role: Role::parse(&role)?,
                department,
            })
        })
        .collect();
    Ok(account)
}

pub(super) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Account>> {
    let found = tx.query_opt(
        &format!("SELECT {COLUMNS} FROM accounts WHERE id = $1"),
        &[&id],
        account,
    )?;
    found.map(|account| with_grants(tx, account)).transpose()
}

/// The account with its password's hash.
pub(super) fn by_login(tx: &mut Tx<'_>, login: &str) -> Result<Option<(Account, String)>> {
    let found = tx.query_opt(
        &format!("SELECT {COLUMNS}, password_hash FROM accounts WHERE login = $1"),
        &[&login],
        |r| Ok((account(r)?, r.get(7)?)),
    )?;
    found
        .map(|(account, hash)| Ok((with_grants(tx, account)?, hash)))
        .transpose()
}

pub(super) fn password_hash(tx: &mut Tx<'_>, id: &str) -> Result<String> {
    tx.query_one(
        "SELECT password_hash FROM accounts WHERE id = $1",
        &[&id],
        |r| r.get(0),
    )
}

pub(super) fn list(tx: &mut Tx<'_>) -> Result<Vec<Account>> {
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM accounts ORDER BY login"),
        &[],
        account,
    )?;
    rows.into_iter().map(|row| with_grants(tx, row)).collect()
}

pub(super) fn count(tx: &mut Tx<'_>) -> Result<i64> {
    tx.query_one("SELECT COUNT(*) FROM accounts", &[], |r| r.get(0))
}

pub(super) fn insert(tx: &mut Tx<'_>, account: &Account, hash: &str) -> Result<()> {
    tx.execute(
        &format!("INSERT INTO accounts ({COLUMNS}, password_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
        &[
            &account.id,
            &account.login,
            &account.name,
            &account.department,
            &account.must_change_password,
            &account.status,
            &account.created_at,
            &hash,
        ],
    )?;
    set_grants(tx, &account.id, &account.grants)
}

pub(super) fn update(tx: &mut Tx<'_>, account: &Account) -> Result<()> {
    tx.execute(
        "UPDATE accounts SET name = $2, department = $3, status = $4 WHERE id = $1",
        &[
            &account.id,
            &account.name,
            &account.department,
            &account.status,
        ],
    )?;
    set_grants(tx, &account.id, &account.grants)?;
    if !account.active() {
        end_sessions(tx, &account.id, "")?;
    }
    Ok(())
}

fn set_grants(tx: &mut Tx<'_>, account: &str, grants: &[Grant]) -> Result<()> {
    tx.execute("DELETE FROM account_roles WHERE account = $1", &[&account])?;
    for grant in grants {
        tx.execute(
            "INSERT INTO account_roles (account, role, department) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
            &[&account, &grant.role.as_str(), &grant.department],
        )?;
    }
    Ok(())
}

/// Sets a password and ends the account's sessions, except the one named.
pub(super) fn set_password(
    tx: &mut Tx<'_>,
    account: &str,
    hash: &str,
    must_change: bool,
    keep_session: &str,
) -> Result<()> {
    tx.execute(
        "UPDATE accounts SET password_hash = $2, must_change_password = $3 WHERE id = $1",
        &[&account, &hash, &must_change],
    )?;
    end_sessions(tx, account, keep_session)
}

/// Gives the account with this login a password that must be changed at the next sign-in.
/// Blocks for the hash.
pub fn reset_password(
    tx: &mut Tx<'_>,
    login: &str,
    password: &str,
    rng: &dyn crate::rng::Rng,
) -> std::result::Result<Account, AppError> {
    let (account, _) = by_login(tx, login)?.ok_or_else(|| AppError::not_found("account"))?;
    let hash = super::password::hash(password, rng)?;
    set_password(tx, &account.id, &hash, true, "")?;
    Ok(account)
}

fn end_sessions(tx: &mut Tx<'_>, account: &str, keep: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM sessions WHERE account = $1 AND token_sha256 <> $2",
        &[&account, &keep],
    )?;
    Ok(())
}

pub(super) struct SessionRow {
    pub token_sha256: String,
    pub account: String,
    pub csrf: String,
    pub origin: String,
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
}

/// Adds a session and sweeps those that are over.
pub(super) fn insert_session(
    tx: &mut Tx<'_>,
    row: &SessionRow,
) -> std::result::Result<(), AppError> {
    tx.execute(
        "DELETE FROM sessions WHERE expires_at < $1",
        &[&row.created_at],
    )?;
    tx.execute(
        "INSERT INTO sessions (token_sha256, account, csrf, origin, created_at, seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &row.token_sha256,
            &row.account,
            &row.csrf,
            &row.origin,
            &row.created_at,
            &row.seen_at,
            &row.expires_at,
        ],
    )?;
    Ok(())
}

pub(super) fn session(tx: &mut Tx<'_>, key: &str) -> Result<Option<(SessionRow, Account)>> {
    let found = tx.query_opt(
        "SELECT token_sha256, account, csrf, origin, created_at, seen_at, expires_at
         FROM sessions WHERE token_sha256 = $1",
        &[&key],
        |r| {
            Ok(SessionRow {
                token_sha256: r.get(0)?,
                account: r.get(1)?,
                csrf: r.get(2)?,
                origin: r.get(3)?,
                created_at: r.get(4)?,
                seen_at: r.get(5)?,
                expires_at: r.get(6)?,
            })
        },
    )?;
    let Some(row) = found else { return Ok(None) };
    Ok(find(tx, &row.account)?.map(|account| (row, account)))
}

pub(super) fn touch_session(tx: &mut Tx<'_>, key: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE sessions SET seen_at = $2 WHERE token_sha256 = $1",
        &[&key, &now],
    )?;
    Ok(())
}

pub(super) fn end_session(tx: &mut Tx<'_>, key: &str) -> Result<()> {
    tx.execute("DELETE FROM sessions WHERE token_sha256 = $1", &[&key])?;
    Ok(())
}
