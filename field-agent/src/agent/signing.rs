//! Sign-off on the closing tablet (F4, design §5).

use ed25519_dalek::SigningKey;
use rusqlite::Connection;
use sync::facts::Role;
use sync::ids::{DeviceId, Sha256};
use sync::signoff::{
    self, Excluded, MEANING, PartyAct, Signed, Standing, Statement, StatementKind, Subject, Witness,
};

use super::record::{read_only, refuse_read_only};
use super::tasks::{Circumstances, state_of};
use super::team::role_word;
use super::{Agent, Loaded, Open, completeness, photos, storage};
use crate::api::Problem;
use crate::api::record::{Missing, MissingList, Place, Step};
use crate::api::sign::{
    BeginSignOff, Exclusion, Ink, InspectorSignature, PartyStatement, PartyView, Seal, SignOff,
    SignStage, SignatureView, Signer,
};
use crate::api::tasks::TaskState;
use crate::store::statements::{self, SignOffRow};
use crate::store::{changes, delivery, queue};

const MAX_STROKES: usize = 500;
const MAX_POINTS: usize = 20_000;

/// The bytes of ink that are hashed into the statement.
fn ink_bytes(ink: &Ink) -> Result<Vec<u8>, Problem> {
    let points: usize = ink.strokes.iter().map(Vec::len).sum();
    let size_ok = (1..=10_000).contains(&ink.width) && (1..=10_000).contains(&ink.height);
    if points == 0 || !size_ok {
        return Err(Problem::field("ink_missing", "ink", "请手写签名。"));
    }
    let bytes = sync::canonical::to_vec(ink);
    if ink.strokes.len() > MAX_STROKES
        || points > MAX_POINTS
        || bytes.len() > signoff::MAX_INK_BYTES
    {
        return Err(Problem::field(
            "ink_too_long",
            "ink",
            "签名笔画过多，请重新签写。",
        ));
    }
    Ok(bytes)
}

fn text(field: &str, value: &str, what: &str) -> Result<String, Problem> {
    let value = value.trim();
    if value.is_empty() || value.len() > 2_000 {
        return Err(Problem::field(
            "text_missing",
            field,
            format!("请填写{what}。"),
        ));
    }
    Ok(value.to_owned())
}

fn someone(step_person: &str) -> Place {
    Place {
        step: Step::SignOff,
        path: None,
        item: None,
        point: None,
        photo: None,
        person: Some(step_person.to_owned()),
    }
}

