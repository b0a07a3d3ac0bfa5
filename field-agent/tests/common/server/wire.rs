//! What the office answers.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};

use ed25519_dalek::SigningKey;
use field_agent::ports::{Fetch, FetchAnswer, FetchError, FetchRequest, Fetching};
use sync::admit::{Batch, Code, Judged, Offered, Rights, Verdict, admit};
use sync::bundle::BundleWriter;
use sync::canonical;
use sync::chunk::Chunk;
use sync::enrol::{EnrolCheck, EnrolOffer, EnrolRequest, Enrolled};
use sync::facts::Roster;
use sync::ids::{DeviceId, Key, Sha256, TaskId};
use sync::message::*;
use sync::record::RecordDoc;
use sync::signing::{self, RequestAuth};

use super::{FeedEvent, Inner, Logged, Server, with_keys};

impl Server {
    pub(super) fn handle(&self, request: &FetchRequest) -> FetchAnswer {
        let json = |status, value: &dyn erased::Json| FetchAnswer {
            status,
            headers: Vec::new(),
            body: value.bytes(),
        };
        match (request.method, request.path.as_str()) {
            ("POST", "/enrol/v1/check") => {
                let check: EnrolCheck = serde_json::from_slice(&request.body).expect("check");
                match self.inner().codes.get(&check.code) {
                    Some(i) => json(
                        200,
                        &EnrolOffer {
                            device_name: "平板一".into(),
                            server_key: signing::public(&self.secret),
                            inspectors: i.clone(),
                        },
                    ),
                    None => json(
                        404,
                        &serde_json::json!({"code": "unknown_code", "detail": "登记码无效或已使用。"}),
                    ),
                }
            }
            ("POST", "/enrol/v1") => {
                self.enrol(&serde_json::from_slice(&request.body).expect("enrol"))
            }
            ("POST", "/sync/v1") => {
                let device = self.device(request);
                let body: SyncRequest = unpack(&request.body).expect("unpacks");
                let stranger = self.revoked_by_a_stranger.load(Ordering::SeqCst);
                if stranger || self.revoked.load(Ordering::SeqCst) {
                    let secret = match stranger {
                        true => SigningKey::from_bytes(&[78; 32]),
                        false => self.secret.clone(),
                    };
                    let order = signing::revocation(&device);
                    let sig = signing::sign(&secret, signing::REVOCATION, &order);
                    return FetchAnswer {
                        headers: vec![("dr-revocation".into(), hex::encode(sig.0))],
                        ..json(403, &serde_json::json!({"code": "device_revoked"}))
                    };
                }
                let response = self.sync(&device, &body);
                FetchAnswer {
                    status: 200,
                    headers: Vec::new(),
                    body: pack(&response).expect("packs"),
                }
            }
            (method, path) if path.starts_with("/blobs/") => {
                self.device(request);
                self.blob(method, path, request)
            }
            other => panic!("no such address: {other:?}"),
        }
    }

    fn device(&self, request: &FetchRequest) -> Key {
        let header = request
            .headers
            .iter()
            .find(|(n, _)| n == "authorization")
            .expect("signed");
        let auth = RequestAuth::parse(&header.1).expect("parses");
        assert!(
            auth.holds(request.method, &request.path, &request.body),
            "the device signs its requests"
        );
        let adopted = self
            .adopt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(persons) = adopted {
            self.inner().devices.insert(auth.key, persons);
        }
        assert!(
            self.inner().devices.contains_key(&auth.key),
            "the device is enrolled"
        );
        auth.key
    }

