//! The server's side of sync in memory: enough to be honest, small enough to be read.

mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ed25519_dalek::SigningKey;
use field_agent::ports::FetchRequest;
use sync::admit::{Code, Offered};
use sync::author::Author;
use sync::enrol::EnrolInspector;
use sync::facts::{
    self, AnswerKind, CheckPoint, CheckSheet, Demand, Member, ObjectFacts, Role, TaskFacts,
};
use sync::ids::{Key, Sha256, TaskId};
use sync::message::*;
use sync::record::RecordDoc;
use sync::signing;
use sync::signoff::Signed;

#[derive(Clone)]
struct Logged {
    author: Author,
    offered: Offered,
    from: Option<Key>,
}

#[derive(Clone)]
struct Task {
    facts: TaskFacts,
    members: Vec<Member>,
    version: u64,
    doc: RecordDoc,
    log: Vec<Logged>,
    statements: Vec<(Signed, Option<Key>)>,
    state: OfficeState,
}

#[derive(Clone)]
enum FeedEvent {
    Grant(TaskId),
    Change(TaskId, usize),
    Statement(TaskId, usize),
    State(TaskId),
    Blob(BlobRef),
}

#[derive(Clone, Default)]
struct Inner {
    codes: HashMap<String, Vec<EnrolInspector>>,
    devices: BTreeMap<Key, Vec<(String, Key)>>,
    tasks: BTreeMap<TaskId, Task>,
    feed: Vec<FeedEvent>,
    blobs: HashMap<(TaskId, Sha256), (BlobRef, Vec<u8>)>,
    requests: Vec<(String, usize)>,
}

impl Inner {
    /// The file of that hash, if an admitted change of the task names it.
    fn named(&self, task: TaskId, sha256: &Sha256) -> Option<BlobRef> {
        named(task, &self.tasks.get(&task)?.doc, sha256)
    }
}

/// The server, and the network to it.
pub struct Server {
    secret: SigningKey,
    inner: Mutex<Inner>,
    pub offline: AtomicBool,
    /// So many of the next requests are carried out, but their answers are lost.
    pub lose_answers: AtomicU32,
    /// Answer every request with this status, if not zero.
    pub status: AtomicU32,
    /// Cut the connection after so many further requests; negative: never.
    pub cut_after: AtomicI64,
    /// Verdicts count one change less than were stored.
    pub miscount: AtomicBool,
    /// Uploads of this form are refused.
    pub refuse: Mutex<Option<BlobKind>>,
    /// Another device is sending every file of this form: `busy`, with this `Retry-After`.
    pub busy: Mutex<Option<(BlobKind, u32)>>,
    /// So many of the next uploads of photos hang until they are let go, of [`Self::hang_bytes`] or more.
    pub hang_uploads: AtomicU32,
    /// Uploads of fewer bytes do not hang.
    pub hang_bytes: AtomicUsize,
    /// So many of the next requests with records hang until they are let go, and are answered then.
    pub hang_syncs: AtomicU32,
    /// Lets go what hangs; uploads then end without an answer.
    pub let_go: tokio::sync::Notify,
    /// Path and first byte of every part of a photo that was asked for.
    pub ranges: Mutex<Vec<String>>,
    /// No photo can be fetched.
    pub no_downloads: AtomicBool,
    /// Changes that write this cell are refused, as by a server whose forms lack it.
    pub refuse_cell: Mutex<Option<String>>,
    /// All changes that come are refused so, and go to quarantine.
    pub refuse_as: Mutex<Option<Code>>,
    /// What is refused is not taken for now: the quarantine is full.
    pub quarantine_full: AtomicBool,
    /// So many of the next answers break off in the middle.
    pub halve_answers: AtomicU32,
    /// Another certificate stands before the server.
    pub foreign_certificate: AtomicBool,
    /// The office has revoked the tablet.
    pub revoked: AtomicBool,
    /// Somebody says so who does not hold the server's key.
    pub revoked_by_a_stranger: AtomicBool,
    /// The next tablet that is not known is taken as enrolled for these persons.
    pub adopt: Mutex<Option<Vec<(String, Key)>>>,
    pub time: AtomicI64,
    pub incarnation: AtomicU32,
}

