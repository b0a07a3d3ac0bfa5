//! The addresses that tablets use: `/sync/v1` and `/blobs/{task}/{sha256}`.

use ::sync::ids::{Sha256, TaskId};
use ::sync::message::{
    MAX_BODY_BYTES, SyncRequest, SyncResponse, VERSION, WireError, pack, unpack,
};
use ::sync::signing::{self, RequestAuth};
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::blobs::{self, Piece, Progress, Upload};
use super::receive::receive;
use super::respond::{BUDGET, respond};
use super::store::{self, Device};
use crate::db::Tx;
use crate::error::{AppError, Kind};
use crate::extract::Path;
use crate::state::AppState;

/// A tablet is contacted often; only so often is the time of it written, in milliseconds.
const CONTACT_EVERY: i64 = 10 * 60_000;

pub fn router() -> axum::Router<AppState> {
    axum::Router::new()
        .route(
            "/sync/v1",
            post(sync_v1).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)),
        )
        .route(
            "/blobs/{task}/{sha256}",
            get(get_blob).head(head_blob).patch(patch_blob),
        )
}

async fn sync_v1(
    State(state): State<AppState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, AppError> {
    let body = body.map_err(|_| wire_error(&WireError::TooLong))?;
    let (own, packed) = (state.clone(), body.clone());
    // For one that brings nothing, as most do, this one look at the store is all.
    let look = move |tx: &mut Tx<'_>, device: &Device| {
        let request = unpack::<SyncRequest>(&packed).map_err(|e| wire_error(&e));
        let poll = request
            .as_ref()
            .ok()
            .filter(|r| brings_no_work(r) && r.blobs.is_empty())
            .filter(|r| !device.revoked && !contact_due(device, r, own.now()));
        let response = poll.map(|r| respond(tx, &own, device, r, device.feed_seq, BUDGET));
        Ok((request, response.transpose()?))
    };
    let (device, (request, response)) =
        look_signed(&state, (&method, &uri, &headers), &body, look).await?;
    if let Some(response) = response
        && let Some(answer) = fitting(&response, BUDGET)?
    {
        return Ok(answer);
    }
    if device.revoked {
        // What it still brings goes to quarantine, where a person can let it in; then it wipes itself, also one
        // whose words are not understood here.
        match request {
            Ok(request) if !request.docs.is_empty() => {
                receive(&state, &device, &request).await?;
            }
            _ => {}
        }
        return Ok(revoked(&state, &device));
    }
    let request = request?;
    let (verdicts, signature_verdicts) = if brings_no_work(&request) {
        note_contact(&state, &device, &request).await?;
        Default::default()
    } else {
        receive(&state, &device, &request).await?
    };
    for blob in &request.blobs {
        let upload = Upload {
            task: blob.task.to_string(),
            sha256: blob.sha256.to_string(),
            size: blob.size,
            device: device.id.clone(),
        };
        state.blob_store.settle(&upload).await;
    }
    let (reader, fed, mut budget) = (device.key, device.feed_seq, BUDGET);
    loop {
        let (own, request) = (state.clone(), request.clone());
        let response = state.db.read(move |tx| {
            let device = store::device_by_key(tx, &reader)?.ok_or_else(unknown_device)?;
            respond(tx, &own, &device, &request, fed, budget)
        });
        let mut response = response.await?;
        response.verdicts.clone_from(&verdicts);
        response.signature_verdicts.clone_from(&signature_verdicts);
        if let Some(answer) = fitting(&response, budget)? {
            return Ok(answer);
        }
        budget /= 4;
    }
}

/// Method, address and headers of a request.
type Sent<'a> = (&'a Method, &'a Uri, &'a HeaderMap);

/// Neither changes nor statements.
fn brings_no_work(request: &SyncRequest) -> bool {
    request.docs.is_empty() && request.signatures.is_empty()
}

/// Whether that the tablet was here is to be written.
fn contact_due(device: &Device, request: &SyncRequest, now: i64) -> bool {
    let unsynced = request
        .status
        .as_ref()
        .map_or(0, |s| i64::try_from(s.unsynced).unwrap_or(i64::MAX));
    let long_ago = device
        .last_contact_at
        .is_none_or(|at| now - at > CONTACT_EVERY || now < at);
    long_ago || unsynced != device.unsynced
}

/// The answer with a response that was made within `budget`, unless it became too long: what does
/// not fit is left for the next response, down to one row of the feed.
fn fitting(response: &SyncResponse, budget: usize) -> Result<Option<Response>, AppError> {
    let packed = pack(response).map_err(AppError::internal)?;
    let kind = HeaderValue::from_static("application/octet-stream");
    let fits = packed.len() <= MAX_BODY_BYTES || budget == 0;
    Ok(fits.then(|| ([(header::CONTENT_TYPE, kind)], packed).into_response()))
}

