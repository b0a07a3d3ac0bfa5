//! Records in the database: the change log, signatures, quarantine, and each device's feed.

use std::collections::{BTreeMap, BTreeSet};

use ::sync::admit::Offered;
use ::sync::author::Author;
use ::sync::chunk::Chunk;
use ::sync::facts::{Former, Member, Role, SigningKey};
use ::sync::ids::{Key, Sha256, TaskId};
use ::sync::message::{BlobKind, Tip};
use ::sync::signing::Sig;
use ::sync::signoff::Signed;

use super::blobs::Upload;
use super::worker::NamedBlob;
use crate::db::{DbError, Result, Row, Tx};

/// A tablet as the sync sees it.
#[derive(Debug, Clone)]
pub struct Device {
    pub id: String,
    pub key: Key,
    pub name: String,
    pub department: String,
    pub last_contact_at: Option<i64>,
    pub unsynced: i64,
    pub feed_seq: i64,
    pub revoked: bool,
}

/// Reads a value that our own code wrote in its text form.
fn parsed<T: std::str::FromStr>(row: &Row<'_>, index: usize) -> Result<T> {
    let text: String = row.get(index)?;
    text.parse().map_err(|_| DbError::Column {
        index,
        expected: std::any::type_name::<T>(),
    })
}

fn sig(row: &Row<'_>, index: usize) -> Result<Option<Sig>> {
    let bytes: Option<Vec<u8>> = row.get(index)?;
    bytes
        .map(|b| <[u8; 64]>::try_from(b).map(Sig))
        .transpose()
        .map_err(|_| DbError::Column {
            index,
            expected: "signature of 64 bytes",
        })
}

/// The device that holds `key`.
pub fn device_by_key(tx: &mut Tx<'_>, key: &Key) -> Result<Option<Device>> {
    tx.query_opt(
        "SELECT id, name, department, last_contact_at, unsynced, feed_seq, revoked_at IS NOT NULL
         FROM devices WHERE key = $1",
        &[&key.to_string()],
        |r| {
            Ok(Device {
                id: r.get(0)?,
                key: *key,
                name: r.get(1)?,
                department: r.get(2)?,
                last_contact_at: r.get(3)?,
                unsynced: r.get(4)?,
                feed_seq: r.get(5)?,
                revoked: r.get(6)?,
            })
        },
    )
}

