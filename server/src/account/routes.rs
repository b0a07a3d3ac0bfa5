//! `/api/session`, `/api/accounts`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store::Account;
use super::{Actor, Grant, Right, SignedIn, password, session, store};
use crate::error::{AppError, FieldError, Kind};
use crate::extract::{Json, Page, Path};
use crate::journal::{self, Entry};
use crate::state::AppState;

/// The routes of sessions and accounts.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(sign_in, who, sign_out))
        .routes(routes!(change_password))
        .routes(routes!(list, create))
        .routes(routes!(update))
        .routes(routes!(reset))
}

/// Who is signed in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Account id.
    account: String,
    /// Name to sign in with.
    login: String,
    /// The person's name.
    name: String,
    /// Code of their department.
    department: Option<String>,
    /// Their roles.
    grants: Vec<Grant>,
    /// What the account may do in at least one department: for what the console shows.
    rights: Vec<Right>,
    /// Repeat in the header `x-csrf-token` of every request that is not GET or HEAD.
    csrf_token: String,
    /// Until the password is changed, everything else answers 403 `must_change_password`.
    must_change_password: bool,
}

impl From<SignedIn> for SessionView {
    fn from(signed_in: SignedIn) -> Self {
        let actor = signed_in.actor;
        let mut rights: Vec<Right> = actor
            .grants
            .iter()
            .flat_map(|g| g.role.rights())
            .copied()
            .collect();
        rights.sort();
        rights.dedup();
        Self {
            account: actor.account,
            login: actor.login,
            name: actor.name,
            department: actor.department,
            grants: actor.grants,
            rights,
            csrf_token: signed_in.csrf,
            must_change_password: signed_in.must_change_password,
        }
    }
}

/// What one signs in with.
#[derive(Debug, Deserialize, ToSchema)]
struct Credentials {
    /// Name to sign in with.
    login: String,
    /// The password.
    password: String,
}

/// Signs in. The body must be JSON, which no form of another site can send.
#[utoipa::path(post, path = "/api/session", tag = "session", request_body = Credentials,
    responses((status = 200, body = SessionView), (status = 401, body = crate::error::Problem),
        (status = 429, body = crate::error::Problem)))]
async fn sign_in(
    State(state): State<AppState>,
    parts: axum::http::request::Parts,
    Json(credentials): Json<Credentials>,
) -> Result<Response, AppError> {
    let origin = super::actor::origin(&parts);
    let keys = [
        format!("login/{}", credentials.login),
        format!("origin/{origin}"),
    ];
    if let Some(minutes) = keys
        .iter()
        .find_map(|key| state.throttle.wait(key, state.now()))
    {
        return Err(AppError::new(
            Kind::TooMany,
            "too_many_attempts",
            format!("登录失败次数过多，请 {minutes} 分钟后再试"),
        ));
    }
    let login = credentials.login.clone();
    let found = state
        .db
        .read(move |tx| Ok(store::by_login(tx, &login)?))
        .await?;
    let account = match found.filter(|(account, _)| account.active()) {
        Some((account, hash)) => {
            blocking(move || Ok(password::matches(&credentials.password, &hash).then_some(account)))
                .await?
        }
        // As slow as a wrong password, so that the answer's time does not tell which logins exist.
        None => {
            let rng = state.rng.clone();
            blocking(move || password::hash(&credentials.password, rng.as_ref()).map(|_| None))
                .await?
        }
    };
    let Some(account) = account else {
        keys.iter()
            .for_each(|key| state.throttle.failed(key, state.now()));
        return Err(AppError::new(
            Kind::SignedOut,
            "wrong_credentials",
            "登录名或密码不正确",
        ));
    };
    keys.iter().for_each(|key| state.throttle.succeeded(key));
    let (token, signed_in) = session::start(&state, account.id, origin).await?;
    let (actor, now) = (signed_in.actor.clone(), state.now());
    state
        .db
        .write(move |tx| {
            let subject = format!("account/{}", actor.account);
            journal::append(tx, &Entry::by(&actor, now, "session.start", subject))?;
            Ok(())
        })
        .await?;
    let cookie = session::cookie(&token, state.config.secure_cookies);
    Ok((
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Json(SessionView::from(signed_in)),
    )
        .into_response())
}

/// Who is signed in, and the token against cross-site requests.
#[utoipa::path(get, path = "/api/session", tag = "session",
    responses((status = 200, body = SessionView), (status = 401, body = crate::error::Problem)))]
async fn who(signed_in: SignedIn) -> Json<SessionView> {
    Json(signed_in.into())
}

