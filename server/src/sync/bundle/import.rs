//! A tablet's bundle comes in.

use std::collections::BTreeMap;

use ::sync::bundle::{About, BundleError, BundleReader, FromChunks, Part};
use ::sync::message::{BlobRef, QUARANTINE_FULL, SyncRequest, SyncResponse, VERSION};
use axum::body::{Body, Bytes};
use axum::extract::State;
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

use super::{BundleImported, BundleRefusal, BundleTask};
use crate::account::{Actor, Right};
use crate::error::{AppError, Kind, Problem};
use crate::extract::Json;
use crate::journal::{self, Entry};
use crate::state::AppState;
use crate::sync::store::{self, Device};
use crate::sync::{blobs, quarantine, receive};

fn unreadable(error: &BundleError) -> AppError {
    let (code, text) = match error {
        BundleError::NotABundle => (
            "not_a_bundle",
            "这个文件不是平板导出的加密数据包，没有导入任何内容",
        ),
        BundleError::UnknownVersion(_) => (
            "bundle_version",
            "数据包由更新版本的平板程序制作，请先升级服务器",
        ),
        BundleError::NotForThisKey => (
            "bundle_not_for_us",
            "数据包没有选本单位服务器为接收方，无法打开；请在平板上重新导出并选上“单位服务器”",
        ),
        _ => (
            "bundle_damaged",
            "数据包开头已损坏或被改动，没有导入任何内容；请重新拷贝或重新导出",
        ),
    };
    AppError::new(Kind::Invalid, code, text)
}

enum Read1 {
    About(About),
    Part(Part),
    Failed(BundleError),
}

/// Reads a bundle on a thread of its own: bytes in, parts out, a few of each at a time.
fn parts(state: &AppState, body: Body) -> mpsc::Receiver<Read1> {
    let (bytes_in, mut rows) = mpsc::channel::<Bytes>(4);
    let (out, parts) = mpsc::channel::<Read1>(2);
    tokio::spawn(async move {
        let mut chunks = body.into_data_stream();
        while let Some(Ok(bytes)) = chunks.next().await {
            if bytes_in.send(bytes).await.is_err() {
                break;
            }
        }
    });
    let state = state.clone();
    tokio::task::spawn_blocking(move || {
        let input = FromChunks::new(move || rows.blocking_recv());
        let mut reader = match BundleReader::open(input, state.keys.signing()) {
            Ok(reader) => reader,
            Err(error) => return drop(out.blocking_send(Read1::Failed(error))),
        };
        if out
            .blocking_send(Read1::About(reader.about().clone()))
            .is_err()
        {
            return;
        }
        loop {
            let next = match reader.next_part() {
                Ok(None) => return,
                Ok(Some(part)) => Read1::Part(part),
                Err(error) => Read1::Failed(error),
            };
            let last = matches!(next, Read1::Failed(_));
            if out.blocking_send(next).is_err() || last {
                return;
            }
        }
    });
    parts
}

/// Takes in a bundle that a tablet made: the body is its bytes.
#[utoipa::path(put, path = "/api/bundles", operation_id = "import_bundle", tag = "sync",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = BundleImported), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn import(
    State(state): State<AppState>,
    actor: Actor,
    body: Body,
) -> Result<Json<BundleImported>, AppError> {
    actor.require_any(Right::CarryBundles)?;
    let mut parts = parts(&state, body);
    let about = match parts.recv().await {
        Some(Read1::About(about)) => about,
        Some(Read1::Failed(error)) => return Err(unreadable(&error)),
        _ => return Err(unreadable(&BundleError::NotABundle)),
    };
    let sender = about.sender;
    let device = state
        .db
        .read(move |tx| Ok(store::device_by_key(tx, &sender)?))
        .await?;
    let device = device.ok_or_else(|| {
        AppError::new(
            Kind::Invalid,
            "bundle_stranger",
            "数据包的制作方不是在本单位登记的平板，没有导入任何内容",
        )
    })?;
    if !actor.may(Right::CarryBundles, &device.department) {
        return Err(AppError::forbidden(
            "这台平板属于其他部门，请由该部门的人员导入",
        ));
    }
    // Before anything of it is kept: should the server be killed in the middle, this is there.
    let begun = entry(&state, &actor, "bundle.begin", &device.id)
        .detail(json!({ "bundle": hex::encode(about.id), "made_at": about.made_at }));
    state
        .db
        .write(move |tx| Ok(journal::append(tx, &begun).map(drop)?))
        .await?;
    let mut bringing = Bringing {
        state: &state,
        device: &device,
        about: &about,
        tasks: BTreeMap::new(),
        photo: None,
    };
    let read = bringing.read(&mut parts).await;
    let mut tasks: Vec<BundleTask> = bringing.tasks.into_values().collect();
    let (remark, failed) = match read {
        Ok(remark) => (remark, None),
        Err(error) if may_pass(&error) => (Some(NOT_NOW), None),
        // What came before stands, and the journal says so also when nobody gets an answer.
        Err(error) => (Some("broken_off"), Some(error)),
    };
    let is_full = |t: &BundleTask| t.refused.iter().any(|r| r.code == QUARANTINE_FULL);
    let left = tasks.iter().any(|t| t.photos_not_now > 0 || is_full(t));
    let remark = remark.or(left.then_some(NOT_NOW)).map(str::to_owned);
    name(&state, &mut tasks).await?;
    let told = BundleImported {
        device: device.id.clone(),
        device_name: device.name.clone(),
        revoked: device.revoked,
        made_at: about.made_at,
        whole: remark.is_none(),
        remark,
        tasks,
    };
    note(&state, &actor, &about, &told).await?;
    failed.map_or(Ok(Json(told)), Err)
}