/// Whether an active member of the task's team is enrolled on the device.
pub fn may_see(tx: &mut Tx<'_>, device: &str, task: &str) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM task_members m JOIN device_inspectors d ON d.person = m.person
         WHERE m.task = $1 AND d.device = $2 AND m.status = 'active' LIMIT 1",
        &[&task, &device],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// Whether somebody who is or was on the task's team is enrolled on the device: what they bring is
/// judged, and what was told to them before they were relieved may still be on its way (D4).
pub fn may_bring(tx: &mut Tx<'_>, device: &str, task: &str) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM task_members m JOIN device_inspectors d ON d.person = m.person
         WHERE m.task = $1 AND d.device = $2 LIMIT 1",
        &[&task, &device],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// The members of a task with the keys of their tablets that are not revoked.
pub fn team(tx: &mut Tx<'_>, task: &str, active_only: bool) -> Result<Vec<Member>> {
    let mut members = tx.query(
        "SELECT person, name, unit, certificate, role FROM task_members
         WHERE task = $1 AND (status = 'active' OR $2 = 0) ORDER BY position",
        &[&task, &active_only],
        |r| {
            let role: String = r.get(4)?;
            Ok(Member {
                person: r.get(0)?,
                name: r.get(1)?,
                unit: r.get(2)?,
                certificate: r.get(3)?,
                role: match role.as_str() {
                    "leader" => Role::Leader,
                    "expert" => Role::Expert,
                    _ => Role::Member,
                },
                keys: Vec::new(),
            })
        },
    )?;
    for member in &mut members {
        member.keys = tx.query(
            "SELECT d.key, i.key FROM device_inspectors i JOIN devices d ON d.id = i.device
             WHERE i.person = $1 AND d.revoked_at IS NULL ORDER BY i.enrolled_at, d.id",
            &[&member.person],
            |r| {
                Ok(SigningKey {
                    device_key: parsed(r, 0)?,
                    key: parsed(r, 1)?,
                })
            },
        )?;
    }
    Ok(members)
}

/// All who are or were on the team, with every key that they ever signed with: a signature that was
/// good when it was made stays so when its tablet is revoked.
pub fn team_ever(tx: &mut Tx<'_>, task: &str) -> Result<Vec<Member>> {
    let mut members = team(tx, task, false)?;
    for member in &mut members {
        member.keys = tx.query(
            "SELECT d.key, i.key FROM device_inspectors i JOIN devices d ON d.id = i.device
             WHERE i.person = $1 ORDER BY i.enrolled_at, d.id",
            &[&member.person],
            |r| {
                Ok(SigningKey {
                    device_key: parsed(r, 0)?,
                    key: parsed(r, 1)?,
                })
            },
        )?;
    }
    Ok(members)
}

/// Whose work from before a tablet must admit although they write no longer: relieved members with
/// every key that they ever had, and the revoked tablets of those who stay.
pub fn former(tx: &mut Tx<'_>, task: &str) -> Result<Vec<Former>> {
    let relieved: Vec<(String, i64)> = tx.query(
        "SELECT person, COALESCE(relieved_at, 0) FROM task_members
         WHERE task = $1 AND status = 'relieved' ORDER BY relieved_at, position",
        &[&task],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let mut former = Vec::new();
    for member in team_ever(tx, task)? {
        if let Some((_, until)) = relieved.iter().find(|(p, _)| *p == member.person) {
            former.push(Former {
                member,
                until: *until,
            });
            continue;
        }
        let revoked: Vec<(SigningKey, i64)> = tx.query(
            "SELECT d.key, i.key, d.revoked_at FROM device_inspectors i
             JOIN devices d ON d.id = i.device
             WHERE i.person = $1 AND d.revoked_at IS NOT NULL ORDER BY d.revoked_at, d.id",
            &[&member.person],
            |r| {
                let key = SigningKey {
                    device_key: parsed(r, 0)?,
                    key: parsed(r, 1)?,
                };
                Ok((key, r.get(2)?))
            },
        )?;
        if let Some((_, until)) = revoked.last() {
            former.push(Former {
                until: *until,
                member: Member {
                    keys: revoked.iter().map(|(key, _)| key.clone()).collect(),
                    ..member
                },
            });
        }
    }
    Ok(former)
}

/// A device's key, and the persons of a team who are enrolled on it.
pub type DeviceOf = (Key, Vec<String>);

/// Keys of the devices of all persons who are or were on the team, and which of them are revoked.
pub fn writers(tx: &mut Tx<'_>, task: &str) -> Result<(Vec<DeviceOf>, Vec<Key>)> {
    let rows: Vec<(Key, String, bool)> = tx.query(
        "SELECT d.key, i.person, d.revoked_at IS NOT NULL
         FROM task_members m
         JOIN device_inspectors i ON i.person = m.person
         JOIN devices d ON d.id = i.device
         WHERE m.task = $1 ORDER BY d.key",
        &[&task],
        |r| Ok((parsed(r, 0)?, r.get(1)?, r.get(2)?)),
    )?;
    let mut devices: Vec<DeviceOf> = Vec::new();
    let mut revoked = Vec::new();
    for (key, person, is_revoked) in rows {
        if is_revoked && revoked.last() != Some(&key) {
            revoked.push(key);
        }
        match devices.last_mut().filter(|(k, _)| *k == key) {
            Some((_, persons)) => persons.push(person),
            None => devices.push((key, vec![person])),
        }
    }
    Ok((devices, revoked))
}

/// The document's cache and its heads.
pub fn doc(tx: &mut Tx<'_>, task: &str) -> Result<Option<(Vec<u8>, String)>> {
    tx.query_opt(
        "SELECT cache, heads FROM record_docs WHERE task = $1",
        &[&task],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

/// Keeps the document's cache and figures.
pub fn save_doc(
    tx: &mut Tx<'_>,
    task: &str,
    cache: &[u8],
    heads: &[Sha256],
    summary: &str,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO record_docs (task, cache, heads, summary, changed_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (task) DO UPDATE SET cache = excluded.cache, heads = excluded.heads,
             summary = excluded.summary, changed_at = excluded.changed_at",
        &[&task, &cache, &heads_text(heads), &summary, &now],
    )?;
    Ok(())
}

/// Heads as they are stored: sorted hex, joined by spaces.
pub fn heads_text(heads: &[Sha256]) -> String {
    let heads: Vec<String> = heads.iter().map(Sha256::to_string).collect();
    heads.join(" ")
}

/// The heads of all records that the device may see.
pub fn tips(tx: &mut Tx<'_>, device: &str) -> Result<Vec<Tip>> {
    tx.query(
        "SELECT DISTINCT d.task, d.heads FROM record_docs d
         JOIN task_members m ON m.task = d.task AND m.status = 'active'
         JOIN device_inspectors i ON i.person = m.person
         WHERE i.device = $1 ORDER BY d.task",
        &[&device],
        |r| {
            let heads: String = r.get(1)?;
            let heads = heads
                .split(' ')
                .map(|h| h.parse())
                .collect::<std::result::Result<_, _>>();
            let heads = heads.map_err(|_| DbError::Column {
                index: 1,
                expected: "heads",
            })?;
            Ok(Tip {
                task: parsed(r, 0)?,
                heads,
            })
        },
    )
}

pub fn is_known(tx: &mut Tx<'_>, task: &str, hash: &Sha256) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM record_changes WHERE task = $1 AND hash = $2",
        &[&task, &hash.to_string()],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// A change with what is stored beside it.
#[derive(Debug, Clone)]
pub struct LoggedChange {
    pub hash: Sha256,
    pub author: Author,
    pub bytes: Vec<u8>,
    pub sig: Option<Sig>,
    pub received_at: i64,
    pub via_device: String,
}

/// Appends to the change log; returns the order number.
pub fn append_change(
    tx: &mut Tx<'_>,
    task: &TaskId,
    change: &LoggedChange,
    seq: u64,
) -> Result<i64> {
    let sig = change.sig.map(|s| s.0.to_vec());
    let actor = hex::encode(change.author.actor(task).to_bytes());
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    tx.query_one(
        "INSERT INTO record_changes (task, hash, actor, seq, author_key, author_person,
             author_epoch, bytes, sig, received_at, via_device)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ord",
        &[
            &task.to_string(),
            &change.hash.to_string(),
            &actor,
            &seq,
            &change.author.device.to_string(),
            &change.author.person,
            &change.author.epoch,
            &change.bytes,
            &sig,
            &change.received_at,
            &change.via_device,
        ],
        |r| r.get(0),
    )
}

/// One sealed round of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealRow {
    pub round: u32,
    pub subject_sha256: Sha256,
    pub heads: Vec<Sha256>,
    /// End of the site visit, milliseconds.
    pub ended_at: i64,
    pub sealed_at: i64,
}

/// The sealed rounds of a record, oldest first.
pub fn seals(tx: &mut Tx<'_>, task: &str) -> Result<Vec<SealRow>> {
    tx.query(
        "SELECT round, subject_sha256, heads, ended_at, sealed_at FROM record_seals
         WHERE task = $1 ORDER BY round",
        &[&task],
        |r| {
            Ok(SealRow {
                round: r.get(0)?,
                subject_sha256: parsed(r, 1)?,
                heads: heads(r, 2)?,
                ended_at: r.get(3)?,
                sealed_at: r.get(4)?,
            })
        },
    )
}

/// Reads heads in the form of [`heads_text`].
fn heads(row: &Row<'_>, index: usize) -> Result<Vec<Sha256>> {
    let text: String = row.get(index)?;
    let heads = text
        .split(' ')
        .map(str::parse)
        .collect::<std::result::Result<_, _>>();
    heads.map_err(|_| DbError::Column {
        index,
        expected: "heads",
    })
}

const CHANGE_COLUMNS: &str =
    "hash, author_key, author_person, author_epoch, bytes, sig, received_at, via_device";

fn logged(r: &Row<'_>) -> Result<LoggedChange> {
    Ok(LoggedChange {
        hash: parsed(r, 0)?,
        author: Author {
            device: parsed(r, 1)?,
            person: r.get(2)?,
            epoch: r.get(3)?,
        },
        bytes: r.get(4)?,
        sig: sig(r, 5)?,
        received_at: r.get(6)?,
        via_device: r.get(7)?,
    })
}

/// The changes of a record between two order numbers, both included.
pub fn changes(tx: &mut Tx<'_>, task: &str, first: i64, last: i64) -> Result<Vec<LoggedChange>> {
    tx.query(
        &format!("SELECT {CHANGE_COLUMNS} FROM record_changes WHERE task = $1 AND ord BETWEEN $2 AND $3 ORDER BY ord"),
        &[&task, &first, &last],
        logged,
    )
}

/// Changes that wait for others, oldest first.
pub fn waiting(tx: &mut Tx<'_>, task: &str) -> Result<Vec<LoggedChange>> {
    tx.query(
        &format!("SELECT {CHANGE_COLUMNS} FROM record_waiting WHERE task = $1 ORDER BY received_at, rowid"),
        &[&task],
        logged,
    )
}

/// What one tablet may have waiting in one record, and held in quarantine: beyond it, it is not an
/// inspector's work any more, and must not fill the disk or slow the judging of others' changes.
const WAITING: (i64, i64) = (500, 4 << 20);
const HELD: (i64, i64) = (2_000, 64 << 20);

fn has_room(used: (i64, i64), limit: (i64, i64)) -> bool {
    used.0 < limit.0 && used.1 < limit.1
}

/// What each tablet has in quarantine, counted once in a transaction.
#[derive(Debug, Default)]
pub struct QuarantineRoom {
    used: BTreeMap<String, (i64, i64)>,
}

impl QuarantineRoom {
    /// Takes the room that `bytes` of a tablet need; false when there is none.
    fn take(&mut self, tx: &mut Tx<'_>, device: &str, bytes: usize) -> Result<bool> {
        let used = match self.used.get(device) {
            Some(used) => *used,
            None => tx.query_one(
                "SELECT count(*), COALESCE(sum(length(bytes)), 0) FROM quarantine WHERE device = $1 AND state = 'held'",
                &[&device],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?,
        };
        let has_room = has_room(used, HELD);
        let after = (used.0 + 1, used.1.saturating_add(to_i64(bytes as u64)));
        let counted = if has_room { after } else { used };
        self.used.insert(device.to_owned(), counted);
        Ok(has_room)
    }
}

/// Keeps a change until what it stands on comes. When a tablet has too many waiting in the record, it
/// keeps the rest itself: it was told that they wait, and offers them again.
pub fn keep_waiting(tx: &mut Tx<'_>, task: &str, change: &LoggedChange) -> Result<()> {
    let used = tx.query_one(
        "SELECT count(*), COALESCE(sum(length(bytes)), 0) FROM record_waiting WHERE task = $1 AND via_device = $2",
        &[&task, &change.via_device],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    if !has_room(used, WAITING) {
        return Ok(());
    }
    let sig = change.sig.map(|s| s.0.to_vec());
    tx.execute(
        "INSERT INTO record_waiting (task, hash, author_key, author_person, author_epoch, bytes, sig,
             received_at, via_device)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (task, hash) DO NOTHING",
        &[
            &task, &change.hash.to_string(), &change.author.device.to_string(), &change.author.person,
            &change.author.epoch, &change.bytes, &sig, &change.received_at, &change.via_device,
        ],
    )?;
    Ok(())
}

pub fn no_longer_waiting(tx: &mut Tx<'_>, task: &str, hash: &Sha256) -> Result<()> {
    tx.execute(
        "DELETE FROM record_waiting WHERE task = $1 AND hash = $2",
        &[&task, &hash.to_string()],
    )?;
    Ok(())
}

/// What is put aside for a person to look at.
#[derive(Debug, Clone)]
pub struct Refused<'a> {
    pub kind: &'a str,
    pub code: &'a str,
    pub detail: &'a str,
    pub change: &'a LoggedChange,
}

/// Puts bytes into quarantine; the same bytes for the same reason only once. False when the tablet that
/// brought them has no more room there: then nothing is kept.
pub fn quarantine(
    tx: &mut Tx<'_>,
    id: &str,
    task: &str,
    refused: &Refused<'_>,
    room: &mut QuarantineRoom,
) -> Result<bool> {
    let change = refused.change;
    let hash = change.hash.to_string();
    let known: Option<i64> = tx.query_opt(
        "SELECT 1 FROM quarantine WHERE task = $1 AND hash = $2 AND code = $3",
        &[&task, &hash, &refused.code],
        |r| r.get(0),
    )?;
    if known.is_some() {
        return Ok(true);
    }
    if !room.take(tx, &change.via_device, change.bytes.len())? {
        return Ok(false);
    }
    let sig = change.sig.map(|s| s.0.to_vec());
    // What is no change, such as a signature, has no place among its author's.
    let seq = Chunk::parse(&change.bytes).map_or(0, |c| to_i64(c.seq));
    tx.execute(
        "INSERT INTO quarantine (id, task, device, kind, hash, code, detail, author_key, author_person,
             author_epoch, bytes, sig, received_at, state, seq)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'held', $14)",
        &[
            &id, &task, &change.via_device, &refused.kind, &hash, &refused.code,
            &refused.detail, &change.author.device.to_string(), &change.author.person,
            &change.author.epoch, &change.bytes, &sig, &change.received_at, &seq,
        ],
    )?;
    Ok(true)
}

/// Keeps a signed statement verbatim. False when it was there already.
pub fn keep_signature(tx: &mut Tx<'_>, row: &Signed, now: i64, via_device: &str) -> Result<bool> {
    let kind = match row.kind {
        ::sync::signoff::StatementKind::Party => "party",
        ::sync::signoff::StatementKind::Inspector => "inspector",
    };
    let bytes = minicbor::to_vec(row).map_err(|e| DbError::Task(e.to_string()))?;
    let kept = tx.execute(
        "INSERT INTO record_signatures (id, task, kind, row, received_at, via_device)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (task, id) DO NOTHING",
        &[
            &row.id().to_string(),
            &row.task.to_string(),
            &kind,
            &bytes,
            &now,
            &via_device,
        ],
    )?;
    Ok(kept > 0)
}

fn signed(r: &Row<'_>, index: usize) -> Result<Signed> {
    let bytes: Vec<u8> = r.get(index)?;
    minicbor::decode(&bytes).map_err(|_| DbError::Column {
        index,
        expected: "signed statement",
    })
}

/// A signed statement, with when it came.
#[derive(Debug, Clone)]
pub struct KeptSignature {
    pub row: Signed,
    pub received_at: i64,
}

/// The statements of a record in the order of arrival.
pub fn signatures(tx: &mut Tx<'_>, task: &str) -> Result<Vec<KeptSignature>> {
    tx.query(
        "SELECT row, received_at FROM record_signatures WHERE task = $1 ORDER BY received_at, id",
        &[&task],
        |r| {
            Ok(KeptSignature {
                row: signed(r, 0)?,
                received_at: r.get(1)?,
            })
        },
    )
}

/// A statement, and the device that brought it.
pub fn signature(tx: &mut Tx<'_>, task: &str, id: &str) -> Result<Option<(Signed, String)>> {
    tx.query_opt(
        "SELECT row, via_device FROM record_signatures WHERE task = $1 AND id = $2",
        &[&task, &id],
        |r| Ok((signed(r, 0)?, r.get(1)?)),
    )
}

/// Devices of the active members of a task, without `except`.
pub fn team_devices(tx: &mut Tx<'_>, task: &str, except: &str) -> Result<Vec<String>> {
    tx.query(
        "SELECT DISTINCT i.device FROM task_members m
         JOIN device_inspectors i ON i.person = m.person
         JOIN devices d ON d.id = i.device
         WHERE m.task = $1 AND m.status = 'active' AND d.revoked_at IS NULL AND i.device <> $2
         ORDER BY i.device",
        &[&task, &except],
        |r| r.get(0),
    )
}

/// What a feed row tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedKind {
    Grant,
    Withdraw,
    Changes,
    Signature,
    State,
    Blob,
}

impl FeedKind {
    const WORDS: [(FeedKind, &'static str); 6] = [
        (FeedKind::Grant, "grant"),
        (FeedKind::Withdraw, "withdraw"),
        (FeedKind::Changes, "changes"),
        (FeedKind::Signature, "signature"),
        (FeedKind::State, "state"),
        (FeedKind::Blob, "blob"),
    ];

    fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("state", |(_, word)| word)
    }

    fn of(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(_, w)| *w == word)
            .map(|(kind, _)| *kind)
    }
}