/// Everything that stands in the way of signing on this tablet.
pub(super) fn missing_here(
    db: &Connection,
    record: &Loaded,
    here: &sync::ids::Key,
    excluded: &[String],
    offset: Option<i64>,
) -> Result<Vec<Missing>, Problem> {
    let task = record.id.to_string();
    let mut rows = completeness::missing_cells(&record.facts, &record.view);
    let blobs = queue::of_task(db, &task).map_err(storage)?;
    {
        let seen = photos::seen(record, &blobs);
        for id in record.view.standing("photo") {
            let sha256 = record
                .view
                .text(&format!("photo/{id}/sha256"))
                .parse::<Sha256>();
            if sha256.is_ok_and(|s| seen(&s).is_none()) {
                let place = Place {
                    step: Step::Points,
                    path: None,
                    item: None,
                    point: None,
                    photo: Some(id.to_owned()),
                    person: None,
                };
                rows.push(Missing {
                    code: "photo_not_here".into(),
                    text: "有一张照片还没有传到本机，签字前须先同步。".into(),
                    blocks: true,
                    place,
                });
            }
        }
    }
    if photos::dependency_missing(db, &task)? {
        let place = Place {
            step: Step::SignOff,
            path: None,
            item: None,
            point: None,
            photo: None,
            person: None,
        };
        rows.push(Missing {
            code: "dependency_missing".into(),
            text: "同事的部分内容尚未到齐，请先同步。".into(),
            blocks: true,
            place,
        });
    }
    for member in &record.roster.members {
        let person = &member.person;
        if record.done_at(person).is_some()
            || excluded.contains(person)
            || record.status_of(person) != "active"
        {
            continue;
        }
        if record.wrote_elsewhere(person, here) {
            let text = format!(
                "{} 在自己的平板上有记录，尚未标记完成；请先同步并请其点“我已完成”，或注明不等待的原因。",
                member.name
            );
            rows.push(Missing {
                code: "member_not_done".into(),
                text,
                blocks: true,
                place: someone(person),
            });
        } else if member.keys.iter().any(|k| k.device_key != *here) {
            let text = format!("请向 {} 确认：是否在自己的平板上做过记录？", member.name);
            rows.push(Missing {
                code: "ask_member".into(),
                text,
                blocks: false,
                place: someone(person),
            });
        }
    }
    for member in record.signers() {
        if !member.keys.iter().any(|k| k.device_key == *here) {
            let text = format!("{} 没有在本机登记密钥，无法在本机签字。", member.name);
            rows.push(Missing {
                code: "no_key_here".into(),
                text,
                blocks: true,
                place: someone(&member.person),
            });
        }
    }
    if record.signers().len() < 2 {
        let place = Place {
            step: Step::SignOff,
            path: None,
            item: None,
            point: None,
            photo: None,
            person: None,
        };
        rows.push(Missing {
            code: "two_inspectors".into(),
            text: "检查组的执法检查人员不足两人，不能签字。".into(),
            blocks: true,
            place,
        });
    }
    if offset.is_some_and(|o| o.abs() > 120_000) {
        let place = Place {
            step: Step::SignOff,
            path: None,
            item: None,
            point: None,
            photo: None,
            person: None,
        };
        rows.push(Missing {
            code: "clock_off".into(),
            text: "本机时钟与服务器相差较大，签字时间将注明。".into(),
            blocks: false,
            place,
        });
    }
    Ok(rows)
}

fn list(rows: Vec<Missing>) -> MissingList {
    MissingList {
        total: rows.len() as u32,
        can_sign: !rows.iter().any(|m| m.blocks),
        rows,
    }
}

fn excluded_of(row: Option<&SignOffRow>) -> Vec<Exclusion> {
    row.and_then(|r| serde_json::from_str(&r.excluded).ok())
        .unwrap_or_default()
}

/// A party's statement with its row, for the subject that is being signed.
fn party_of(
    record: &Loaded,
    around: &Circumstances,
    subject_sha256: &Sha256,
) -> Option<(Signed, signoff::PartyStatement, i64)> {
    let rows = around
        .statements
        .iter()
        .filter(|s| s.signed.kind == StatementKind::Party);
    rows.rev().find_map(|s| {
        let statement = s.signed.open_party(&record.roster.members).ok()?;
        (statement.subject_sha256 == *subject_sha256).then(|| (s.signed.clone(), statement, s.at))
    })
}

fn party_view(signed: &Signed, statement: &signoff::PartyStatement, at: i64) -> PartyView {
    let statement = match &statement.act {
        PartyAct::Signed { .. } => PartyStatement::Signed {
            name: statement.name.clone(),
            capacity: statement.capacity.clone(),
            ink: signed
                .ink
                .as_deref()
                .and_then(|i| serde_json::from_slice(i).ok())
                .unwrap_or(Ink {
                    width: 1,
                    height: 1,
                    strokes: Vec::new(),
                }),
        },
        PartyAct::Refused { reason, witness } => PartyStatement::Refused {
            reason: reason.clone(),
            witness_name: witness.name.clone(),
            witness_capacity: witness.capacity.clone(),
        },
    };
    PartyView {
        statement,
        at,
        sha256: signed.id().to_string(),
    }
}

impl Agent {
    fn clock_offset(&self) -> Result<Option<i64>, Problem> {
        super::lock(&self.vault)
            .get_i64("clock_offset_ms")
            .map_err(storage)
    }