/// Something could not be stored now: the same file again brings it.
const NOT_NOW: &str = "not_now";

/// Whether what failed may go well when it is tried again.
fn may_pass(error: &AppError) -> bool {
    matches!(
        error.kind,
        Kind::Unavailable | Kind::Conflict | Kind::TooMany
    )
}

async fn name(state: &AppState, tasks: &mut [BundleTask]) -> Result<(), AppError> {
    let ids: Vec<String> = tasks.iter().map(|t| t.task.clone()).collect();
    let names = state.db.read(move |tx| {
        let mut names = Vec::new();
        for id in &ids {
            let row: Option<(String, String)> = tx.query_opt(
                "SELECT number, object_name FROM tasks WHERE id = $1",
                &[id],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?;
            names.push(row.unwrap_or_default());
        }
        Ok(names)
    });
    for (task, (number, object_name)) in tasks.iter_mut().zip(names.await?) {
        task.number = number;
        task.object_name = object_name;
    }
    Ok(())
}

fn entry(state: &AppState, actor: &Actor, act: &str, device: &str) -> Entry {
    Entry::by(actor, state.now(), act, format!("device/{device}"))
}

async fn note(
    state: &AppState,
    actor: &Actor,
    about: &About,
    told: &BundleImported,
) -> Result<(), AppError> {
    let sum = |of: fn(&BundleTask) -> u32| told.tasks.iter().map(of).sum::<u32>();
    let entry = entry(state, actor, "bundle.import", &told.device).detail(json!({
        "bundle": hex::encode(about.id),
        "made_at": told.made_at,
        "whole": told.whole,
        "remark": told.remark,
        "tasks": told.tasks.len(),
        "new_changes": sum(|t| t.new_changes),
        "new_photos": sum(|t| t.new_photos),
        "refused": told.tasks.iter().filter(|t| !t.refused.is_empty()).count(),
    }));
    state
        .db
        .write(move |tx| Ok(journal::append(tx, &entry).map(drop)?))
        .await
}

/// A bundle on its way in, as if its tablet had sent it.
struct Bringing<'a> {
    state: &'a AppState,
    device: &'a Device,
    about: &'a About,
    tasks: BTreeMap<String, BundleTask>,
    photo: Option<Photo>,
}

/// So many bytes of a photo are gathered before they are kept: each time the disk is waited for.
const STRETCH: usize = 8 << 20;

/// The photo whose bytes come.
struct Photo {
    blob: BlobRef,
    /// So many bytes have come by.
    passed: u64,
    /// From here on it is wanted; what the office has of it is passed over.
    wanted_from: u64,
    /// What came from there on and is not kept yet.
    gathered: Vec<u8>,
}

