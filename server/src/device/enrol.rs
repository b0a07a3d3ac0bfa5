//! What a tablet asks when it is enrolled: `/enrol/v1/check` and `/enrol/v1`.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ::sync::enrol::{EnrolCheck, EnrolOffer, EnrolRequest, Enrolled, proof_holds};
use axum::extract::{ConnectInfo, State};
use axum::routing::post;
use serde_json::json;

use super::normal_code;
use super::store::{self, Code};
use crate::db::Tx;
use crate::error::{AppError, Kind};
use crate::extract::Json;
use crate::ids::sha256_hex;
use crate::journal;
use crate::state::AppState;
use crate::task;

pub fn router() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/enrol/v1/check", post(check))
        .route("/enrol/v1", post(enrol))
}

async fn check(
    State(state): State<AppState>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Json(request): Json<EnrolCheck>,
) -> Result<Json<EnrolOffer>, AppError> {
    let now = state.now();
    let slow = throttle(&state, from, now)?;
    let hash = sha256_hex(normal_code(&request.code).as_bytes());
    let found = state
        .db
        .read(move |tx| {
            let code = usable(store::code(tx, &hash)?, None, now)?;
            Ok((code, store::code_inspectors(tx, &hash)?))
        })
        .await;
    let (code, inspectors) = found.inspect_err(|_| state.throttle.failed(&slow, now))?;
    Ok(Json(EnrolOffer {
        device_name: code.device_name,
        server_key: state.keys.key(),
        inspectors,
    }))
}

async fn enrol(
    State(state): State<AppState>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Json(request): Json<EnrolRequest>,
) -> Result<Json<Enrolled>, AppError> {
    let now = state.now();
    let slow = throttle(&state, from, now)?;
    check_proofs(&request)?;
    let device = state
        .db
        .write(move |tx| register(tx, &request, from, now))
        .await;
    let device = device.inspect_err(|_| state.throttle.failed(&slow, now))?;
    Ok(Json(Enrolled {
        device,
        server_key: state.keys.key(),
        server_time: now,
    }))
}

/// A code has 60 bits; still nobody shall try them by the thousand.
fn throttle(state: &AppState, from: SocketAddr, now: i64) -> Result<String, AppError> {
    let key = format!("enrol {}", from.ip());
    match state.throttle.wait(&key, now) {
        Some(minutes) => Err(AppError::new(
            Kind::TooMany,
            "too_many",
            format!("尝试次数过多，请 {minutes} 分钟后再试"),
        )),
        None => Ok(key),
    }
}

fn check_proofs(request: &EnrolRequest) -> Result<(), AppError> {
    let (code, device) = (&request.code, &request.device_key);
    let keys: BTreeSet<_> = request.inspectors.iter().map(|i| i.key).collect();
    let own = proof_holds(&request.device_proof, device, code, device, "");
    let all = request
        .inspectors
        .iter()
        .all(|i| proof_holds(&i.proof, &i.key, code, device, &i.person));
    if own && all && keys.len() == request.inspectors.len() && !keys.contains(device) {
        return Ok(());
    }
    Err(AppError::new(
        Kind::Invalid,
        "bad_proof",
        "平板提交的密钥证明无效，请重新登记",
    ))
}

/// The code if it can (still) be used by this tablet: repeating a request whose answer was lost is
/// fine, using a code for a second tablet is not.
fn usable(code: Option<Code>, key: Option<&str>, now: i64) -> Result<Code, AppError> {
    let refuse = |code, detail: &str| Err(AppError::new(Kind::NotFound, code, detail));
    match code {
        None => refuse("unknown_code", "登记码不正确，请核对后重新输入"),
        Some(code) if code.used_by.is_some() && code.used_by.as_deref() != key => Err(used_code()),
        Some(code) if code.used_by.is_none() && code.expires_at < now => {
            refuse("expired_code", "登记码已过期，请向管理员索取新的登记码")
        }
        Some(code) => Ok(code),
    }
}

fn used_code() -> AppError {
    let detail = "登记码已被使用，请向管理员索取新的登记码";
    AppError::new(Kind::NotFound, "used_code", detail)
}

fn register(
    tx: &mut Tx<'_>,
    request: &EnrolRequest,
    from: SocketAddr,
    now: i64,
) -> Result<::sync::ids::DeviceId, AppError> {
    let hash = sha256_hex(normal_code(&request.code).as_bytes());
    let key = request.device_key.to_string();
    let code = usable(store::code(tx, &hash)?, Some(&key), now)?;
    let expected: BTreeSet<String> = store::code_inspectors(tx, &hash)?
        .into_iter()
        .map(|i| i.person)
        .collect();
    let named: BTreeSet<String> = request
        .inspectors
        .iter()
        .map(|i| i.person.clone())
        .collect();
    if named != expected {
        return Err(AppError::new(
            Kind::Invalid,
            "other_inspectors",
            "登记的检查人员与登记码不一致",
        ));
    }
    let device = ::sync::ids::DeviceId::of(&request.device_key);
    if code.used_by.is_some() {
        // The answer was lost. Whatever else is in the request than then, nothing is registered now.
        return match store::holds(tx, &device, &request.inspectors)? {
            true => Ok(device),
            false => Err(used_code()),
        };
    }
    if store::is_revoked(tx, &device)? {
        return Err(AppError::conflict(
            "device_revoked",
            "这台平板已被停用，不能再登记；登记码没有用掉，可用于另一台平板",
        ));
    }
    let device = store::enrol(
        tx,
        &hash,
        &code,
        &request.device_key,
        &request.version,
        &request.inspectors,
        now,
    )?;
    let id = device.to_string();
    let persons: Vec<String> = named.into_iter().collect();
    task::grant_to_device(tx, &id, &persons)?;
    let mut entry = journal::Entry::by_server(now, "device.enrol", format!("device/{id}"))
        .detail(json!({ "name": code.device_name, "inspectors": persons }));
    entry.actor = format!("device:{id}");
    entry.origin = from.ip().to_string();
    journal::append(tx, &entry)?;
    Ok(device)
}
