//! `/api/draws/{id}/attachments`: attach, list, download.

use std::path::PathBuf;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use sha2::Digest;
use tokio::io::AsyncWriteExt;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Attachment, MAX_FILE, MOST, all, check, insert, media};
use crate::account::{Actor, Right};
use crate::db::{DbError, Tx};
use crate::draw::routes::{found, visible};
use crate::draw::store::Draw;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path, Query};
use crate::journal::{self, Entry};
use crate::state::AppState;

pub(in crate::draw) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, note))
        .routes(routes!(download))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(upload))
                .layer(DefaultBodyLimit::disable()),
        )
}

/// The attachments.
#[utoipa::path(get, path = "/api/draws/{id}/attachments", operation_id = "attachments_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = Vec<Attachment>)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Vec<Attachment>>, AppError> {
    let rows = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            Ok(all(tx, &id)?)
        })
        .await?;
    Ok(Json(rows))
}

/// A file that stays elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
struct HashOnly {
    /// Name of the file, 1 to 200 characters.
    name: String,
    /// What it shows and where it is kept, up to 500 characters.
    #[serde(default)]
    note: String,
    /// SHA-256, 64 hexadecimal digits.
    sha256: String,
    /// Bytes, where known.
    #[serde(default)]
    size: i64,
}

/// Attaches by hash alone.
#[utoipa::path(post, path = "/api/draws/{id}/attachments", operation_id = "note_attachment", tag = "draw", params(("id" = String, Path)),
    request_body = HashOnly,
    responses((status = 200, body = Vec<Attachment>), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn note(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<HashOnly>,
) -> Result<Json<Vec<Attachment>>, AppError> {
    let sha256 = input.sha256.trim().to_ascii_lowercase();
    let mut wrong = check(&input.name, &input.note);
    if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
        wrong.push(FieldError::new("sha256", "SHA-256 须为 64 位十六进制"));
    }
    if input.size < 0 {
        wrong.push(FieldError::new("size", "大小有误"));
    }
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let new = Attachment {
        id: state.new_id(),
        media: media(&input.name).to_owned(),
        name: input.name.trim().to_owned(),
        note: input.note.trim().to_owned(),
        sha256,
        size: input.size,
        stored: false,
        by: actor.name.clone(),
        at: state.now(),
    };
    added(&state, actor, id, new).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Named {
    /// Name of the file, 1 to 200 characters.
    name: String,
    /// What it shows, up to 500 characters.
    #[serde(default)]
    note: String,
}

/// Attaches a file: the body is its bytes.
#[utoipa::path(put, path = "/api/draws/{id}/attachments", operation_id = "attach_draw", tag = "draw", params(("id" = String, Path), Named),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Vec<Attachment>), (status = 409, body = Problem), (status = 413, body = Problem)))]
async fn upload(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Attachment>>, AppError> {
    let wrong = check(&named.name, &named.note);
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let too_large = || AppError::too_large("附件不能超过 512 MB；更大的录像可以只登记 SHA-256");
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|bytes| bytes > MAX_FILE) {
        return Err(too_large());
    }
    // The right to attach is asked before a byte is taken.
    let (asked, by) = (id.clone(), actor.clone());
    state.db.read(move |tx| may(tx, &by, &asked)).await?;
    let attachment = state.new_id();
    let folder = state.attachments();
    tokio::fs::create_dir_all(&folder)
        .await
        .map_err(AppError::internal)?;
    let part = Part(folder.join(format!("{attachment}.part")));
    let mut file = tokio::fs::File::create(&part.0)
        .await
        .map_err(AppError::internal)?;
    let (mut size, mut hash) = (0_u64, sha2::Sha256::new());
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| AppError::malformed("上传中断，请重新上传"))?;
        size += chunk.len() as u64;
        if size > MAX_FILE {
            return Err(too_large());
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(AppError::internal)?;
    }
    if size == 0 {
        return Err(AppError::malformed("文件是空的"));
    }
    file.sync_all().await.map_err(AppError::internal)?;
    drop(file);
    let new = Attachment {
        media: media(&named.name).to_owned(),
        name: named.name.trim().to_owned(),
        note: named.note.trim().to_owned(),
        sha256: hex::encode(hash.finalize()),
        size: i64::try_from(size).map_err(AppError::internal)?,
        stored: true,
        by: actor.name.clone(),
        at: state.now(),
        id: attachment.clone(),
    };
    tokio::fs::rename(&part.0, folder.join(&attachment))
        .await
        .map_err(AppError::internal)?;
    added(&state, actor, id, new).await
}

/// A file that is removed unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn may(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<Draw, AppError> {
    let draw = found(tx, id)?;
    actor.require(Right::HoldDraws, &draw.department)?;
    if all(tx, id)?.len() >= MOST {
        let full = format!("一次抽取最多 {MOST} 个附件");
        return Err(AppError::conflict("too_many_attachments", full));
    }
    Ok(draw)
}

async fn added(
    state: &AppState,
    actor: Actor,
    id: String,
    new: Attachment,
) -> Result<Json<Vec<Attachment>>, AppError> {
    let (stored, kept) = (new.stored, state.attachments().join(&new.id));
    let done = state
        .db
        .write(move |tx| {
            let draw = may(tx, &actor, &id)?;
            insert(tx, &id, &new).map_err(|e| match e {
                DbError::Duplicate(_) => {
                    AppError::conflict("attached_already", "这个文件已经登记过了（SHA-256 相同）")
                }
                other => other.into(),
            })?;
            let entry = Entry::by(&actor, new.at, "draw.attach", format!("draw/{id}")).detail(
                json!({ "number": draw.number, "name": new.name, "sha256": new.sha256,
                    "size": new.size, "stored": new.stored }),
            );
            journal::append(tx, &entry)?;
            Ok(all(tx, &id)?)
        })
        .await;
    if done.is_err() && stored {
        let _ = tokio::fs::remove_file(kept).await;
    }
    done.map(Json)
}

/// An attached file, for the office.
#[utoipa::path(get, path = "/api/draws/{id}/attachments/{attachment}", operation_id = "download_attachment", tag = "draw",
    params(("id" = String, Path), ("attachment" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, body = Problem)))]
async fn download(
    State(state): State<AppState>,
    actor: Actor,
    Path((id, attachment)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let found = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            Ok(all(tx, &id)?
                .into_iter()
                .find(|a| a.id == attachment && a.stored))
        })
        .await?
        .ok_or_else(|| AppError::not_found("attachment"))?;
    let file = tokio::fs::File::open(state.attachments().join(&found.id))
        .await
        .map_err(AppError::internal)?;
    let chunks = futures_util::stream::try_unfold(file, |mut file| async move {
        use tokio::io::AsyncReadExt;
        let mut chunk = vec![0; 64 * 1024];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((chunk, file)))
    });
    let ending = found.name.rsplit_once('.').map_or("bin", |(_, e)| e);
    let ending: String = ending
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8)
        .collect();
    let headers = [
        (header::CONTENT_TYPE, found.media.clone()),
        (header::CONTENT_LENGTH, found.size.to_string()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}.{ending}\"", &found.sha256[..16]),
        ),
    ];
    Ok((StatusCode::OK, headers, Body::from_stream(chunks)).into_response())
}