    fn enrol(&self, request: &EnrolRequest) -> FetchAnswer {
        use sync::enrol::proof_holds;
        let mut inner = self.inner();
        assert!(
            inner.codes.remove(&request.code).is_some(),
            "the code is good once"
        );
        assert!(proof_holds(
            &request.device_proof,
            &request.device_key,
            &request.code,
            &request.device_key,
            ""
        ));
        for i in &request.inspectors {
            assert!(proof_holds(
                &i.proof,
                &i.key,
                &request.code,
                &request.device_key,
                &i.person
            ));
        }
        inner.devices.insert(
            request.device_key,
            request
                .inspectors
                .iter()
                .map(|i| (i.person.clone(), i.key))
                .collect(),
        );
        // Rosters change with the keys.
        let ids: Vec<TaskId> = inner.tasks.keys().copied().collect();
        for id in ids {
            inner.tasks.get_mut(&id).expect("task").version += 1;
            inner.feed.push(FeedEvent::Grant(id));
        }
        let answer = Enrolled {
            device: DeviceId::of(&request.device_key),
            server_key: signing::public(&self.secret),
            server_time: self.time.load(Ordering::SeqCst),
        };
        FetchAnswer {
            status: 200,
            headers: Vec::new(),
            body: serde_json::to_vec(&answer).expect("json"),
        }
    }

    /// What the office puts into a file for a tablet: everything that it has for it by now.
    pub fn file_for(&self, device: &Key) -> Vec<u8> {
        let request = SyncRequest {
            v: VERSION,
            epoch: 0,
            request: [0; 16],
            cursor: None,
            authors: Vec::new(),
            docs: Vec::new(),
            signatures: Vec::new(),
            blobs: Vec::new(),
            status: None,
        };
        let answer = self.sync(device, &request);
        let mut random = |out: &mut [u8]| out.fill(3);
        let made_at = self.time.load(Ordering::SeqCst);
        let to = [*device];
        let mut writer =
            BundleWriter::new(Vec::new(), &self.secret, &to, made_at, &mut random).expect("begins");
        writer.message(&answer).expect("writes");
        writer.finish().expect("ends")
    }

    fn sync(&self, device: &Key, request: &SyncRequest) -> SyncResponse {
        let mut inner = self.inner();
        let fed = inner.feed.len();
        let cursor = Cursor {
            incarnation: self.incarnation_bytes(),
            seq: 0,
        };
        let mut response = SyncResponse::at(cursor, self.time.load(Ordering::SeqCst));
        for part in &request.docs {
            response
                .verdicts
                .push(self.take_changes(&mut inner, device, request, part));
        }
        for signed in &request.signatures {
            let entry = inner.tasks.get_mut(&signed.task).expect("task");
            if !entry.statements.iter().any(|(s, _)| s.id() == signed.id()) {
                entry.statements.push((signed.clone(), Some(*device)));
                let index = entry.statements.len() - 1;
                inner.feed.push(FeedEvent::Statement(signed.task, index));
            }
            response.signature_verdicts.push(SignatureVerdict {
                stored: true,
                detail: String::new(),
                not_now: None,
            });
        }
        for blob in &request.blobs {
            let named = inner.named(blob.task, &blob.sha256).is_some();
            let received = inner
                .blobs
                .get(&(blob.task, blob.sha256))
                .map_or(0, |(_, b)| b.len() as u64);
            response.blobs.push(BlobState {
                received,
                stored: named && received == blob.size,
                unwanted: !named,
            });
        }
        if request
            .cursor
            .is_some_and(|c| c.incarnation != self.incarnation_bytes())
        {
            response.restored = true;
            response.tips = inner
                .tasks
                .iter()
                .map(|(task, entry)| Tip {
                    task: *task,
                    heads: entry.doc.heads(),
                })
                .collect();
        }
        let from = request
            .cursor
            .filter(|c| c.incarnation == self.incarnation_bytes())
            .map_or(0, |c| c.seq as usize);
        let start = from.min(inner.feed.len());
        let end = inner.feed.len().min(start + MOST_EVENTS);
        let events: Vec<FeedEvent> = inner.feed[start..end].to_vec();
        response.more = end < inner.feed.len();
        for (place, event) in events.iter().enumerate() {
            // What this very request brought is passed over; the rest comes (back).
            self.tell(&inner, device, event, start + place >= fed, &mut response);
        }
        let asked: Vec<Sha256> = request.blobs.iter().map(|b| b.sha256).collect();
        response.offered.retain(|b| !asked.contains(&b.sha256));
        response.cursor.seq = end as u64;
        response
    }

