//! The record 《双随机抽查记录表》 of one task: an automerge document that holds a flat map of cells.
//!
//! Reading gives a [`View`]: every cell with **every** value that stands in it, who wrote it and
//! when. Writing is [`RecordDoc::edit`]: one change of direct puts on the values that are there, so
//! what a colleague wrote meanwhile is never reverted unseen. Nothing is ever deleted.

use std::collections::{BTreeMap, HashMap};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{Automerge, Change, ChangeHash, ROOT, ReadDoc, ScalarValue};
use serde::{Deserialize, Serialize};

use crate::author::Author;
use crate::canonical;
use crate::cells::{self, CellError, Value};
use crate::chunk::Chunk;
use crate::facts::{Member, Role, TaskFacts};
use crate::ids::{Sha256, TaskId};

/// Version of the canonical view that signatures cover.
pub const VIEW_VERSION: u32 = 1;

/// A record document in memory.
#[derive(Debug, Clone)]
pub struct RecordDoc {
    pub(crate) task: TaskId,
    pub(crate) doc: Automerge,
}

/// A change as it is stored and sent: the original bytes, never re-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    pub hash: Sha256,
    pub bytes: Vec<u8>,
}

/// A value in a cell, and who put it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub value: Value,
    /// Actor, 32 hex digits.
    pub actor: String,
    /// The author's clock, milliseconds since 1970 UTC: a claim, not a fact.
    pub at: i64,
    pub change: Sha256,
}

/// All cells with all their values. The first value of a cell is the one that automerge would
/// show; a cell with two different values is in conflict and blocks signing (F5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct View {
    pub cells: BTreeMap<String, Vec<Written>>,
}

impl View {
    /// The value shown for `path`.
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.cells
            .get(path)
            .and_then(|w| w.first())
            .map(|w| &w.value)
    }

    pub fn text(&self, path: &str) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or("")
    }

    pub fn int(&self, path: &str) -> Option<i64> {
        self.get(path).and_then(Value::as_int)
    }

    pub fn is_true(&self, path: &str) -> bool {
        self.get(path).and_then(Value::as_bool) == Some(true)
    }

    /// Paths of the cells that hold two or more different values. Two equal values are no conflict.
    pub fn conflicts(&self) -> Vec<&str> {
        let differ = |w: &&Vec<Written>| w.iter().any(|v| v.value != w[0].value);
        self.cells
            .iter()
            .filter(|(_, w)| differ(w))
            .map(|(path, _)| path.as_str())
            .collect()
    }

    /// The ids under a collection such as `photo`, in order of id.
    pub fn entries<'a>(&'a self, collection: &'a str) -> Vec<&'a str> {
        let mut ids: Vec<&str> = self
            .cells
            .range(format!("{collection}/")..)
            .map_while(|(path, _)| path.strip_prefix(collection)?.strip_prefix('/'))
            .filter_map(|rest| rest.split('/').next())
            .collect();
        ids.dedup();
        ids
    }

    /// Entries that nobody has withdrawn.
    pub fn standing<'a>(&'a self, collection: &'a str) -> Vec<&'a str> {
        let mut ids = self.entries(collection);
        ids.retain(|id| !self.is_true(&format!("{collection}/{id}/withdrawn")));
        ids
    }

    /// The current round, from 1.
    pub fn round(&self) -> u32 {
        self.entries("round")
            .iter()
            .filter_map(|n| n.parse().ok())
            .max()
            .unwrap_or(1)
    }

    /// The canonical bytes that a signature covers (see `docs/protocol.md`): JCS of
    /// `{"cells":{path:[distinct values, sorted]},"view_v":1}`.
    pub fn canonical(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Canonical<'a> {
            view_v: u32,
            cells: BTreeMap<&'a str, Vec<&'a Value>>,
        }
        fn distinct(w: &[Written]) -> Vec<&Value> {
            let mut values: Vec<&Value> = w.iter().map(|w| &w.value).collect();
            values.sort();
            values.dedup();
            values
        }
        let cells = self
            .cells
            .iter()
            .map(|(path, w)| (path.as_str(), distinct(w)))
            .collect();
        canonical::to_vec(&Canonical {
            view_v: VIEW_VERSION,
            cells,
        })
    }
}

/// One put in the history of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    pub path: String,
    pub value: Value,
    /// The values that this one replaced; two or more: a conflict was settled here.
    pub replaced: Vec<Value>,
}

