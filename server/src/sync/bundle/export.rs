//! A bundle for a tablet: what its feed would bring it, from the beginning.

use std::io;

use ::sync::bundle::{BundleWriter, MAX_BLOB_BYTES, MAX_TASKS, estimated_bytes};
use ::sync::message::{BlobKind, BlobRef, Cursor, MAX_BODY_BYTES, SyncRequest, VERSION, pack};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::mpsc;

use super::{BundlePhotos, BundlePlan, BundleWish};
use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path, Query};
use crate::journal::{self, Entry};
use crate::state::AppState;
use crate::sync::respond::{BUDGET, respond};
use crate::sync::store::{self, Device};

/// Records of which an active member is enrolled on the device.
const ITS_TASKS: &str =
    "SELECT DISTINCT m.task FROM task_members m JOIN device_inspectors d ON d.person = m.person
     WHERE d.device = $1 AND m.status = 'active'";

fn its_device(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<Device, AppError> {
    actor.require_any(Right::CarryBundles)?;
    let key: Option<String> =
        tx.query_opt("SELECT key FROM devices WHERE id = $1", &[&id], |r| {
            r.get(0)
        })?;
    let device = match key.and_then(|k| k.parse().ok()) {
        Some(key) => store::device_by_key(tx, &key)?,
        None => None,
    };
    let device = device.ok_or_else(|| AppError::not_found("device"))?;
    if !actor.may(Right::CarryBundles, &device.department) {
        return Err(AppError::not_found("device"));
    }
    if device.revoked {
        return Err(AppError::conflict(
            "device_revoked",
            "这台平板已停用，不能再为它制作数据包",
        ));
    }
    // Its feed, which is what goes into the file, speaks of every task that it ever had.
    let sql = "SELECT count(DISTINCT m.task) FROM task_members m JOIN device_inspectors d ON d.person = m.person
         WHERE d.device = $1";
    let tasks: i64 = tx.query_one(sql, &[&device.id], |r| r.get(0))?;
    if usize::try_from(tasks).is_ok_and(|n| n > MAX_TASKS) {
        return Err(AppError::conflict(
            "bundle_too_many_tasks",
            format!("这台平板的任务有 {tasks} 个，一个数据包最多 {MAX_TASKS} 个，请让它联网同步"),
        ));
    }
    Ok(device)
}

/// What a bundle for this tablet would hold, and how large it would be.
#[utoipa::path(get, path = "/api/devices/{id}/bundle/plan", operation_id = "plan_bundle", tag = "sync", params(("id" = String, Path)),
    responses((status = 200, body = BundlePlan), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn plan(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<BundlePlan>, AppError> {
    let plan = state.db.read(move |tx| {
        let device = its_device(tx, &actor, &id)?;
        let count = |tx: &mut Tx<'_>, sql: &str| {
            let sql = sql.replace("{}", ITS_TASKS);
            tx.query_one(&sql, &[&device.id], |r| Ok((r.get::<i64>(0)?, r.get::<i64>(1)?)))
        };
        let (tasks, facts) = count(
            tx,
            "SELECT count(*), coalesce(sum(length(facts)), 0) FROM tasks WHERE id IN ({})",
        )?;
        let (changes, bytes) = count(
            tx,
            "SELECT count(*), coalesce(sum(length(bytes) + 70), 0) FROM record_changes WHERE task IN ({})",
        )?;
        let mut files = |kinds: &str| {
            let sql = "SELECT count(*), coalesce(sum(size), 0) FROM blobs WHERE stored_at IS NOT NULL AND kind IN (KINDS) AND task IN ({})";
            count(tx, &sql.replace("KINDS", kinds))
        };
        let (_, small) = files("'thumbnail', 'rendition'")?;
        let (photos, originals) = files("'original'")?;
        let (clips, films) = files("'clip'")?;
        let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
        let records = unsigned(facts + bytes);
        Ok(BundlePlan {
            tasks,
            changes,
            photos,
            clips,
            bytes_records: estimated_bytes(records, 0),
            bytes_small: estimated_bytes(records, unsigned(small)),
            bytes_originals: estimated_bytes(records, unsigned(small + originals)),
            bytes_everything: estimated_bytes(records, unsigned(small + originals + films)),
        })
    });
    Ok(Json(plan.await?))
}

/// A bundle for this tablet, as a file.
#[utoipa::path(get, path = "/api/devices/{id}/bundle", operation_id = "export_bundle", tag = "sync", params(("id" = String, Path), BundleWish),
    responses((status = 200, description = "the file", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn file(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(wish): Query<BundleWish>,
) -> Result<Response, AppError> {
    let now = state.now();
    let device = state.db.write(move |tx| {
        let device = its_device(tx, &actor, &id)?;
        let entry = Entry::by(
            &actor,
            now,
            "bundle.export",
            format!("device/{}", device.id),
        )
        .detail(json!({ "photos": wish.photos }));
        journal::append(tx, &entry)?;
        Ok(device)
    });
    let device = device.await?;
    let name = format!(
        "double-random-office-{}.drb",
        device.id.get(..8).unwrap_or_default()
    );
    let (out, rows) = mpsc::channel::<io::Result<Bytes>>(4);
    tokio::spawn(async move {
        if let Err(error) = write(&state, &device, wish.photos, &out).await {
            tracing::warn!(%error, "bundle");
            // The download breaks off; what has gone out is read as a bundle that was cut.
            let _ = out.send(Err(io::Error::other("bundle"))).await;
        }
    });
    let stream = futures_util::stream::unfold(rows, |mut rows| async move {
        rows.recv().await.map(|row| (row, rows))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

type Out = mpsc::Sender<io::Result<Bytes>>;

async fn hand_on(writer: &mut BundleWriter<'_, Vec<u8>>, out: &Out) -> Result<(), AppError> {
    let written = writer.take_written();
    if written.is_empty() {
        return Ok(());
    }
    let sent = out.send(Ok(written.into())).await;
    sent.map_err(|_| AppError::internal("the reader went away"))
}

/// Writes the bundle: one message, or one stretch of a photo, is in memory at a time.
async fn write(
    state: &AppState,
    device: &Device,
    photos: BundlePhotos,
    out: &Out,
) -> Result<(), AppError> {
    let key = state.keys.signing().clone();
    let rng = state.rng.clone();
    let mut fill = move |bytes: &mut [u8]| rng.fill(bytes);
    let made_at = state.now();
    let mut writer = BundleWriter::new(Vec::new(), &key, &[device.key], made_at, &mut fill)
        .map_err(AppError::internal)?;
    drop(fill);
    let mut offered = messages(state, device, &mut writer, out).await?;
    match photos {
        BundlePhotos::None => offered.clear(),
        BundlePhotos::Small => {}
        BundlePhotos::Originals => offered.extend(large(state, device, BlobKind::Original).await?),
        BundlePhotos::Everything => {
            offered.extend(large(state, device, BlobKind::Original).await?);
            offered.extend(large(state, device, BlobKind::Clip).await?);
        }
    }
    offered.sort_by_key(|b| b.kind);
    for blob in offered {
        writer.blob(&blob).map_err(AppError::internal)?;
        let (task, sha256) = (blob.task.to_string(), blob.sha256.to_string());
        let mut offset = 0;
        while offset < blob.size {
            let to = blob.size.min(offset + MAX_BLOB_BYTES as u64);
            let bytes = state
                .blob_store
                .read(&task, &sha256, Some(offset..to))
                .await?;
            if bytes.is_empty() {
                break;
            }
            offset += bytes.len() as u64;
            writer.bytes(&bytes).map_err(AppError::internal)?;
            hand_on(&mut writer, out).await?;
        }
    }
    let rest = writer.finish().map_err(AppError::internal)?;
    let sent = out.send(Ok(rest.into())).await;
    sent.map_err(|_| AppError::internal("the reader went away"))
}

/// The device's feed from its beginning; the small forms of photos that it names.
async fn messages(
    state: &AppState,
    device: &Device,
    writer: &mut BundleWriter<'_, Vec<u8>>,
    out: &Out,
) -> Result<Vec<BlobRef>, AppError> {
    let mut offered = Vec::new();
    let (mut seq, mut budget) = (0, BUDGET);
    loop {
        let request = SyncRequest {
            v: VERSION,
            epoch: 0,
            request: [0; 16],
            cursor: Some(Cursor {
                incarnation: state.incarnation_bytes(),
                seq,
            }),
            authors: vec![],
            docs: vec![],
            signatures: vec![],
            blobs: vec![],
            status: None,
        };
        let (own, reader) = (state.clone(), device.clone());
        // Nothing is passed over as the tablet's own: it may have lost it.
        let response = state
            .db
            .read(move |tx| respond(tx, &own, &reader, &request, i64::MAX, budget))
            .await?;
        let packed = pack(&response).map_err(AppError::internal)?.len();
        if packed > MAX_BODY_BYTES && budget > 0 {
            budget /= 4;
            continue;
        }
        budget = BUDGET;
        writer.message(&response).map_err(AppError::internal)?;
        hand_on(writer, out).await?;
        offered.extend(
            response
                .offered
                .iter()
                .filter(|b| b.kind.is_small())
                .cloned(),
        );
        if !response.more || response.cursor.seq <= seq {
            return Ok(offered);
        }
        seq = response.cursor.seq;
    }
}

/// All stored blobs of a kind that the feed does not offer.
async fn large(
    state: &AppState,
    device: &Device,
    kind: BlobKind,
) -> Result<Vec<BlobRef>, AppError> {
    let id = device.id.clone();
    state
        .db
        .read(move |tx| {
            let sql = format!(
                "SELECT task, sha256, size FROM blobs WHERE stored_at IS NOT NULL AND kind = $2 AND task IN ({ITS_TASKS}) ORDER BY task, sha256"
            );
            let rows = tx.query(&sql, &[&id, &store::kind_word(kind)], |r| {
                Ok((r.get::<String>(0)?, r.get::<String>(1)?, r.get::<i64>(2)?))
            })?;
            let read = |(task, sha256, size): (String, String, i64)| {
                Some(BlobRef {
                    task: task.parse().ok()?,
                    sha256: sha256.parse().ok()?,
                    size: u64::try_from(size).ok()?,
                    kind,
                })
            };
            Ok(rows.into_iter().filter_map(read).collect())
        })
        .await
}