    /// What is missing before signing.
    pub fn missing(&self, me: &str, task: &str) -> Result<MissingList, Problem> {
        let offset = self.clock_offset()?;
        self.with_record(me, task, |open, id| {
            let here = open.device_key();
            open.record(id)?;
            let record = open.records.get(&id).ok_or_else(super::no_such_task)?;
            Ok(list(missing_here(&open.db, record, &here, &[], offset)?))
        })
    }

    /// Sign-off as it stands.
    pub fn sign_off(&self, me: &str, task: &str) -> Result<SignOff, Problem> {
        let offset = self.clock_offset()?;
        self.with_record(me, task, |open, id| {
            open.record(id)?;
            sign_off_view(open, id, offset)
        })
    }

    /// Fixes the heads. From here on the record is read-only until the seal or until signing is abandoned.
    pub fn begin_sign_off(
        &self,
        me: &str,
        task: &str,
        request: BeginSignOff,
    ) -> Result<SignOff, Problem> {
        let (now, offset) = (self.now(), self.clock_offset()?);
        let view = self.with_record(me, task, |open, id| {
            let here = open.device_key();
            let around = Circumstances::of(&open.db, task)?;
            open.record(id)?;
            let record = open.records.get(&id).ok_or_else(super::no_such_task)?;
            if around.sign_off.is_some() && read_only(record, &around, me) == Some("signing") {
                return sign_off_view(open, id, offset);
            }
            if let Some(reason) = read_only(record, &around, me) {
                return Err(refuse_read_only(reason));
            }
            for exclusion in &request.excluded {
                text("excluded", &exclusion.reason, "不等待该人员的原因")?;
            }
            let excluded: Vec<String> = request.excluded.iter().map(|e| e.person.clone()).collect();
            let missing = missing_here(&open.db, record, &here, &excluded, offset)?;
            if missing.iter().any(|m| m.blocks) {
                let mut problem =
                    Problem::conflict("not_complete", "还不能签字：请先补全下列内容。");
                problem.missing = missing;
                return Err(problem);
            }
            let blobs = queue::of_task(&open.db, task).map_err(storage)?;
            let subject = Subject::of(
                &record.doc,
                &record.doc.heads(),
                photos::seen(record, &blobs),
            )
            .map_err(|e| Problem::conflict("not_complete", format!("还不能签字：{e}")))?;
            let row = SignOffRow {
                round: subject.round,
                subject: String::from_utf8(sync::canonical::to_vec(&subject))
                    .map_err(|e| Problem::internal(&e))?,
                excluded: serde_json::to_string(&request.excluded)
                    .map_err(|e| Problem::internal(&e))?,
                at: now,
            };
            let tx = open.db.unchecked_transaction().map_err(storage)?;
            statements::begin(&tx, task, &row).map_err(storage)?;
            Open::write_card(&tx, record, &here, now)?;
            tx.commit().map_err(storage)?;
            sign_off_view(open, id, offset)
        })?;
        self.touch();
        Ok(view)
    }

    /// Abandons signing before the seal. Statements that were given stay; they do not cover what is written later.
    pub fn cancel_sign_off(&self, me: &str, task: &str) -> Result<SignOff, Problem> {
        let (now, offset) = (self.now(), self.clock_offset()?);
        let view = self.with_record(me, task, |open, id| {
            let here = open.device_key();
            let around = Circumstances::of(&open.db, task)?;
            open.record(id)?;
            let record = open.records.get(&id).ok_or_else(super::no_such_task)?;
            if matches!(
                state_of(record, &around),
                TaskState::Sealed | TaskState::Accepted
            ) {
                return Err(Problem::conflict("sealed", "记录已封存，签字不能撤销。"));
            }
            let tx = open.db.unchecked_transaction().map_err(storage)?;
            statements::cancel(&tx, task).map_err(storage)?;
            Open::write_card(&tx, record, &here, now)?;
            tx.commit().map_err(storage)?;
            sign_off_view(open, id, offset)
        })?;
        self.touch();
        Ok(view)
    }