impl Server {
    pub fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Server {
            secret: SigningKey::from_bytes(&[77; 32]),
            inner: Mutex::default(),
            offline: AtomicBool::new(false),
            lose_answers: AtomicU32::new(0),
            status: AtomicU32::new(0),
            cut_after: AtomicI64::new(-1),
            miscount: AtomicBool::new(false),
            refuse: Mutex::default(),
            busy: Mutex::default(),
            hang_uploads: AtomicU32::new(0),
            hang_bytes: AtomicUsize::new(0),
            hang_syncs: AtomicU32::new(0),
            let_go: tokio::sync::Notify::new(),
            ranges: Mutex::default(),
            no_downloads: AtomicBool::new(false),
            refuse_cell: Mutex::default(),
            refuse_as: Mutex::default(),
            quarantine_full: AtomicBool::new(false),
            halve_answers: AtomicU32::new(0),
            foreign_certificate: AtomicBool::new(false),
            revoked: AtomicBool::new(false),
            revoked_by_a_stranger: AtomicBool::new(false),
            adopt: Mutex::default(),
            time: AtomicI64::new(super::START),
            incarnation: AtomicU32::new(1),
        })
    }

    /// Another server of the same past: what one of them hears, the other does not.
    pub fn fork(&self) -> std::sync::Arc<Self> {
        let mut fork = Server::new();
        let own = std::sync::Arc::get_mut(&mut fork).expect("new");
        own.inner = Mutex::new(self.inner().clone());
        own.time = AtomicI64::new(self.time.load(Ordering::SeqCst));
        own.incarnation = AtomicU32::new(self.incarnation.load(Ordering::SeqCst));
        fork
    }

    /// The server's disk is put back from a copy that `past` is.
    pub fn put_back(&self, past: &Server) {
        *self.inner() = past.inner().clone();
        self.incarnation.fetch_add(1, Ordering::SeqCst);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn author(&self) -> Author {
        Author::server(signing::public(&self.secret))
    }

    /// A one-time code for these persons.
    pub fn issue(&self, code: &str, persons: &[&str]) {
        let inspectors = persons.iter().map(|p| EnrolInspector {
            person: (*p).into(),
            name: name(p),
            unit: "执法一科".into(),
        });
        self.inner().codes.insert(code.into(), inspectors.collect());
    }

    /// Dispatches a task to these persons.
    pub fn dispatch(&self, number: u8, persons: &[&str]) -> String {
        self.dispatch_as(TaskId([number; 16]), number, persons)
    }

    /// Dispatches so many tasks; returns the first.
    pub fn dispatch_many(&self, count: u16, persons: &[&str]) -> String {
        let mut first = None;
        for number in 0..count {
            let mut id = [1; 16];
            id[..2].copy_from_slice(&number.to_be_bytes());
            let task = self.dispatch_as(TaskId(id), (number % 200) as u8, persons);
            first.get_or_insert(task);
        }
        first.unwrap_or_default()
    }

    fn dispatch_as(&self, task: TaskId, number: u8, persons: &[&str]) -> String {
        let facts = facts(task, number);
        let mut inner = self.inner();
        let members: Vec<Member> = persons
            .iter()
            .enumerate()
            .map(|(i, p)| Member {
                person: (*p).into(),
                name: name(p),
                unit: "执法一科".into(),
                certificate: format!("粤B-{i:04}"),
                role: if i == 0 { Role::Leader } else { Role::Member },
                keys: Vec::new(),
            })
            .collect();
        let (doc, change) = RecordDoc::create(
            &self.author(),
            &facts,
            &members,
            self.time.load(Ordering::SeqCst),
        )
        .expect("creates");
        let sig = Some(signing::sign(&self.secret, signing::CHANGE, &change.hash.0));
        let log = vec![Logged {
            author: self.author(),
            offered: Offered {
                author: 0,
                bytes: change.bytes,
                sig,
            },
            from: None,
        }];
        inner.tasks.insert(
            task,
            Task {
                facts,
                members,
                version: 1,
                doc,
                log,
                statements: Vec::new(),
                state: OfficeState::Dispatched,
            },
        );
        inner.feed.push(FeedEvent::Grant(task));
        inner.feed.push(FeedEvent::Change(task, 0));
        task.to_string()
    }

    /// The supervisor returns the record: a new round.
    pub fn return_record(&self, task: &str, round: u32, remarks: &str) {
        let id: TaskId = task.parse().expect("id");
        let (author, now) = (self.author(), self.time.load(Ordering::SeqCst));
        let mut inner = self.inner();
        let entry = inner.tasks.get_mut(&id).expect("task");
        let edits = [
            (format!("round/{round}/opened_at"), now.into()),
            (format!("round/{round}/remarks"), remarks.into()),
        ];
        let change = entry
            .doc
            .edit(&author, now, &edits)
            .expect("edits")
            .expect("changes");
        let sig = Some(signing::sign(&self.secret, signing::CHANGE, &change.hash.0));
        entry.log.push(Logged {
            author,
            offered: Offered {
                author: 0,
                bytes: change.bytes,
                sig,
            },
            from: None,
        });
        entry.state = OfficeState::Returned;
        let index = entry.log.len() - 1;
        inner.feed.push(FeedEvent::Change(id, index));
        inner.feed.push(FeedEvent::State(id));
    }

    /// Somebody hands the tablets bytes that are no change.
    pub fn hand_out_garbage(&self, task: &str) {
        let id: TaskId = task.parse().expect("id");
        let author = self.author();
        let mut inner = self.inner();
        let entry = inner.tasks.get_mut(&id).expect("task");
        let mut bytes = entry.log[0].offered.bytes.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        entry.log.push(Logged {
            author,
            offered: Offered {
                author: 0,
                bytes,
                sig: None,
            },
            from: None,
        });
        let index = entry.log.len() - 1;
        inner.feed.push(FeedEvent::Change(id, index));
    }

    /// Listens on a loopback port, for agents that are processes of their own.
    pub async fn listen(self: &std::sync::Arc<Self>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("binds");
        let address = format!("http://{}", listener.local_addr().expect("address"));
        let server = self.clone();
        let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    async fn answer(&self, request: axum::extract::Request) -> axum::response::Response {
        let (parts, body) = request.into_parts();
        let method = ["GET", "HEAD", "POST", "PATCH"]
            .into_iter()
            .find(|m| *m == parts.method.as_str());
        let headers = parts
            .headers
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned()));
        let request = FetchRequest {
            method: method.expect("a method that tablets use"),
            path: parts.uri.path().to_owned(),
            headers: headers.collect(),
            body: axum::body::to_bytes(body, 4 << 20)
                .await
                .expect("body")
                .to_vec(),
            limit: 0,
        };
        let answer = self.handle(&request);
        let mut response = axum::response::Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        response.body(answer.body.into()).expect("response")
    }

    /// The supervisor accepts.
    pub fn accept(&self, task: &str) {
        let id: TaskId = task.parse().expect("id");
        let mut inner = self.inner();
        inner.tasks.get_mut(&id).expect("task").state = OfficeState::Accepted;
        inner.feed.push(FeedEvent::State(id));
    }

    /// The office revokes a tablet: rosters go out without its key.
    pub fn revoke(&self, device: &Key) {
        let mut inner = self.inner();
        inner.devices.remove(device);
        let ids: Vec<TaskId> = inner.tasks.keys().copied().collect();
        for id in ids {
            inner.tasks.get_mut(&id).expect("task").version += 1;
            inner.feed.push(FeedEvent::Grant(id));
        }
    }

    /// The object was replaced: the task is withdrawn.
    pub fn withdraw(&self, task: &str) {
        let id: TaskId = task.parse().expect("id");
        let mut inner = self.inner();
        inner.tasks.get_mut(&id).expect("task").state = OfficeState::Withdrawn;
        inner.feed.push(FeedEvent::State(id));
    }

    /// It comes back to its team.
    pub fn reopen(&self, task: &str) {
        let id: TaskId = task.parse().expect("id");
        let mut inner = self.inner();
        let entry = inner.tasks.get_mut(&id).expect("task");
        entry.state = OfficeState::Dispatched;
        entry.version += 1;
        inner.feed.push(FeedEvent::Grant(id));
        inner.feed.push(FeedEvent::State(id));
    }

    /// The team's keys changed: its tablets get a later roster, and nothing else.
    pub fn raise_roster(&self, task: &str) {
        let id: TaskId = task.parse().expect("id");
        let mut inner = self.inner();
        inner.tasks.get_mut(&id).expect("task").version += 1;
        inner.feed.push(FeedEvent::Grant(id));
    }

    /// What the record at the server says.
    pub fn text(&self, task: &str, path: &str) -> String {
        self.inner().tasks[&task.parse::<TaskId>().expect("id")]
            .doc
            .view()
            .text(path)
            .to_owned()
    }

    pub fn heads(&self, task: &str) -> Vec<String> {
        self.inner().tasks[&task.parse::<TaskId>().expect("id")]
            .doc
            .heads()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    pub fn changes(&self, task: &str) -> usize {
        self.inner().tasks[&task.parse::<TaskId>().expect("id")]
            .log
            .len()
    }

    /// Whether all statements seal the record.
    pub fn sealed(&self, task: &str, round: u32) -> bool {
        let inner = self.inner();
        let entry = &inner.tasks[&task.parse::<TaskId>().expect("id")];
        let rows: Vec<Signed> = entry.statements.iter().map(|(s, _)| s.clone()).collect();
        sync::signoff::seal(&with_keys(entry, &inner.devices), round, &rows)
            .is_ok_and(|seal| seal.subject.matches(&entry.doc))
    }

    /// Whole blobs, by kind.
    pub fn stored(&self) -> Vec<BlobKind> {
        let inner = self.inner();
        let whole = inner
            .blobs
            .values()
            .filter(|(r, b)| b.len() as u64 == r.size && Sha256::of(b) == r.sha256);
        let mut kinds: Vec<BlobKind> = whole.map(|(r, _)| r.kind).collect();
        kinds.sort();
        kinds
    }

    /// How many bytes of photos and clips are here.
    pub fn stored_bytes(&self) -> usize {
        self.inner().blobs.values().map(|(_, b)| b.len()).sum()
    }

    /// Method and path of every request since the last call, with body sizes.
    pub fn take_requests(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut self.inner().requests)
    }

    /// What kinds of files were brought since the last call of [`Server::take_requests`], chunk by chunk.
    pub fn kinds_sent(&self) -> Vec<BlobKind> {
        let inner = self.inner();
        let of = |(request, _): &(String, usize)| {
            let sha256 = request.strip_prefix("PATCH ")?.rsplit('/').next()?;
            let sha256 = sha256.parse::<Sha256>().ok()?;
            let mut blobs = inner.blobs.values().map(|(blob, _)| blob);
            blobs.find(|b| b.sha256 == sha256).map(|b| b.kind)
        };
        inner.requests.iter().filter_map(of).collect()
    }

    /// The server's disk is put back from a copy that holds nothing of the tablets.
    pub fn restore_from_an_empty_backup(&self) {
        self.incarnation.fetch_add(1, Ordering::SeqCst);
        let mut inner = self.inner();
        inner.blobs.clear();
        inner.feed.clear();
        let mut feed = Vec::new();
        for (id, task) in &mut inner.tasks {
            task.log.truncate(1);
            task.statements.clear();
            task.doc =
                RecordDoc::from_log(*id, task.log.iter().map(|l| l.offered.bytes.as_slice()))
                    .expect("loads");
            feed.push(FeedEvent::Grant(*id));
            feed.push(FeedEvent::Change(*id, 0));
        }
        inner.feed = feed;
    }
}

