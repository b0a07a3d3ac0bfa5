//! `/api/devices`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store::{self, Code};
use super::{CODE_LIFE, DeviceRow, new_code, normal_code};
use crate::account::{Actor, Right};
use crate::error::{AppError, FieldError};
use crate::extract::{Json, Path};
use crate::ids::sha256_hex;
use crate::journal;
use crate::state::AppState;
use crate::task;
use crate::web::{address, qr_svg};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(issue_code))
        .routes(routes!(revoke))
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct DevicePage {
    rows: Vec<DeviceRow>,
    total: i64,
}

/// The fleet.
#[utoipa::path(get, path = "/api/devices", tag = "device", responses((status = 200, body = DevicePage)))]
async fn list(State(state): State<AppState>, actor: Actor) -> Result<Json<DevicePage>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let scope = actor.scope(Right::ReadOffice);
    let rows = state
        .db
        .read(move |tx| Ok(store::list(tx, &scope)?))
        .await?;
    let total = rows.len() as i64;
    Ok(Json(DevicePage { rows, total }))
}

#[derive(Debug, Deserialize, ToSchema)]
struct NewCode {
    /// Name of the tablet, such as its inventory number.
    device_name: String,
    department: String,
    /// Ids of the inspectors who will use it.
    inspectors: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IssuedCode {
    /// Shown once.
    code: String,
    expires_at: i64,
    /// QR of `SERVER/#enrol=CODE` as SVG: what the tablet scans.
    qr_svg: String,
}

/// Issues a one-time enrolment code for a tablet and its inspectors.
#[utoipa::path(post, path = "/api/devices/enrolment-codes", tag = "device", request_body = NewCode,
    responses((status = 200, body = IssuedCode), (status = 422, body = crate::error::Problem)))]
async fn issue_code(
    State(state): State<AppState>,
    actor: Actor,
    headers: HeaderMap,
    Json(wanted): Json<NewCode>,
) -> Result<Json<IssuedCode>, AppError> {
    actor.require(Right::EnrolTablets, &wanted.department)?;
    let name = wanted.device_name.trim().to_owned();
    let mut persons = wanted.inspectors;
    persons.sort();
    persons.dedup();
    let mut errors = Vec::new();
    if name.is_empty() || name.chars().count() > 40 {
        errors.push(FieldError::new(
            "device_name",
            "请填写平板名称，不超过 40 字",
        ));
    }
    if persons.is_empty() || persons.len() > 20 {
        errors.push(FieldError::new("inspectors", "请选择 1 至 20 名检查人员"));
    }
    if !errors.is_empty() {
        return Err(AppError::invalid(errors));
    }
    let code = new_code(state.rng.as_ref());
    let now = state.now();
    let expires_at = now + CODE_LIFE;
    let hash = sha256_hex(normal_code(&code).as_bytes());
    let kept = Code {
        device_name: name,
        department: wanted.department,
        expires_at,
        used_by: None,
    };
    state
        .db
        .write(move |tx| {
            store::insert_code(tx, &hash, &kept, &persons, &actor.account, now)?;
            if store::code_inspectors(tx, &hash)?.len() != persons.len() {
                let error = FieldError::new("inspectors", "所选检查人员不在名录库中");
                return Err(AppError::invalid(vec![error]));
            }
            let entry =
                journal::Entry::by(&actor, now, "device.code", format!("code/{}", &hash[..16]))
                    .detail(json!({ "name": kept.device_name, "inspectors": persons }));
            journal::append(tx, &entry)?;
            Ok(())
        })
        .await?;
    // Behind `#`: whoever opens it in a browser by mistake tells the code to nobody.
    let qr_svg = qr_svg(&address(
        &state.config,
        &headers,
        &format!("/#enrol={code}"),
    ))?;
    Ok(Json(IssuedCode {
        code,
        expires_at,
        qr_svg,
    }))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Revocation {
    reason: String,
}

/// Revokes a tablet: it gets nothing more, and what it brings goes to quarantine.
#[utoipa::path(post, path = "/api/devices/{device}/revoke", tag = "device", params(("device" = String, Path)),
    request_body = Revocation, responses((status = 204), (status = 409, body = crate::error::Problem)))]
async fn revoke(
    State(state): State<AppState>,
    actor: Actor,
    Path(device): Path<String>,
    Json(revocation): Json<Revocation>,
) -> Result<StatusCode, AppError> {
    let reason = revocation.reason.trim().to_owned();
    if reason.is_empty() {
        return Err(AppError::invalid(vec![FieldError::new(
            "reason",
            "请写明停用原因",
        )]));
    }
    let now = state.now();
    state
        .db
        .write(move |tx| {
            let department =
                store::department_of(tx, &device)?.ok_or_else(|| AppError::not_found("device"))?;
            actor.require(Right::EnrolTablets, &department)?;
            if !store::revoke(tx, &device, &reason, now)? {
                return Err(AppError::conflict("revoked", "这台平板已经停用"));
            }
            task::take_from_device(tx, &device)?;
            let entry =
                journal::Entry::by(&actor, now, "device.revoke", format!("device/{device}"))
                    .detail(json!({ "reason": reason }));
            journal::append(tx, &entry)?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