/// Signs out: the session is gone, not only its cookie.
#[utoipa::path(delete, path = "/api/session", tag = "session", responses((status = 204)))]
async fn sign_out(
    signed_in: SignedIn,
    State(state): State<AppState>,
) -> Result<Response, AppError> {
    let now = state.now();
    state
        .db
        .write(move |tx| {
            store::end_session(tx, &signed_in.session)?;
            let subject = format!("account/{}", signed_in.actor.account);
            journal::append(
                tx,
                &Entry::by(&signed_in.actor, now, "session.end", subject),
            )?;
            Ok(())
        })
        .await?;
    let cookie = session::cookie("", state.config.secure_cookies);
    Ok((
        StatusCode::NO_CONTENT,
        AppendHeaders([(header::SET_COOKIE, cookie)]),
    )
        .into_response())
}

/// The old password and the new one.
#[derive(Debug, Deserialize, ToSchema)]
struct PasswordChange {
    /// The password until now.
    old: String,
    /// At least ten characters of two kinds.
    new: String,
}

/// Changes one's own password; other sessions of the account end.
#[utoipa::path(post, path = "/api/session/password", tag = "session",
    request_body = PasswordChange, responses((status = 204),
        (status = 422, body = crate::error::Problem)))]
async fn change_password(
    signed_in: SignedIn,
    State(state): State<AppState>,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, AppError> {
    password::check(&change.new, &signed_in.actor.login)?;
    if change.new == change.old {
        let message = "新密码不能与原密码相同";
        return Err(AppError::invalid(vec![FieldError::new("new", message)]));
    }
    let key = format!("login/{}", signed_in.actor.login);
    if let Some(minutes) = state.throttle.wait(&key, state.now()) {
        let detail = format!("失败次数过多，请 {minutes} 分钟后再试");
        return Err(AppError::new(Kind::TooMany, "too_many_attempts", detail));
    }
    let account = signed_in.actor.account.clone();
    let stored = state
        .db
        .read(move |tx| Ok(store::password_hash(tx, &account)?))
        .await?;
    let rng = state.rng.clone();
    let hash = blocking(move || {
        if !password::matches(&change.old, &stored) {
            return Ok(None);
        }
        password::hash(&change.new, rng.as_ref()).map(Some)
    })
    .await?;
    let Some(hash) = hash else {
        state.throttle.failed(&key, state.now());
        return Err(AppError::invalid(vec![FieldError::new(
            "old",
            "原密码不正确",
        )]));
    };
    let now = state.now();
    state
        .db
        .write(move |tx| {
            let SignedIn { actor, session, .. } = signed_in;
            store::set_password(tx, &actor.account, &hash, false, &session)?;
            let subject = format!("account/{}", actor.account);
            journal::append(tx, &Entry::by(&actor, now, "account.password", subject))?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All accounts.
#[utoipa::path(get, path = "/api/accounts", tag = "accounts",
    responses((status = 200, body = Page<Account>)))]
async fn list(
    actor: Actor,
    State(state): State<AppState>,
) -> Result<Json<Page<Account>>, AppError> {
    actor.require_any(Right::ReadAccounts)?;
    let rows = state.db.read(|tx| Ok(store::list(tx)?)).await?;
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    Ok(Json(Page { rows, total }))
}

/// What an account is made from, or changed to.
#[derive(Debug, Deserialize, ToSchema)]
struct AccountForm {
    /// 2 to 40 letters, digits, `.`, `_`, `-`; ignored when an account is changed.
    #[serde(default)]
    login: String,
    /// The person's name.
    name: String,
    /// Code of their department.
    department: Option<String>,
    /// Roles, each in a department or (empty) in all.
    grants: Vec<Grant>,
    /// `active` (when left out) or `disabled`.
    status: Option<String>,
}

/// An account that was made or reset, with the password to hand over once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct NewAccount {
    account: Account,
    /// Shown once; must be changed at the first sign-in.
    one_time_password: String,
}

fn check_form(form: &AccountForm, login: &str) -> Result<(), AppError> {
    let mut fields = Vec::new();
    let letters = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !(2..=40).contains(&login.len()) || !login.chars().all(letters) {
        fields.push(FieldError::new(
            "login",
            "登录名为 2 至 40 位字母、数字或 . _ -",
        ));
    }
    if form.name.trim().is_empty() || form.name.chars().count() > 40 {
        fields.push(FieldError::new("name", "姓名为 1 至 40 个字"));
    }
    if form
        .status
        .as_deref()
        .is_some_and(|s| s != "active" && s != "disabled")
    {
        fields.push(FieldError::new("status", "状态只能是 active 或 disabled"));
    }
    if fields.is_empty() {
        Ok(())
    } else {
        Err(AppError::invalid(fields))
    }
}

/// Makes an account.
#[utoipa::path(post, path = "/api/accounts", tag = "accounts", request_body = AccountForm,
    responses((status = 201, body = NewAccount), (status = 409, body = crate::error::Problem),
        (status = 422, body = crate::error::Problem)))]
