//! Sign-off on the closing tablet (F4, design §5).

use ed25519_dalek::SigningKey;
use rusqlite::Connection;
use sync::facts::Role;
use sync::ids::{DeviceId, Sha256};
use sync::ink::NoInk;
use sync::signoff::{self, Excluded, MEANING, PartyAct, Signed, Statement, Subject, Witness};

use super::ready::{incomplete, missing_here};
use super::sign_off_view::{excluded_of, list, party_of, sign_off_view, subject_statements};
use super::tasks::{Circumstances, state_of};
use super::write::{read_only, refuse_read_only};
use super::{Agent, Loaded, Open, photos, storage};
use crate::api::Problem;
use crate::api::record::MissingList;
use crate::api::sign::{BeginSignOff, Ink, InspectorSignature, PartyStatement, SignOff};
use crate::api::tasks::TaskState;
use crate::store::statements::{self, SignOffRow};
use crate::store::{delivery, queue};

/// The bytes of ink that are hashed into the statement.
fn ink_bytes(ink: &Ink) -> Result<Vec<u8>, Problem> {
    let bytes = sync::canonical::to_vec(ink);
    match sync::ink::read(&bytes) {
        Ok(_) => Ok(bytes),
        Err(NoInk::TooLong) => Err(Problem::field(
            "ink_too_long",
            "ink",
            "签名笔画过多，请重新签写。",
        )),
        Err(NoInk::Empty | NoInk::Malformed) => {
            Err(Problem::field("ink_missing", "ink", "请手写签名。"))
        }
    }
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
            let (subject, row) = signing_subject(record, &around, &open.db)?;
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
            may_sign(record, &around, &open.db, &request.person)
        })?;
        let opened = self.try_pin(&request.person, &request.pin)?;
        let secret = SigningKey::from_bytes(&opened.signing_seed);
        let view = self.with_record(me, task, |open, id| {
            let here = open.device_key();
            let around = Circumstances::of(&open.db, task)?;
            open.record(id)?;
            let record = open.records.get(&id).ok_or_else(super::no_such_task)?;
            may_sign(record, &around, &open.db, &request.person)?;
            let (subject, row) = signing_subject(record, &around, &open.db)?;
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
    let excluded: Vec<String> = excluded_of(Some(&row))
        .into_iter()
        .map(|e| e.person)
        .collect();
    if let Some(person) = incomplete(db, record, &excluded)?.first() {
        return Err(Problem::conflict(
            "dependency_missing",
            format!(
                "{} 的部分内容尚未到齐，请先同步；仍不到齐时，请放弃本次签字，注明不等待的原因后重新开始。",
                record.name_of(person)
            ),
        ));
    }
    Ok((subject, row))
}

fn may_sign(
    record: &Loaded,
    around: &Circumstances,
    db: &Connection,
    person: &str,
) -> Result<(), Problem> {
    let (subject, _) = signing_subject(record, around, db)?;
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