    pub fn incarnation_bytes(&self) -> [u8; 16] {
        [self.incarnation.load(Ordering::SeqCst) as u8; 16]
    }

    fn take_changes(
        &self,
        inner: &mut Inner,
        device: &Key,
        request: &SyncRequest,
        part: &DocChanges,
    ) -> DocVerdict {
        let devices = inner.devices.clone();
        let entry = inner.tasks.get_mut(&part.task).expect("task");
        let rights = Rights {
            server: signing::public(&self.secret),
            devices: devices
                .iter()
                .map(|(k, p)| (*k, p.iter().map(|(p, _)| p.clone()).collect()))
                .collect(),
            revoked: Vec::new(),
        };
        let batch = Batch {
            authors: request.authors.clone(),
            changes: part.changes.clone(),
        };
        let mut verdict = DocVerdict::default();
        let judged = self.judge(&mut entry.doc, &rights, &batch);
        for (offered, judged) in part.changes.iter().zip(judged) {
            match judged.verdict {
                Verdict::Admitted => {
                    entry.log.push(Logged {
                        author: request.authors[offered.author as usize].clone(),
                        offered: offered.clone(),
                        from: Some(*device),
                    });
                    verdict.stored += 1;
                    let index = entry.log.len() - 1;
                    inner.feed.push(FeedEvent::Change(part.task, index));
                }
                Verdict::Known => verdict.stored += 1,
                Verdict::Waiting { .. } => verdict.held.push(Held {
                    hash: judged.hash,
                    code: None,
                    detail: String::new(),
                    not_now: None,
                }),
                Verdict::Refused { detail, .. } if self.quarantine_full.load(Ordering::SeqCst) => {
                    verdict.held.push(Held {
                        hash: judged.hash,
                        code: None,
                        detail,
                        not_now: Some(QUARANTINE_FULL.into()),
                    })
                }
                Verdict::Refused { code, detail } => verdict.held.push(Held {
                    hash: judged.hash,
                    code: Some(code),
                    detail,
                    not_now: None,
                }),
            }
        }
        if self.miscount.load(Ordering::SeqCst) {
            verdict.stored = verdict.stored.saturating_sub(1);
        }
        verdict
    }

    /// Admission, with one cell that the forms of this server lack.
    fn judge(&self, doc: &mut RecordDoc, rights: &Rights, batch: &Batch) -> Vec<Judged> {
        let refused = *self
            .refuse_as
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(code) = refused {
            let held = |c: &Offered| Judged {
                hash: Chunk::parse(&c.bytes).expect("a change").hash,
                verdict: Verdict::Refused {
                    code,
                    detail: String::new(),
                },
            };
            return batch.changes.iter().map(held).collect();
        }
        let refused = self
            .refuse_cell
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let lacks = |offered: &Offered| {
            let chunk = Chunk::parse(&offered.bytes).ok()?;
            let path = refused.as_deref()?;
            chunk
                .ops
                .iter()
                .any(|op| op.path == path)
                .then_some(chunk.hash)
        };
        if !batch.changes.iter().any(|c| lacks(c).is_some()) {
            return admit(doc, rights, batch);
        }
        let mut judged = Vec::new();
        // Not signed itself, it pulls down with it what it was signed together with.
        if let Some(hash) = batch
            .changes
            .iter()
            .filter(|c| c.sig.is_none())
            .find_map(lacks)
        {
            let waits = |c: &Offered| Judged {
                hash: Chunk::parse(&c.bytes).map_or(hash, |c| c.hash),
                verdict: Verdict::Waiting {
                    missing: vec![hash],
                },
            };
            return batch.changes.iter().map(waits).collect();
        }
        let mut rest = batch.clone();
        rest.changes.retain(|c| lacks(c).is_none());
        let mut others = admit(doc, rights, &rest).into_iter();
        for offered in &batch.changes {
            judged.extend(match lacks(offered) {
                Some(hash) => Some(Judged {
                    hash,
                    verdict: Verdict::Refused {
                        code: Code::BadCell,
                        detail: "no such cell".into(),
                    },
                }),
                None => others.next(),
            });
        }
        judged
    }