async fn create(
    actor: Actor,
    State(state): State<AppState>,
    Json(form): Json<AccountForm>,
) -> Result<(StatusCode, Json<NewAccount>), AppError> {
    actor.require_any(Right::ManageAccounts)?;
    check_form(&form, &form.login)?;
    let account = Account {
        id: state.new_id(),
        login: form.login,
        name: form.name.trim().to_owned(),
        department: form.department,
        must_change_password: true,
        status: form.status.unwrap_or_else(|| "active".into()),
        created_at: state.now(),
        grants: form.grants,
    };
    let one_time_password = password::one_time_password(state.rng.as_ref());
    let (rng, secret) = (state.rng.clone(), one_time_password.clone());
    let hash = blocking(move || password::hash(&secret, rng.as_ref())).await?;
    let now = state.now();
    let account = state
        .db
        .write(move |tx| {
            if store::by_login(tx, &account.login)?.is_some() {
                return Err(AppError::conflict("duplicate", "登录名已被使用，请换一个"));
            }
            store::insert(tx, &account, &hash)?;
            let entry = Entry::by(
                &actor,
                now,
                "account.create",
                format!("account/{}", account.id),
            )
            .detail(json!({ "login": account.login, "grants": account.grants }));
            journal::append(tx, &entry)?;
            Ok(account)
        })
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(NewAccount {
            account,
            one_time_password,
        }),
    ))
}

/// Changes name, department, roles or status. Disabling ends the account's sessions.
#[utoipa::path(put, path = "/api/accounts/{id}", tag = "accounts", params(("id" = String, Path)),
    request_body = AccountForm, responses((status = 200, body = Account),
        (status = 422, body = crate::error::Problem)))]
async fn update(
    actor: Actor,
    State(state): State<AppState>,
    Path(id): Path<String>,
    Json(form): Json<AccountForm>,
) -> Result<Json<Account>, AppError> {
    actor.require_any(Right::ManageAccounts)?;
    let now = state.now();
    let changed = state
        .db
        .write(move |tx| {
            let old = store::find(tx, &id)?.ok_or_else(|| AppError::not_found("account"))?;
            check_form(&form, &old.login)?;
            let new = Account {
                name: form.name.trim().to_owned(),
                department: form.department,
                status: form.status.unwrap_or_else(|| old.status.clone()),
                grants: form.grants,
                ..old.clone()
            };
            if id == actor.account && (!new.active() || new.grants != old.grants) {
                return Err(AppError::conflict(
                    "own_account",
                    "不能停用本人账号或更改本人角色",
                ));
            }
            store::update(tx, &new)?;
            let entry = Entry::by(&actor, now, "account.update", format!("account/{id}"))
                .detail(json!({ "from": old.grants, "to": new.grants, "status": new.status }));
            journal::append(tx, &entry)?;
            Ok(new)
        })
        .await?;
    Ok(Json(changed))
}

/// Gives an account a one-time password and ends its sessions.
#[utoipa::path(post, path = "/api/accounts/{id}/password", tag = "accounts",
    params(("id" = String, Path)), responses((status = 200, body = NewAccount)))]
async fn reset(
    actor: Actor,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<NewAccount>, AppError> {
    actor.require_any(Right::ManageAccounts)?;
    let one_time_password = password::one_time_password(state.rng.as_ref());
    let (rng, secret) = (state.rng.clone(), one_time_password.clone());
    let hash = blocking(move || password::hash(&secret, rng.as_ref())).await?;
    let now = state.now();
    let account = state
        .db
        .write(move |tx| {
            let account = store::find(tx, &id)?.ok_or_else(|| AppError::not_found("account"))?;
            store::set_password(tx, &id, &hash, true, "")?;
            let entry = Entry::by(&actor, now, "account.reset", format!("account/{id}"));
            journal::append(tx, &entry)?;
            Ok(Account {
                must_change_password: true,
                ..account
            })
        })
        .await?;
    Ok(Json(NewAccount {
        account,
        one_time_password,
    }))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(AppError::internal)?
}