/// The file of that hash, if the record names it.
fn named(task: TaskId, doc: &RecordDoc, sha256: &Sha256) -> Option<BlobRef> {
    let (view, wanted) = (doc.view(), sha256.to_string());
    let forms = [
        ("photo", "thumbnail_", BlobKind::Thumbnail),
        ("photo", "rendition_", BlobKind::Rendition),
        ("photo", "", BlobKind::Original),
        ("clip", "", BlobKind::Clip),
    ];
    for (entry, form, kind) in forms {
        for id in view.entries(entry) {
            if view.text(&format!("{entry}/{id}/{form}sha256")) == wanted {
                let size = view.int(&format!("{entry}/{id}/{form}size"))?;
                return Some(BlobRef {
                    task,
                    sha256: *sha256,
                    size: size.unsigned_abs(),
                    kind,
                });
            }
        }
    }
    None
}

fn with_keys(task: &Task, devices: &BTreeMap<Key, Vec<(String, Key)>>) -> Vec<Member> {
    let mut members = task.members.clone();
    for member in &mut members {
        for (device_key, persons) in devices {
            let own = persons.iter().filter(|(p, _)| *p == member.person);
            member.keys.extend(own.map(|(_, key)| facts::SigningKey {
                device_key: *device_key,
                key: *key,
            }));
        }
    }
    members
}

