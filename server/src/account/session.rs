//! Sessions: a random token in a cookie, its hash in the database.

use axum::http::{HeaderMap, header};

use super::{Actor, SignedIn, store};
use crate::error::AppError;
use crate::ids::sha256_hex;
use crate::rng::bytes;
use crate::state::AppState;

/// Name of the cookie.
pub const SESSION_COOKIE: &str = "dr_session";
/// A session ends after twelve hours …
const LONGEST: i64 = 12 * 3600 * 1000;
/// … or after two hours without a request.
const IDLE: i64 = 2 * 3600 * 1000;
/// The last request is noted no more often than this.
const NOTE_EVERY: i64 = 5 * 60 * 1000;

/// The token in the request's cookies.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value.to_owned())
}

/// The `Set-Cookie` that starts a session, or ends it when `token` is empty.
pub(super) fn cookie(token: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    let age = if token.is_empty() { 0 } else { LONGEST / 1000 };
    format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}")
}

/// Makes a session; the token and what `GET /api/session` will say.
pub(super) async fn start(
    state: &AppState,
    account: String,
    origin: String,
) -> Result<(String, SignedIn), AppError> {
    let token = hex::encode(bytes::<32>(state.rng.as_ref()));
    let row = store::SessionRow {
        token_sha256: sha256_hex(token.as_bytes()),
        account,
        csrf: hex::encode(bytes::<16>(state.rng.as_ref())),
        origin: origin.clone(),
        created_at: state.now(),
        seen_at: state.now(),
        expires_at: state.now() + LONGEST,
    };
    state
        .db
        .write(move |tx| store::insert_session(tx, &row))
        .await?;
    let signed_in = resume(state, &token, origin).await?;
    Ok((token, signed_in))
}

/// Who the token belongs to, while the session and the account last.
pub(super) async fn resume(
    state: &AppState,
    token: &str,
    origin: String,
) -> Result<SignedIn, AppError> {
    let key = sha256_hex(token.as_bytes());
    let now = state.now();
    let found = {
        let key = key.clone();
        state
            .db
            .read(move |tx| Ok(store::session(tx, &key)?))
            .await?
    };
    let (session, account) = found.ok_or_else(AppError::signed_out)?;
    let over = now >= session.expires_at || now - session.seen_at >= IDLE;
    if over || !account.active() {
        return Err(AppError::signed_out());
    }
    if now - session.seen_at >= NOTE_EVERY {
        let key = key.clone();
        state
            .db
            .write(move |tx| Ok(store::touch_session(tx, &key, now)?))
            .await?;
    }
    Ok(SignedIn {
        must_change_password: account.must_change_password,
        session: key,
        csrf: session.csrf,
        actor: Actor {
            account: account.id,
            login: account.login,
            name: account.name,
            department: account.department,
            grants: account.grants,
            origin,
        },
    })
}