/// One change in the history of a record, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub change: Sha256,
    /// Actor, 32 hex digits.
    pub actor: String,
    /// The author's clock, milliseconds since 1970 UTC.
    pub at: i64,
    pub puts: Vec<Put>,
}

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Cell(#[from] CellError),
    #[error("record {task}: {source}")]
    Automerge {
        task: TaskId,
        source: Box<automerge::AutomergeError>,
    },
    #[error("record {task}: nothing was written")]
    NothingWritten { task: TaskId },
    #[error("record {task}: heads {missing:?} are not in this document")]
    UnknownHeads { task: TaskId, missing: Vec<Sha256> },
}

impl RecordDoc {
    /// Makes the document of a task, as the server does at dispatch. Every tablet starts from the
    /// change that is returned with it.
    pub fn create(
        server: &Author,
        facts: &TaskFacts,
        team: &[Member],
        now: i64,
    ) -> Result<(Self, NewChange), RecordError> {
        let mut record = RecordDoc {
            task: facts.task,
            doc: Automerge::new(),
        };
        let cells = root_cells(facts, team, now);
        let change = record.edit(server, now, &cells)?;
        let change = change.ok_or(RecordError::NothingWritten { task: facts.task })?;
        Ok((record, change))
    }

    /// An empty document, to which admitted changes are applied.
    pub fn empty(task: TaskId) -> Self {
        RecordDoc {
            task,
            doc: Automerge::new(),
        }
    }

    /// Loads what [`RecordDoc::save`] wrote in our own store. Never for bytes from outside.
    pub fn load(task: TaskId, cache: &[u8]) -> Result<Self, RecordError> {
        let doc = Automerge::load(cache).map_err(|e: automerge::AutomergeError| {
            RecordError::Automerge {
                task,
                source: Box::new(e),
            }
        })?;
        Ok(RecordDoc { task, doc })
    }

    /// Builds the document from the change log of our own store, in the order of admission.
    pub fn from_log<'a>(
        task: TaskId,
        log: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, RecordError> {
        let mut record = RecordDoc::empty(task);
        let fail = |e: automerge::AutomergeError| RecordError::Automerge {
            task,
            source: Box::new(e),
        };
        let mut changes = Vec::new();
        for bytes in log {
            let change = Change::from_bytes(bytes.to_vec()).map_err(|e| fail(e.into()))?;
            changes.push(change);
        }
        record.doc.apply_changes(changes).map_err(fail)?;
        Ok(record)
    }

    /// A cache for quick loading. Its bytes differ with merge order: never hash or sign them.
    pub fn save(&self) -> Vec<u8> {
        self.doc.save()
    }

    pub fn task(&self) -> TaskId {
        self.task
    }

    /// Heads, sorted: they commit to the whole history.
    pub fn heads(&self) -> Vec<Sha256> {
        let mut heads: Vec<Sha256> = self.doc.get_heads().iter().map(|h| Sha256(h.0)).collect();
        heads.sort();
        heads
    }

    pub fn contains(&self, change: &Sha256) -> bool {
        self.doc
            .get_change_meta_by_hash(&ChangeHash(change.0))
            .is_some()
    }

    /// Hashes of the changes that are not ancestors of `heads`, in order of application.
    pub fn since(&self, heads: &[Sha256]) -> Vec<Sha256> {
        let heads: Vec<ChangeHash> = heads.iter().map(|h| ChangeHash(h.0)).collect();
        self.doc
            .get_changes_meta(&heads)
            .iter()
            .map(|m| Sha256(m.hash.0))
            .collect()
    }

    /// Writes cells as one change of `author` at `now` (milliseconds). `None` when every cell
    /// already holds its value alone. Checks the schema and the author's right first: nothing is
    /// written if one edit is refused.
    pub fn edit(
        &mut self,
        author: &Author,
        now: i64,
        edits: &[(String, Value)],
    ) -> Result<Option<NewChange>, RecordError> {
        let person = (!author.is_server()).then_some(author.person.as_str());
        let forms = Forms::of(&self.doc);
        for (path, value) in edits {
            let cell = cells::find(path)?;
            cell.check(value)?;
            cell.check_writer(person)?;
            if person.is_some() {
                forms.check(&cell, path)?;
            }
            if cell.is_written_once() && !self.may_settle(path, value)? {
                return Err(CellError::WrittenOnce { path: path.clone() }.into());
            }
        }
        let task = self.task;
        let fail = |e: automerge::AutomergeError| RecordError::Automerge {
            task,
            source: Box::new(e),
        };
        self.doc.set_actor(author.actor(&task));
        let mut tx = self.doc.transaction();
        for (path, value) in edits {
            let value = scalar(value);
            let standing = tx.get_all(ROOT, path.as_str()).map_err(fail)?;
            if let Some(loser) = loser_to_overwrite(&standing, &value) {
                tx.put(ROOT, path.as_str(), loser).map_err(fail)?;
            } else if standing.len() > 1
                && standing.iter().all(|(v, _)| v.as_scalar() == Some(&value))
            {
                continue;
            }
            tx.put(ROOT, path.as_str(), value).map_err(fail)?;
        }
        let (hash, _) = tx.commit_with(CommitOptions::default().with_time(now));
        let Some(hash) = hash else { return Ok(None) };
        let change = self.doc.get_change_by_hash(&hash);
        Ok(change.map(|c| NewChange {
            hash: Sha256(hash.0),
            bytes: c.raw_bytes().to_vec(),
        }))
    }