/// Appends to a device's feed.
pub fn tell(
    tx: &mut Tx<'_>,
    device: &str,
    kind: FeedKind,
    task: &str,
    reference: &str,
) -> Result<()> {
    let seq: i64 = tx.query_one(
        "UPDATE devices SET feed_seq = feed_seq + 1 WHERE id = $1 RETURNING feed_seq",
        &[&device],
        |r| r.get(0),
    )?;
    tx.execute(
        "INSERT INTO feed (device, seq, kind, task, ref) VALUES ($1, $2, $3, $4, $5)",
        &[&device, &seq, &kind.word(), &task, &reference],
    )?;
    Ok(())
}

/// Tells every device of the team but `except`.
pub fn tell_team(
    tx: &mut Tx<'_>,
    task: &str,
    except: &str,
    kind: FeedKind,
    reference: &str,
) -> Result<()> {
    for device in team_devices(tx, task, except)? {
        tell(tx, &device, kind, task, reference)?;
    }
    Ok(())
}

/// A row of a device's feed.
#[derive(Debug, Clone)]
pub struct FeedRow {
    pub seq: i64,
    pub kind: FeedKind,
    pub task: String,
    pub reference: String,
}

/// Whether `seq` is a place in the device's feed.
pub fn feed_has(tx: &mut Tx<'_>, device: &str, seq: i64) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM feed WHERE device = $1 AND seq = $2",
        &[&device, &seq],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// Leaves a gap of `by` in the numbers of every feed: done at each start, so that a cursor of a past
/// that a restored backup does not have is no place of the feed (X7).
pub fn leave_gap(tx: &mut Tx<'_>, by: i64) -> Result<()> {
    tx.execute("UPDATE devices SET feed_seq = feed_seq + $1", &[&by])?;
    Ok(())
}

/// The next rows of a device's feed.
pub fn feed_after(tx: &mut Tx<'_>, device: &str, seq: i64, limit: u32) -> Result<Vec<FeedRow>> {
    tx.query(
        "SELECT seq, kind, task, ref FROM feed WHERE device = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        &[&device, &seq, &limit],
        |r| {
            let kind: String = r.get(1)?;
            let kind = FeedKind::of(&kind).ok_or(DbError::Column { index: 1, expected: "feed kind" })?;
            Ok(FeedRow { seq: r.get(0)?, kind, task: r.get(2)?, reference: r.get(3)? })
        },
    )
}

/// Tells a device all there is of a task: the grant, its changes in runs that end at signed
/// changes, its signatures, its blobs, its state.
pub fn grant(tx: &mut Tx<'_>, device: &str, task: &str) -> Result<()> {
    tell(tx, device, FeedKind::Grant, task, "")?;
    let rows: Vec<(i64, String, bool, i64)> = tx.query(
        "SELECT ord, actor, sig IS NOT NULL, length(bytes) FROM record_changes WHERE task = $1 ORDER BY ord",
        &[&task],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
    )?;
    for (first, last) in runs(&rows) {
        tell(
            tx,
            device,
            FeedKind::Changes,
            task,
            &format!("{first}-{last}"),
        )?;
    }
    let ids: Vec<String> = tx.query(
        "SELECT id FROM record_signatures WHERE task = $1 ORDER BY received_at, id",
        &[&task],
        |r| r.get(0),
    )?;
    for id in ids {
        tell(tx, device, FeedKind::Signature, task, &id)?;
    }
    let blobs: Vec<String> = tx.query(
        "SELECT sha256 FROM blobs WHERE task = $1 AND stored_at IS NOT NULL ORDER BY stored_at",
        &[&task],
        |r| r.get(0),
    )?;
    for sha256 in blobs {
        tell(tx, device, FeedKind::Blob, task, &sha256)?;
    }
    tell(tx, device, FeedKind::State, task, "")
}

/// Bytes of changes that one feed row may stand for, so that it fits into a body.
const RUN_BYTES: i64 = 256 * 1024;

/// Cuts a log into runs, each ending where no author's newest change is unsigned.
fn runs(rows: &[(i64, String, bool, i64)]) -> Vec<(i64, i64)> {
    let mut runs = Vec::new();
    let mut unsigned: Vec<&str> = Vec::new();
    let (mut first, mut size) = (None, 0);
    for (ord, actor, is_signed, length) in rows {
        let start = *first.get_or_insert(*ord);
        size += length;
        unsigned.retain(|a| a != actor);
        if !is_signed {
            unsigned.push(actor);
        }
        if unsigned.is_empty() && size >= RUN_BYTES {
            runs.push((start, *ord));
            (first, size) = (None, 0);
        }
    }
    if let (Some(start), Some((last, ..))) = (first, rows.last()) {
        runs.push((start, *last));
    }
    runs
}

/// A blob that a record names.
#[derive(Debug, Clone)]
pub struct BlobRow {
    pub size: u64,
    pub kind: BlobKind,
    pub stored: bool,
}

const KINDS: [(BlobKind, &str); 4] = [
    (BlobKind::Thumbnail, "thumbnail"),
    (BlobKind::Rendition, "rendition"),
    (BlobKind::Original, "original"),
    (BlobKind::Clip, "clip"),
];

/// As the column `kind` says it.
pub fn kind_word(kind: BlobKind) -> &'static str {
    let found = KINDS.iter().find(|(k, _)| *k == kind);
    found.map_or("original", |(_, word)| word)
}