    fn tell(
        &self,
        inner: &Inner,
        device: &Key,
        event: &FeedEvent,
        fresh: bool,
        response: &mut SyncResponse,
    ) {
        let persons: Vec<&str> = inner.devices[device]
            .iter()
            .map(|(p, _)| p.as_str())
            .collect();
        let mine = |task: &TaskId| {
            inner.tasks[task]
                .members
                .iter()
                .any(|m| persons.contains(&m.person.as_str()))
        };
        match event {
            FeedEvent::Grant(task) if mine(task) => {
                let entry = &inner.tasks[task];
                let roster = canonical::to_vec(&Roster {
                    task: *task,
                    version: entry.version,
                    members: with_keys(entry, &inner.devices),
                    former: vec![],
                });
                let roster_sig = Some(signing::sign(&self.secret, signing::ROSTER, &roster));
                response.grants.push(Grant {
                    task: *task,
                    withdrawn: false,
                    facts: canonical::to_vec(&entry.facts),
                    roster,
                    roster_sig,
                });
            }
            FeedEvent::Change(task, index) if mine(task) => {
                let logged = &inner.tasks[task].log[*index];
                if fresh && logged.from == Some(*device) {
                    return;
                }
                let author = response
                    .authors
                    .iter()
                    .position(|a| *a == logged.author)
                    .unwrap_or_else(|| {
                        response.authors.push(logged.author.clone());
                        response.authors.len() - 1
                    });
                response.docs.push(DocChanges {
                    task: *task,
                    changes: vec![Offered {
                        author: author as u32,
                        ..logged.offered.clone()
                    }],
                });
            }
            FeedEvent::Statement(task, index) if mine(task) => {
                let (signed, from) = &inner.tasks[task].statements[*index];
                if !fresh || *from != Some(*device) {
                    response.signatures.push(signed.clone());
                }
            }
            FeedEvent::State(task) if mine(task) => {
                let entry = &inner.tasks[task];
                response.states.push(TaskState {
                    task: *task,
                    state: entry.state,
                    round: entry.doc.view().round(),
                });
            }
            FeedEvent::Blob(blob) if mine(&blob.task) => response.offered.push(blob.clone()),
            _ => {}
        }
    }