    /// Whether a cell that is written once is empty, holds `value`, or holds it among others.
    fn may_settle(&self, path: &str, value: &Value) -> Result<bool, RecordError> {
        let standing = self
            .doc
            .get_all(ROOT, path)
            .map_err(|e| RecordError::Automerge {
                task: self.task,
                source: Box::new(e),
            })?;
        let value = scalar(value);
        let stands = |(v, _): &(automerge::Value<'_>, _)| v.as_scalar() == Some(&value);
        Ok(standing.is_empty() || standing.iter().any(stands))
    }

    /// The record as it stands.
    pub fn view(&self) -> View {
        let mut cells = BTreeMap::new();
        for item in self.doc.map_range(ROOT, ..) {
            let path = item.key.to_string();
            let ids = if item.conflict {
                self.doc.get_all(ROOT, path.as_str()).unwrap_or_default()
            } else {
                vec![(item.value.to_owned().into(), item.id())]
            };
            // get_all lists the losing values first.
            let written = ids
                .iter()
                .rev()
                .filter_map(|(value, id)| self.written(value, id));
            cells.insert(path, written.collect());
        }
        View { cells }
    }

    /// The record as it stood at `heads`.
    pub fn view_at(&self, heads: &[Sha256]) -> Result<View, RecordError> {
        if heads == self.heads() {
            return Ok(self.view());
        }
        Ok(self.at(heads)?.view())
    }

    /// The document as it was at `heads`.
    pub fn at(&self, heads: &[Sha256]) -> Result<RecordDoc, RecordError> {
        let missing: Vec<Sha256> = heads
            .iter()
            .filter(|h| !self.contains(h))
            .copied()
            .collect();
        if !missing.is_empty() {
            return Err(RecordError::UnknownHeads {
                task: self.task,
                missing,
            });
        }
        let heads: Vec<ChangeHash> = heads.iter().map(|h| ChangeHash(h.0)).collect();
        let task = self.task;
        let doc = self
            .doc
            .fork_at(&heads)
            .map_err(|e: automerge::AutomergeError| RecordError::Automerge {
                task,
                source: Box::new(e),
            })?;
        Ok(RecordDoc { task, doc })
    }

    /// Every change, oldest first: who wrote what when, and what it replaced (V1).
    pub fn history(&self) -> Vec<HistoryEntry> {
        let mut by_op: HashMap<(u64, Vec<u8>), Value> = HashMap::new();
        let mut history = Vec::new();
        for change in self.doc.get_changes(&[]) {
            // What is in the document was parsed when it was admitted.
            let Ok(chunk) = Chunk::parse(change.raw_bytes()) else {
                continue;
            };
            let mut puts: Vec<Put> = Vec::new();
            for (number, op) in (chunk.start_op..).zip(chunk.ops) {
                let replaced = op.replaces.iter().filter_map(|(counter, actor)| {
                    by_op
                        .get(&(*counter, chunk.actors[*actor].clone()))
                        .cloned()
                });
                let replaced: Vec<Value> = replaced.collect();
                by_op.insert((number, chunk.actors[0].clone()), op.value.clone());
                // Settling to the shown value takes two puts in one change; people see one.
                match puts.iter_mut().find(|p| p.path == op.path) {
                    Some(earlier) => earlier.value = op.value,
                    None => puts.push(Put {
                        path: op.path,
                        value: op.value,
                        replaced,
                    }),
                }
            }
            let actor = hex::encode(&chunk.actors[0]);
            history.push(HistoryEntry {
                change: chunk.hash,
                actor,
                at: chunk.time,
                puts,
            });
        }
        history
    }

    fn written(&self, value: &automerge::Value<'_>, id: &automerge::ObjId) -> Option<Written> {
        let value = from_scalar(value.as_scalar()?)?;
        let hash = self.doc.hash_for_opid(id)?;
        let meta = self.doc.get_change_meta_by_hash(&hash)?;
        Some(Written {
            value,
            actor: meta.actor.to_hex_string(),
            at: meta.timestamp,
            change: Sha256(hash.0),
        })
    }
}

/// automerge settles a conflict in favour of the value it already shows by *deleting* the others:
/// a colleague's settlement to another value would then vanish without a trace. So one of the
/// others is put first, and the chosen value over it; both settlements stay visible.
fn loser_to_overwrite(
    standing: &[(automerge::Value<'_>, automerge::ObjId)],
    chosen: &ScalarValue,
) -> Option<ScalarValue> {
    let (shown, losers) = standing.split_last()?;
    if shown.0.as_scalar() != Some(chosen) {
        return None;
    }
    losers
        .iter()
        .filter_map(|(v, _)| v.as_scalar())
        .find(|v| *v != chosen)
        .cloned()
}

/// Which items and check points the forms of a document have.
pub(crate) struct Forms(BTreeMap<String, String>);

impl Forms {
    pub(crate) fn of(doc: &Automerge) -> Self {
        let cells = doc.map_range(ROOT, "form/".to_owned().."form0".to_owned());
        let points = cells.filter_map(|cell| {
            let item = cell
                .key
                .strip_prefix("form/")?
                .strip_suffix("/points")?
                .to_owned();
            let value: automerge::Value<'static> = cell.value.to_owned().into();
            Some((item, value.as_str()?.to_owned()))
        });
        Forms(points.collect())
    }

    pub(crate) fn check(&self, cell: &cells::Cell<'_>, path: &str) -> Result<(), CellError> {
        let Some((item, point)) = cell.form_reference() else {
            return Ok(());
        };
        let known = self
            .0
            .get(item)
            .is_some_and(|points| point.is_none_or(|point| points.split(',').any(|p| p == point)));
        if known {
            Ok(())
        } else {
            Err(CellError::NotInForm {
                path: path.to_owned(),
            })
        }
    }
}

fn root_cells(facts: &TaskFacts, team: &[Member], now: i64) -> Vec<(String, Value)> {
    let mut cells: Vec<(String, Value)> = vec![("v".into(), cells::SCHEMA_VERSION.into())];
    let mut put = |path: String, value: Value| cells.push((path, value));
    let object = &facts.object;
    for (word, text) in [
        ("number", &facts.number),
        ("title", &facts.title),
        ("department", &facts.department),
        ("department_name", &facts.department_name),
        ("from", &facts.from),
        ("until", &facts.until),
        ("object_id", &object.id),
        ("object_name", &object.name),
        ("object_code", &object.code),
        ("object_address", &object.address),
        ("object_responsible", &object.responsible),
    ] {
        put(format!("facts/{word}"), text.as_str().into());
    }
    for sheet in &facts.sheets {
        let item = &sheet.item;
        put(format!("item/{item}/name"), sheet.name.as_str().into());
        put(
            format!("item/{item}/department"),
            sheet.department.as_str().into(),
        );
        put(
            format!("form/{item}/version"),
            i64::from(sheet.version).into(),
        );
        put(
            format!("form/{item}/sha256"),
            sheet.sha256().to_string().into(),
        );
        let points: Vec<&str> = sheet.points.iter().map(|p| p.id.as_str()).collect();
        put(format!("form/{item}/points"), points.join(",").into());
    }
    cells.extend(team.iter().flat_map(member_cells));
    cells.push(("round/1/opened_at".into(), now.into()));
    cells
}

/// The cells of one member of the team, as the server writes them.
pub fn member_cells(member: &Member) -> Vec<(String, Value)> {
    let role = match member.role {
        Role::Leader => "leader",
        Role::Member => "member",
        Role::Expert => "expert",
    };
    let cell = |word: &str, text: &str| (format!("team/{}/{word}", member.person), text.into());
    vec![
        cell("name", &member.name),
        cell("unit", &member.unit),
        cell("certificate", &member.certificate),
        cell("role", role),
        cell("status", "active"),
    ]
}

fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Bool(b) => ScalarValue::Boolean(*b),
        Value::Int(i) => ScalarValue::Int(*i),
        Value::Str(s) => ScalarValue::Str(s.as_str().into()),
    }
}

pub(crate) fn from_scalar(value: &ScalarValue) -> Option<Value> {
    match value {
        ScalarValue::Boolean(b) => Some(Value::Bool(*b)),
        ScalarValue::Int(i) => Some(Value::Int(*i)),
        ScalarValue::Str(s) => Some(Value::Str(s.to_string())),
        _ => None,
    }
}