fn name(person: &str) -> String {
    match person {
        "zhang" => "张三".into(),
        "li" => "李四".into(),
        other => other.into(),
    }
}

fn facts(task: TaskId, number: u8) -> TaskFacts {
    let point = |no: u32, content: &str, answer, photo, note| CheckPoint {
        id: format!("p{no}"),
        no,
        content: content.into(),
        basis: "《中华人民共和国食品安全法》".into(),
        requirement: "符合要求".into(),
        method: "现场查看".into(),
        answer,
        photo,
        note,
    };
    let sheet = CheckSheet {
        item: "SP-01".into(),
        name: "食品销售监督检查".into(),
        department: "market".into(),
        version: 1,
        basis: vec!["《中华人民共和国食品安全法》".into()],
        points: vec![
            point(
                1,
                "经营许可是否在有效期内",
                AnswerKind::Verdict,
                Demand::OnNonCompliant,
                Demand::OnNonCompliant,
            ),
            point(
                2,
                "冷藏温度",
                AnswerKind::Number { unit: "℃".into() },
                Demand::Never,
                Demand::Optional,
            ),
            point(
                3,
                "是否有过期食品",
                AnswerKind::Verdict,
                Demand::Optional,
                Demand::Optional,
            ),
        ],
    };
    TaskFacts {
        task,
        number: format!("市监抽查〔2026〕1号-{number:04}"),
        title: "食品销售抽查".into(),
        department: "market".into(),
        department_name: "市场监督管理局".into(),
        from: "2026-11-20".into(),
        until: "2026-11-28".into(),
        notice: "抽查通知书".into(),
        object: ObjectFacts {
            id: format!("o{number}"),
            name: format!("深圳市第{number}食品有限公司"),
            code: "91440300MA5EXAMPLE".into(),
            address: "深圳市福田区示例路 1 号".into(),
            district: "440304".into(),
            responsible: "王五".into(),
            contact: "0755-00000000".into(),
            industry: "5211".into(),
            lat_e7: None,
            lon_e7: None,
        },
        history: vec![],
        sheets: vec![sheet],
        portal: None,
    }
}