    /// The party's ink or refusal, attested by this tablet.
    pub fn party_statement(
        &self,
        me: &str,
        task: &str,
        request: PartyStatement,
    ) -> Result<SignOff, Problem> {
        let (act, name, capacity, ink) = match &request {
            PartyStatement::Signed {
                name,
                capacity,
                ink,
            } => {
                let ink = ink_bytes(ink)?;
                let act = PartyAct::Signed {
                    ink_sha256: Sha256::of(&ink),
                };
                (
                    act,
                    text("name", name, "当事人代表姓名")?,
                    text("capacity", capacity, "当事人代表身份")?,
                    Some(ink),
                )
            }
            PartyStatement::Refused {
                reason,
                witness_name,
                witness_capacity,
            } => {
                let witness = Witness {
                    name: text("witness_name", witness_name, "见证人姓名")?,
                    capacity: text("witness_capacity", witness_capacity, "见证人身份")?,
                };
                (
                    PartyAct::Refused {
                        reason: text("reason", reason, "拒签原因")?,
                        witness,
                    },
                    String::new(),
                    String::new(),
                    None,
                )
            }
        };
        let (now, offset, nonce) = (self.now(), self.clock_offset()?, self.nonce());
        let view = self.with_record(me, task, |open, id| {
            let around = Circumstances::of(&open.db, task)?;
            open.record(id)?;
            let device = open.device.clone();
            let record = open.records.get(&id).ok_or_else(super::no_such_task)?;
            let (subject, row) = signing_subject(record, &around, &open.db, task)?;
            if subject_statements(record, &around, &subject)
                .next()
                .is_some()
            {
                return Err(Problem::conflict(
                    "already_signed",
                    "检查人员已开始签字，当事人签名不能再改；要改请先放弃本次签字。",
                ));
            }
            let statement = signoff::PartyStatement {
                v: 1,
                task: id,
                subject_sha256: subject.sha256(),
                name,
                capacity,
                act,
                device: DeviceId::of(&sync::signing::public(&device)),
                claimed_time: now,
                nonce,
            };
            let signed = Signed::party(&statement, &device, ink);
            signed
                .open_party(&record.roster.members)
                .map_err(|e| Problem::internal(&e))?;
            statements::put(&open.db, &signed, row.round, delivery::HERE, now).map_err(storage)?;
            sign_off_view(open, id, offset)
        })?;
        self.touch();
        self.wake_sync();
        Ok(view)
    }

    /// An inspector signs. The last one seals the record.
    pub fn inspector_signature(
        &self,
        me: &str,
        task: &str,
        request: InspectorSignature,
    ) -> Result<SignOff, Problem> {
        let ink = ink_bytes(&request.ink)?;
        let (now, offset, nonce) = (self.now(), self.clock_offset()?, self.nonce());
        // Everything that can be refused is, before a PIN is asked for.
        self.with_record(me, task, |open, id| {
            let around = Circumstances::of(&open.db, task)?;
            open.record(id)?;
            let record = open.records.get(&id).ok_or_else(super::no_such_task)?;
            may_sign(record, &around, &open.db, task, &request.person)
        })?;
        let opened = self.try_pin(&request.person, &request.pin)?;
        let secret = SigningKey::from_bytes(&opened.signing_seed);
        let view = self.with_record(me, task, |open, id| {
            let here = open.device_key();
            let around = Circumstances::of(&open.db, task)?;
            open.record(id)?;
            let record = open.records.get(&id).ok_or_else(super::no_such_task)?;
            may_sign(record, &around, &open.db, task, &request.person)?;
            let (subject, row) = signing_subject(record, &around, &open.db, task)?;
            let subject_sha256 = subject.sha256();
            let (party, ..) = party_of(record, &around, &subject_sha256).ok_or_else(party_first)?;
            let role = record
                .roster
                .members
                .iter()
                .find(|m| m.person == request.person)
                .map_or(Role::Member, |m| m.role);
            let statement = Statement {
                subject,
                subject_sha256,
                alg: "ed25519".into(),
                signer: signoff::Signer {
                    person: request.person.clone(),
                    key: sync::signing::public(&secret),
                    role,
                },
                device: DeviceId::of(&here),
                meaning: MEANING.into(),
                party_statement_sha256: party.id(),
                excluded: excluded_of(Some(&row))
                    .into_iter()
                    .map(|e| Excluded {
                        person: e.person,
                        reason: e.reason,
                    })
                    .collect(),
                claimed_time: now,
                nonce,
                ink_sha256: Sha256::of(&ink),
            };
            let signed = Signed::inspector(&statement, &secret, ink);
            signed.open_inspector(&record.roster.members).map_err(|e| {
                tracing::warn!(error = %e, "own signature does not verify");
                Problem::conflict(
                    "key_not_registered",
                    "本机的签字密钥与名册不一致，请先同步；仍不行请联系管理员重新登记。",
                )
            })?;
            let tx = open.db.unchecked_transaction().map_err(storage)?;
            statements::put(&tx, &signed, row.round, delivery::HERE, now).map_err(storage)?;
            Open::write_card(&tx, record, &here, now)?;
            tx.commit().map_err(storage)?;
            sign_off_view(open, id, offset)
        })?;
        self.touch();
        self.wake_sync();
        Ok(view)
    }