    fn blob(&self, method: &str, path: &str, request: &FetchRequest) -> FetchAnswer {
        let mut parts = path.trim_start_matches("/blobs/").split('/');
        let key = (
            parts.next().and_then(|t| t.parse().ok()).expect("task"),
            parts.next().and_then(|s| s.parse().ok()).expect("sha256"),
        );
        let header = |name: &str| {
            request
                .headers
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.clone())
        };
        let mut inner = self.inner();
        let missing = FetchAnswer {
            status: 404,
            ..FetchAnswer::default()
        };
        if method == "PATCH" && !inner.blobs.contains_key(&key) {
            let Some(blob) = inner.named(key.0, &key.1) else {
                return missing;
            };
            inner.blobs.insert(key, (blob, Vec::new()));
        }
        let Some((blob, bytes)) = inner.blobs.get_mut(&key) else {
            return missing;
        };
        let answer = |status, offset: usize| FetchAnswer {
            status,
            headers: vec![("upload-offset".into(), offset.to_string())],
            body: Vec::new(),
        };
        let refused = *self.refuse.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = *self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        match method {
            "PATCH" if busy.is_some_and(|(kind, _)| kind == blob.kind) => FetchAnswer {
                status: 503,
                headers: busy
                    .map(|(_, s)| ("retry-after".into(), s.to_string()))
                    .into_iter()
                    .collect(),
                body: br#"{"code":"busy"}"#.to_vec(),
            },
            "PATCH" if refused == Some(blob.kind) => FetchAnswer {
                status: 422,
                ..FetchAnswer::default()
            },
            "GET" if self.no_downloads.load(Ordering::SeqCst) => FetchAnswer {
                status: 404,
                ..FetchAnswer::default()
            },
            "PATCH" => {
                let offset: usize = header("upload-offset")
                    .and_then(|o| o.parse().ok())
                    .expect("offset");
                if offset != bytes.len() {
                    return answer(409, bytes.len());
                }
                bytes.extend_from_slice(&request.body);
                let (done, blob, length) =
                    (bytes.len() as u64 == blob.size, blob.clone(), bytes.len());
                if done {
                    inner.feed.push(FeedEvent::Blob(blob));
                }
                answer(204, length)
            }
            "GET" => {
                let range = header("range").expect("range");
                self.ranges
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(format!(
                        "{path} {}",
                        range.split('-').next().unwrap_or_default()
                    ));
                let (from, to) = range
                    .trim_start_matches("bytes=")
                    .split_once('-')
                    .expect("range");
                let (from, to): (usize, usize) =
                    (from.parse().expect("from"), to.parse().expect("to"));
                FetchAnswer {
                    status: 206,
                    headers: Vec::new(),
                    body: bytes[from..bytes.len().min(to + 1)].to_vec(),
                }
            }
            other => panic!("{other}"),
        }
    }
}

/// Most events in one answer, so that it is no longer than an answer may be.
const MOST_EVENTS: usize = 400;

/// Takes one of those that are left, once: requests come side by side.
fn takes_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        .is_ok()
}

impl Fetch for Server {
    fn fetch<'a>(&'a self, _server: &'a str, request: FetchRequest) -> Fetching<'a> {
        Box::pin(async move {
            // -1: never.
            let passes = |left: i64| (left != 0).then(|| (left - 1).max(-1));
            let (set, get) = (Ordering::SeqCst, Ordering::SeqCst);
            if self.offline.load(get) || self.cut_after.fetch_update(set, get, passes).is_err() {
                return Err(FetchError::Offline("cut".into()));
            }
            if self.foreign_certificate.load(Ordering::SeqCst) {
                return Err(FetchError::Certificate("unknown issuer".into()));
            }
            self.inner().requests.push((
                format!("{} {}", request.method, request.path),
                request.body.len(),
            ));
            let status = self.status.load(Ordering::SeqCst);
            if status != 0 {
                return Ok(FetchAnswer {
                    status: status as u16,
                    ..FetchAnswer::default()
                });
            }
            let long = request.body.len() >= self.hang_bytes.load(Ordering::SeqCst);
            if request.method == "PATCH" && long && takes_one(&self.hang_uploads) {
                self.let_go.notified().await;
                return Err(FetchError::Stalled("nothing moved".into()));
            }
            if request.method == "POST" && takes_one(&self.hang_syncs) {
                self.let_go.notified().await;
            }
            let mut answer = self.handle(&request);
            if takes_one(&self.halve_answers) {
                answer.body.truncate(answer.body.len() / 2);
            }
            if takes_one(&self.lose_answers) {
                return Err(FetchError::Stalled("the answer was lost".into()));
            }
            Ok(answer)
        })
    }
}

mod erased {
    pub trait Json {
        fn bytes(&self) -> Vec<u8>;
    }
    impl<T: serde::Serialize> Json for T {
        fn bytes(&self) -> Vec<u8> {
            serde_json::to_vec(self).expect("json")
        }
    }
}