async fn note_contact(
    state: &AppState,
    device: &Device,
    request: &SyncRequest,
) -> Result<(), AppError> {
    let now = state.now();
    if contact_due(device, request, now) {
        let (id, status) = (device.id.clone(), request.status.clone());
        state
            .db
            .write(move |tx| Ok(store::contact(tx, &id, now, status.as_ref())?))
            .await?;
    }
    Ok(())
}

async fn head_blob(
    State(state): State<AppState>,
    Path((task, sha256)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let sent = (&method, &uri, &headers);
    let (device, ()) = look_signed(&state, sent, &Bytes::new(), |_, _| Ok(())).await?;
    if device.revoked {
        return Ok(revoked(&state, &device));
    }
    let name = names(&task, &sha256)?;
    let known = blobs::progress(&state, &device, name.clone(), length(&headers)?).await?;
    let (task, sha256) = name.clone();
    let upload = Upload {
        task,
        sha256,
        size: known.size,
        device: device.id.clone(),
    };
    state.blob_store.settle(&upload).await;
    let progress = blobs::progress(&state, &device, name, Some(known.size)).await?;
    Ok((StatusCode::OK, upload_headers(progress)).into_response())
}

async fn patch_blob(
    State(state): State<AppState>,
    Path((task, sha256)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, AppError> {
    let (device, auth) = sender(&state, &headers).await?;
    // The signature is checked before the body comes, so that of a body that is cut the part that came
    // can be kept.
    let signed = auth.body.ok_or_else(unsigned)?;
    if !auth.holds_for(method.as_str(), path_of(&uri), &signed) {
        return Err(unsigned());
    }
    if device.revoked {
        return Ok(revoked(&state, &device));
    }
    let (task, sha256) = names(&task, &sha256)?;
    let offset = headers
        .get("upload-offset")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse().ok());
    let offset = offset.ok_or_else(|| AppError::malformed("缺少 Upload-Offset 或其值不是数字"))?;
    let size = length(&headers)?;
    let piece = Piece {
        task: task.clone(),
        sha256: sha256.clone(),
        size,
        offset,
        signed,
        body,
    };
    let done = blobs::append(&state, &device, piece).await;
    match done {
        Ok(progress) => Ok((StatusCode::NO_CONTENT, upload_headers(progress)).into_response()),
        // The tablet needs the offset to go on.
        Err(error) if error.code == "offset_differs" => {
            let progress = blobs::progress(&state, &device, (task, sha256), size).await?;
            Ok((upload_headers(progress), error).into_response())
        }
        Err(error) => Err(error),
    }
}

async fn get_blob(
    State(state): State<AppState>,
    Path((task, sha256)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let of = task.clone();
    let look = move |tx: &mut Tx<'_>, device: &Device| Ok(store::may_see(tx, &device.id, &of)?);
    let (device, visible) =
        look_signed(&state, (&method, &uri, &headers), &Bytes::new(), look).await?;
    if device.revoked {
        return Ok(revoked(&state, &device));
    }
    let (task, sha256) = names(&task, &sha256)?;
    let name = (task.clone(), sha256.clone());
    let progress = blobs::progress(&state, &device, name, None).await?;
    if !progress.stored || !visible {
        return Err(AppError::not_found("blob"));
    }
    let range = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    let range = range.map(|r| parse_range(r, progress.size)).transpose()?;
    let bytes = state.blob_store.read(&task, &sha256, range.clone()).await?;
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    )];
    Ok(match range {
        None => (kind, bytes).into_response(),
        Some(r) => {
            let content = format!("bytes {}-{}/{}", r.start, r.end - 1, progress.size);
            (
                StatusCode::PARTIAL_CONTENT,
                kind,
                [(header::CONTENT_RANGE, content)],
                bytes,
            )
                .into_response()
        }
    })
}

/// Which length of the whole the tablet means, where it says so.
fn length(headers: &HeaderMap) -> Result<Option<u64>, AppError> {
    let Some(told) = headers.get("upload-length") else {
        return Ok(None);
    };
    let told = told.to_str().ok().and_then(|v| v.parse().ok());
    told.map(Some)
        .ok_or_else(|| AppError::malformed("Upload-Length 不是数字"))
}

fn upload_headers(progress: Progress) -> [(&'static str, String); 3] {
    [
        ("upload-offset", progress.offset.to_string()),
        ("upload-length", progress.size.to_string()),
        (
            "upload-complete",
            if progress.stored { "?1" } else { "?0" }.to_owned(),
        ),
    ]
}

/// `bytes=a-b` or `bytes=a-`.
fn parse_range(text: &str, size: u64) -> Result<std::ops::Range<u64>, AppError> {
    let parsed = text
        .strip_prefix("bytes=")
        .and_then(|r| r.split_once('-'))
        .and_then(|(a, b)| {
            let start: u64 = a.parse().ok()?;
            let end = if b.is_empty() {
                size
            } else {
                b.parse::<u64>().ok()?.checked_add(1)?.min(size)
            };
            (start < end).then_some(start..end)
        });
    parsed.ok_or_else(|| AppError::malformed("Range 只接受 bytes=起-止"))
}

fn names(task: &str, sha256: &str) -> Result<(String, String), AppError> {
    let task: TaskId = task.parse().map_err(|_| AppError::not_found("task"))?;
    let sha256: Sha256 = sha256.parse().map_err(|_| AppError::not_found("blob"))?;
    Ok((task.to_string(), sha256.to_string()))
}

/// The tablet that signed this request, also a revoked one (S2), and what `look` finds in the
/// transaction that read it.
async fn look_signed<T: Send + 'static>(
    state: &AppState,
    (method, uri, headers): Sent<'_>,
    body: &Bytes,
    look: impl FnOnce(&mut Tx<'_>, &Device) -> Result<T, AppError> + Send + 'static,
) -> Result<(Device, T), AppError> {
    let auth = claimed(headers)?;
    let (method, path, body) = (method.clone(), path_of(uri).to_owned(), body.clone());
    let found = state.db.read(move |tx| {
        let device = store::device_by_key(tx, &auth.key)?.ok_or_else(unknown_device)?;
        if !auth.holds(method.as_str(), &path, &body) {
            return Err(unsigned());
        }
        let found = look(tx, &device)?;
        Ok((device, found))
    });
    found.await
}

/// The tablet that a request says it comes from; its signature is still to be checked.
async fn sender(state: &AppState, headers: &HeaderMap) -> Result<(Device, RequestAuth), AppError> {
    let auth = claimed(headers)?;
    let key = auth.key;
    let device = state
        .db
        .read(move |tx| Ok(store::device_by_key(tx, &key)?))
        .await?;
    Ok((device.ok_or_else(unknown_device)?, auth))
}

/// What the header of a request claims.
fn claimed(headers: &HeaderMap) -> Result<RequestAuth, AppError> {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    header.and_then(RequestAuth::parse).ok_or_else(unsigned)
}

fn path_of(uri: &Uri) -> &str {
    uri.path_and_query()
        .map_or_else(|| uri.path(), |p| p.as_str())
}

/// Header with the server's signature over [`signing::revocation`], in hex.
const REVOCATION: &str = "dr-revocation";

/// Tells a revoked tablet to wipe itself, in words that only this server can say.
fn revoked(state: &AppState, device: &Device) -> Response {
    let body = signing::revocation(&device.key);
    let sig = signing::sign(state.keys.signing(), signing::REVOCATION, &body);
    let error = AppError::new(
        Kind::Forbidden,
        "device_revoked",
        "本平板已被停用，请交回管理员",
    );
    ([(REVOCATION, hex::encode(sig.0))], error).into_response()
}

fn unknown_device() -> AppError {
    AppError::new(
        Kind::SignedOut,
        "unknown_device",
        "服务器不认识这台平板，请重新登记",
    )
}

fn unsigned() -> AppError {
    AppError::new(
        Kind::SignedOut,
        "bad_signature",
        "请求没有这台平板的有效签名，服务器没有处理",
    )
}

fn wire_error(error: &WireError) -> AppError {
    if let WireError::UnknownVersion(v) = error {
        let text = format!("平板的同步协议版本为 {v}，服务器支持 {VERSION}，请升级平板程序");
        return AppError::new(Kind::Malformed, "unknown_version", text);
    }
    let kind = if matches!(error, WireError::TooLong) {
        Kind::TooLarge
    } else {
        Kind::Malformed
    };
    AppError::new(kind, "bad_body", error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("bytes=0-9", Some(0..10))]
    #[case("bytes=5-", Some(5..100))]
    #[case("bytes=5-1000", Some(5..100))]
    #[case("bytes=100-", None)]
    #[case("bytes=9-5", None)]
    #[case("bytes=-5", None)]
    #[case("bytes=0-18446744073709551615", None)]
    #[case("lines=1-2", None)]
    fn ranges(#[case] text: &str, #[case] expected: Option<std::ops::Range<u64>>) {
        assert_eq!(parse_range(text, 100).ok(), expected);
    }
}