    fn nonce(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        hex::encode(bytes)
    }
}

fn party_first() -> Problem {
    Problem::conflict("party_first", "请先由当事人签名，或记录其拒签。")
}

/// The subject that is being signed. Refused when the record has changed since the heads were fixed.
fn signing_subject(
    record: &Loaded,
    around: &Circumstances,
    db: &Connection,
    task: &str,
) -> Result<(Subject, SignOffRow), Problem> {
    let row = around
        .sign_off
        .clone()
        .ok_or_else(|| Problem::conflict("not_begun", "尚未开始签字。"))?;
    if state_of(record, around) == TaskState::Sealed {
        return Err(Problem::conflict("sealed", "记录已封存。"));
    }
    let subject: Subject = serde_json::from_str(&row.subject).map_err(|e| Problem::internal(&e))?;
    if subject.heads != record.doc.heads() {
        return Err(Problem::conflict(
            "record_changed",
            "同步带来了新的内容，记录已变化；请放弃本次签字，核对后重新开始。",
        ));
    }
    if changes::any_waiting(db, task).map_err(storage)? {
        return Err(Problem::conflict(
            "dependency_missing",
            "同事的部分内容尚未到齐，请先同步。",
        ));
    }
    Ok((subject, row))
}

fn may_sign(
    record: &Loaded,
    around: &Circumstances,
    db: &Connection,
    task: &str,
    person: &str,
) -> Result<(), Problem> {
    let (subject, _) = signing_subject(record, around, db, task)?;
    if party_of(record, around, &subject.sha256()).is_none() {
        return Err(party_first());
    }
    if !record.signers().iter().any(|m| m.person == person) {
        return Err(Problem::conflict(
            "does_not_sign",
            "此人不在需签字的检查人员之列。",
        ));
    }
    if subject_statements(record, around, &subject).any(|s| s.signer.person == person) {
        return Err(Problem::conflict(
            "already_signed",
            "此人已签字，输入 PIN 之后签名不能重做。",
        ));
    }
    Ok(())
}

/// Valid statements of inspectors about `subject`.
fn subject_statements<'a>(
    record: &'a Loaded,
    around: &'a Circumstances,
    subject: &Subject,
) -> impl Iterator<Item = Statement> + 'a {
    let sha256 = subject.sha256();
    let rows = around
        .statements
        .iter()
        .filter(|s| s.signed.kind == StatementKind::Inspector);
    rows.filter_map(|s| s.signed.open_inspector(&record.roster.members).ok())
        .filter(move |s| s.subject_sha256 == sha256)
}