/// Makes room for the blobs that a record names. A hash that is named with another size is another
/// row: only the true one can ever be stored, so that a wrong name stands in nobody's way. Of several
/// kinds the smallest counts: whoever needs it to look at a photo gets it.
pub fn name_blobs(tx: &mut Tx<'_>, task: &str, blobs: &[NamedBlob]) -> Result<()> {
    // A name that is larger than its kind may be is none: it must not bind the true one to its limit.
    let possible = |blob: &&NamedBlob| blob.size <= blob.kind.max_bytes();
    for blob in blobs.iter().filter(possible) {
        let (kind, sha256) = (kind_word(blob.kind), blob.sha256.to_string());
        let size = to_i64(blob.size);
        let known: Option<(BlobKind, bool)> = tx.query_opt(
            "SELECT kind, stored_at IS NOT NULL FROM blobs
             WHERE task = $1 AND sha256 = $2 AND size = $3",
            &[&task, &sha256, &size],
            |r| Ok((kind_of(r, 0)?, r.get(1)?)),
        )?;
        match known {
            None => {
                tx.execute(
                    "INSERT INTO blobs (task, sha256, size, kind, entry) VALUES ($1, $2, $3, $4, $5)",
                    &[&task, &sha256, &size, &kind, &blob.entry],
                )?;
            }
            Some((known, stored)) if blob.kind < known => {
                tx.execute(
                    "UPDATE blobs SET kind = $4, entry = $5
                     WHERE task = $1 AND sha256 = $2 AND size = $3",
                    &[&task, &sha256, &size, &kind, &blob.entry],
                )?;
                if stored && blob.kind.is_small() && !known.is_small() {
                    tell_team(tx, task, "", FeedKind::Blob, &sha256)?;
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn kind_of(row: &Row<'_>, index: usize) -> Result<BlobKind> {
    let word: String = row.get(index)?;
    let kind = KINDS.iter().find(|(_, w)| *w == word).map(|(k, _)| *k);
    kind.ok_or(DbError::Column {
        index,
        expected: "blob kind",
    })
}

/// The blob of this hash and `size`; when one of the hash is stored, that one, and without a size the
/// greatest that is named.
pub fn blob(
    tx: &mut Tx<'_>,
    task: &str,
    sha256: &str,
    size: Option<u64>,
) -> Result<Option<BlobRow>> {
    tx.query_opt(
        "SELECT size, kind, stored_at IS NOT NULL FROM blobs
         WHERE task = $1 AND sha256 = $2 AND ($3 IS NULL OR size = $3 OR stored_at IS NOT NULL)
         ORDER BY stored_at IS NULL, size DESC LIMIT 1",
        &[&task, &sha256, &size.map(to_i64)],
        |r| {
            Ok(BlobRow {
                size: u64::try_from(r.get::<i64>(0)?).unwrap_or(0),
                kind: kind_of(r, 1)?,
                stored: r.get(2)?,
            })
        },
    )
}

/// How much of an upload is safely on disk.
pub fn received(tx: &mut Tx<'_>, upload: &Upload) -> Result<u64> {
    let found: Option<i64> = tx.query_opt(
        "SELECT received FROM uploads
         WHERE task = $1 AND sha256 = $2 AND size = $3 AND device = $4",
        &[
            &upload.task,
            &upload.sha256,
            &to_i64(upload.size),
            &upload.device,
        ],
        |r| r.get(0),
    )?;
    Ok(found.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Notes how much of an upload is safely on disk.
pub fn note_upload(tx: &mut Tx<'_>, upload: &Upload, received: u64, now: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO uploads (task, sha256, size, device, received, touched_at)
         SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (
             SELECT 1 FROM blobs WHERE task = $1 AND sha256 = $2 AND stored_at IS NOT NULL)
         ON CONFLICT (task, sha256, size, device) DO UPDATE SET
             received = excluded.received, touched_at = excluded.touched_at",
        &[
            &upload.task,
            &upload.sha256,
            &to_i64(upload.size),
            &upload.device,
            &to_i64(received),
            &now,
        ],
    )?;
    Ok(())
}

/// Notes that a blob is whole and its hash checked. False when that was known.
pub fn blob_stored(tx: &mut Tx<'_>, upload: &Upload, now: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE blobs SET stored_at = $4
         WHERE task = $1 AND sha256 = $2 AND size = $3 AND stored_at IS NULL",
        &[&upload.task, &upload.sha256, &to_i64(upload.size), &now],
    )?;
    Ok(changed > 0)
}

const UPLOAD_COLUMNS: &str = "task, sha256, size, device";

fn upload(r: &Row<'_>) -> Result<Upload> {
    Ok(Upload {
        task: r.get(0)?,
        sha256: r.get(1)?,
        size: u64::try_from(r.get::<i64>(2)?).unwrap_or(0),
        device: r.get(3)?,
    })
}

/// Forgets all uploads of a blob that is whole; returns them.
pub fn end_uploads(tx: &mut Tx<'_>, task: &str, sha256: &str) -> Result<Vec<Upload>> {
    let ended = tx.query(
        &format!("SELECT {UPLOAD_COLUMNS} FROM uploads WHERE task = $1 AND sha256 = $2"),
        &[&task, &sha256],
        upload,
    )?;
    tx.execute(
        "DELETE FROM uploads WHERE task = $1 AND sha256 = $2",
        &[&task, &sha256],
    )?;
    Ok(ended)
}

/// The uploads that somebody has gone on with since `since`, of blobs that are not whole.
pub fn uploads_since(tx: &mut Tx<'_>, since: i64) -> Result<BTreeSet<Upload>> {
    let found = tx.query(
        &format!(
            "SELECT {UPLOAD_COLUMNS} FROM uploads u WHERE touched_at >= $1 AND NOT EXISTS (
                 SELECT 1 FROM blobs b
                 WHERE b.task = u.task AND b.sha256 = u.sha256 AND b.stored_at IS NOT NULL)"
        ),
        &[&since],
        upload,
    )?;
    Ok(found.into_iter().collect())
}

/// Forgets the uploads that nobody has gone on with since `since`.
pub fn forget_uploads(tx: &mut Tx<'_>, since: i64) -> Result<()> {
    tx.execute("DELETE FROM uploads WHERE touched_at < $1", &[&since])?;
    Ok(())
}

/// Bytes of an upload, and of the other unfinished ones of its device: of the longest, and in all.
pub fn unfinished(tx: &mut Tx<'_>, one: &Upload) -> Result<(u64, u64, u64)> {
    let own = received(tx, one)?;
    let (longest, sum): (i64, i64) = tx.query_one(
        "SELECT coalesce(max(received), 0), CAST(coalesce(sum(received), 0) AS BIGINT) FROM uploads
         WHERE device = $4 AND NOT (task = $1 AND sha256 = $2 AND size = $3)",
        &[&one.task, &one.sha256, &to_i64(one.size), &one.device],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok((own, unsigned(longest), unsigned(sum)))
}

/// Notes a contact: version, what is unsynced, free space and how the clocks differ.
pub fn contact(
    tx: &mut Tx<'_>,
    device: &str,
    now: i64,
    status: Option<&::sync::message::DeviceStatus>,
) -> Result<()> {
    tx.execute(
        "UPDATE devices SET last_contact_at = $2 WHERE id = $1",
        &[&device, &now],
    )?;
    if let Some(status) = status {
        let (unsynced, free) = (to_i64(status.unsynced), to_i64(status.free_bytes));
        tx.execute(
            "UPDATE devices SET version = $2, unsynced = $3, free_bytes = $4, clock_offset_ms = $5 WHERE id = $1",
            &[&device, &status.version, &unsynced, &free, &status.clock.saturating_sub(now)],
        )?;
    }
    Ok(())
}

fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A change of the log in the form of the wire, with its author in `authors`.
pub fn offered(change: LoggedChange, authors: &mut Vec<Author>) -> Offered {
    let index = authors
        .iter()
        .position(|a| *a == change.author)
        .unwrap_or_else(|| {
            authors.push(change.author);
            authors.len() - 1
        });
    Offered {
        author: index as u32,
        bytes: change.bytes,
        sig: change.sig,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_only_where_every_newest_change_is_signed() {
        // design §4: batches are cut only at signed changes
        let row = |ord, actor: &str, signed| (ord, actor.to_owned(), signed, RUN_BYTES);
        let log = [
            row(1, "s", true),
            row(2, "a", false),
            row(3, "b", true),
            row(4, "a", true),
            row(9, "b", false),
        ];
        assert_eq!(runs(&log), [(1, 1), (2, 4), (9, 9)]);
        assert_eq!(runs(&[]), []);
    }
}