impl Bringing<'_> {
    fn task(&mut self, task: &str) -> &mut BundleTask {
        let row = self.tasks.entry(task.to_owned()).or_default();
        if row.task.is_empty() {
            row.task = task.to_owned();
        }
        row
    }

    /// Brings what comes; says why it ended early, if it did.
    async fn read(
        &mut self,
        parts: &mut mpsc::Receiver<Read1>,
    ) -> Result<Option<&'static str>, AppError> {
        let mut remark = None;
        while let Some(next) = parts.recv().await {
            match next {
                Read1::Part(Part::Message(message)) => {
                    self.end_photo().await?;
                    self.message(&message).await?;
                }
                Read1::Part(Part::Blob(blob)) => self.blob(blob).await?,
                Read1::Part(Part::Bytes(bytes)) => self.bytes(&bytes).await?,
                Read1::Failed(error) => {
                    tracing::info!(%error, "bundle");
                    remark = Some(match error {
                        BundleError::CutOff => "cut_off",
                        BundleError::TooManyTasks => "too_many_tasks",
                        BundleError::UnknownMessage(_) => "unknown_version",
                        _ => "damaged",
                    });
                }
                Read1::About(_) => {}
            }
        }
        self.end_photo().await?;
        Ok(remark)
    }

    /// No more of the photo comes: what is kept of one that is not whole is gone on with when it comes again.
    async fn end_photo(&mut self) -> Result<(), AppError> {
        self.keep_gathered().await?;
        self.photo = None;
        Ok(())
    }

    async fn message(&mut self, message: &SyncResponse) -> Result<(), AppError> {
        // A revoked tablet's changes go to quarantine, as on the network.
        if message.docs.is_empty() && (message.signatures.is_empty() || self.device.revoked) {
            return Ok(());
        }
        let request = SyncRequest {
            v: VERSION,
            epoch: 0,
            request: self.about.id,
            cursor: None,
            authors: message.authors.clone(),
            docs: message.docs.clone(),
            signatures: message.signatures.clone(),
            blobs: Vec::new(),
            status: None,
        };
        let tasks: Vec<String> = request.docs.iter().map(|d| d.task.to_string()).collect();
        let before = self.counts(tasks.clone()).await?;
        let verdicts = receive::receive_file(self.state, self.device, &request).await?;
        let after = self.counts(tasks).await?;
        let (docs, signatures) = verdicts;
        let counted = request.docs.iter().zip(docs).zip(before.iter().zip(after));
        for ((doc, verdict), (before, after)) in counted {
            let row = self.task(&doc.task.to_string());
            row.changes += verdict.stored;
            row.new_changes += u32::try_from(after - before).unwrap_or(0);
            for held in verdict.held {
                match (held.code, held.not_now) {
                    (Some(code), _) => refuse(row, code.word()),
                    (None, Some(_)) => refuse(row, QUARANTINE_FULL),
                    (None, None) => row.waiting += 1,
                }
            }
        }
        for (signed, verdict) in request.signatures.iter().zip(signatures) {
            let row = self.task(&signed.task.to_string());
            match (verdict.stored, verdict.not_now) {
                (true, _) => row.signatures += 1,
                (false, Some(_)) => refuse(row, QUARANTINE_FULL),
                (false, None) => refuse(row, "bad_statement"),
            }
        }
        Ok(())
    }

    async fn counts(&self, tasks: Vec<String>) -> Result<Vec<i64>, AppError> {
        self.state
            .db
            .read(move |tx| {
                let mut counts = Vec::new();
                for task in &tasks {
                    let sql = "SELECT count(*) FROM record_changes WHERE task = $1";
                    counts.push(tx.query_one(sql, &[task], |r| r.get::<i64>(0))?);
                }
                Ok(counts)
            })
            .await
    }

    async fn blob(&mut self, blob: BlobRef) -> Result<(), AppError> {
        let (task, sha256) = (blob.task.to_string(), blob.sha256.to_string());
        self.end_photo().await?;
        // As by network: of a revoked tablet no photo is taken, whoever else's change names it.
        if self.device.revoked {
            self.task(&task).photos_left_out += 1;
            return Ok(());
        }
        let known = blobs::progress(
            self.state,
            self.device,
            (task.clone(), sha256),
            Some(blob.size),
        )
        .await;
        match known {
            Ok(known) if known.stored => self.task(&task).photos += 1,
            Ok(known) if known.size == blob.size => {
                self.photo = Some(Photo {
                    blob,
                    passed: 0,
                    wanted_from: known.offset,
                    gathered: Vec::new(),
                });
            }
            Ok(_) => self.task(&task).photos_left_out += 1,
            Err(error) if error.kind == Kind::NotFound => self.task(&task).photos_left_out += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn bytes(&mut self, bytes: &[u8]) -> Result<(), AppError> {
        let Some(photo) = self.photo.as_mut() else {
            return Ok(());
        };
        let skip = photo.wanted_from.saturating_sub(photo.passed);
        photo.passed += bytes.len() as u64;
        let fresh = usize::try_from(skip).ok().and_then(|s| bytes.get(s..));
        photo.gathered.extend_from_slice(fresh.unwrap_or_default());
        if photo.gathered.len() >= STRETCH || photo.passed >= photo.blob.size {
            self.keep_gathered().await?;
        }
        Ok(())
    }

    /// Keeps what has come of a photo: an upload that was cut goes on where it stopped.
    async fn keep_gathered(&mut self) -> Result<(), AppError> {
        let Some(photo) = self.photo.as_mut().filter(|p| !p.gathered.is_empty()) else {
            return Ok(());
        };
        let (task, sha256) = (photo.blob.task.to_string(), photo.blob.sha256.to_string());
        let fresh = std::mem::take(&mut photo.gathered);
        let offset = photo.wanted_from;
        photo.wanted_from += fresh.len() as u64;
        let name = (task.clone(), sha256);
        let at = (photo.blob.size, offset);
        let done = blobs::append_bytes(self.state, self.device, name, at, fresh);
        match done.await {
            Ok(done) if done.stored => {
                let row = self.task(&task);
                row.photos += 1;
                row.new_photos += 1;
                self.photo = None;
            }
            Ok(_) => {}
            Err(error) if error.kind == Kind::Internal => return Err(error),
            Err(error) => {
                // This photo only; the tablet or the file can bring it again.
                tracing::info!(code = error.code, "photo in a bundle");
                let row = self.task(&task);
                match may_pass(&error) {
                    true => row.photos_not_now += 1,
                    false => row.photos_left_out += 1,
                }
                self.photo = None;
            }
        }
        Ok(())
    }
}

fn refuse(row: &mut BundleTask, code: &str) {
    let refusal = BundleRefusal {
        code: code.to_owned(),
        remedy: quarantine::remedy(code).to_owned(),
    };
    // One line for each reason, however many changes it hits.
    if !row.refused.contains(&refusal) {
        row.refused.push(refusal);
    }
}