fn signature_views(record: &Loaded, around: &Circumstances) -> Vec<SignatureView> {
    let rows = around
        .statements
        .iter()
        .filter(|s| s.signed.kind == StatementKind::Inspector);
    rows.map(|row| {
        let Ok(statement) = row.signed.open_inspector(&record.roster.members) else {
            return SignatureView {
                person: String::new(),
                name: "无法核验".into(),
                role: String::new(),
                signed_at: row.at,
                state: "invalid".into(),
                superseded_by: 0,
                round: row.round,
            };
        };
        let (state, superseded_by) = match signoff::standing(&statement.subject, &record.doc) {
            Standing::Current => ("valid", 0),
            Standing::Superseded { changes } => ("superseded", changes as u32),
            Standing::Contradicted => ("invalid", 0),
            Standing::NotHereYet => ("not_here_yet", 0),
        };
        SignatureView {
            name: record.name_of(&statement.signer.person),
            person: statement.signer.person,
            role: role_word(statement.signer.role).into(),
            signed_at: statement.claimed_time,
            state: state.into(),
            superseded_by,
            round: statement.subject.round,
        }
    })
    .collect()
}

fn sign_off_view(
    open: &Open,
    id: sync::ids::TaskId,
    offset: Option<i64>,
) -> Result<SignOff, Problem> {
    let task = id.to_string();
    let here = open.device_key();
    let record = open.records.get(&id).ok_or_else(super::no_such_task)?;
    let around = Circumstances::of(&open.db, &task)?;
    let round = record.view.round();
    let excluded = excluded_of(around.sign_off.as_ref());
    let subject: Option<Subject> = around
        .sign_off
        .as_ref()
        .and_then(|r| serde_json::from_str(&r.subject).ok());
    let seal = around.seal(record).ok();
    let subject = seal.as_ref().map(|s| s.subject.clone()).or(subject);
    let subject_sha256 = subject.as_ref().map(Subject::sha256);
    let party = subject_sha256
        .as_ref()
        .and_then(|s| party_of(record, &around, s));
    let signed: Vec<Statement> = subject
        .iter()
        .flat_map(|s| subject_statements(record, &around, s))
        .collect();
    let stage = match (&seal, &around.sign_off, &party) {
        (Some(_), ..) => SignStage::Sealed,
        (None, None, _) => SignStage::NotBegun,
        (None, Some(_), None) => SignStage::Party,
        (None, Some(_), Some(_)) => SignStage::Inspectors,
    };
    let waiting_for: Vec<String> = excluded.iter().map(|e| e.person.clone()).collect();
    let missing = if seal.is_some() {
        Vec::new()
    } else {
        missing_here(&open.db, record, &here, &waiting_for, offset)?
    };
    let must_sign = record.signers();
    let signers = record.roster.members.iter().map(|m| Signer {
        person: m.person.clone(),
        name: m.name.clone(),
        certificate: m.certificate.clone(),
        role: role_word(m.role).into(),
        signs: must_sign.iter().any(|s| s.person == m.person),
        can_sign_here: m.keys.iter().any(|k| k.device_key == here),
        used_own_tablet: record.wrote_elsewhere(&m.person, &here),
        done_at: record.done_at(&m.person),
        excluded_reason: excluded
            .iter()
            .find(|e| e.person == m.person)
            .map(|e| e.reason.clone()),
        signed_at: signed
            .iter()
            .find(|s| s.signer.person == m.person)
            .map(|s| s.claimed_time),
    });
    let sealed_at = signed.iter().map(|s| s.claimed_time).max().unwrap_or(0);
    Ok(SignOff {
        task,
        round,
        stage,
        missing: list(missing),
        signers: signers.collect(),
        party: party
            .as_ref()
            .map(|(row, statement, at)| party_view(row, statement, *at)),
        signatures: signature_views(record, &around),
        subject_sha256: subject_sha256.map(|s| s.to_string()),
        seal: seal.map(|s| Seal {
            round,
            sealed_at,
            fingerprint: s.fingerprint(),
            subject_sha256: s.subject_sha256.to_string(),
        }),
    })
}
