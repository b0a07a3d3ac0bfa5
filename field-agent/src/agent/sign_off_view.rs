//! Sign-off as screens show it: how far it is, who has signed, what each signature is worth.

use sync::ids::Sha256;
use sync::signoff::{self, PartyAct, Signed, Standing, Statement, StatementKind, Subject};

use super::ready::{incomplete, missing_here};
use super::tasks::Circumstances;
use super::team::role_word;
use super::{Loaded, Open};
use crate::api::Problem;
use crate::api::record::{Missing, MissingList};
use crate::api::sign::{
    Exclusion, Ink, PartyStatement, PartyView, Seal, SignOff, SignStage, SignatureView, Signer,
};
use crate::store::statements::SignOffRow;

pub(super) fn list(rows: Vec<Missing>) -> MissingList {
    MissingList {
        total: rows.len() as u32,
        can_sign: !rows.iter().any(|m| m.blocks),
        rows,
    }
}

pub(super) fn excluded_of(row: Option<&SignOffRow>) -> Vec<Exclusion> {
    row.and_then(|r| serde_json::from_str(&r.excluded).ok())
        .unwrap_or_default()
}

/// A party's statement with its row, for the subject that is being signed.
pub(super) fn party_of(
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

pub(super) fn party_view(
    signed: &Signed,
    statement: &signoff::PartyStatement,
    at: i64,
) -> PartyView {
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

/// Valid statements of inspectors about `subject`.
pub(super) fn subject_statements<'a>(
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

pub(super) fn signature_views(record: &Loaded, around: &Circumstances) -> Vec<SignatureView> {
    let rows = around
        .statements
        .iter()
        .filter(|s| s.signed.kind == StatementKind::Inspector);
    let everyone = record.roster.everyone();
    rows.map(|row| {
        let Ok(statement) = row.signed.open_inspector(&everyone) else {
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
            Standing::Superseded { changes } => {
                match changes - code_changes(record, &statement.subject) {
                    // The inspection code may come after the seal (X2).
                    0 => ("valid", 0),
                    others => ("superseded", others as u32),
                }
            }
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

/// How many changes since `subject` enter nothing but the inspection code.
fn code_changes(record: &Loaded, subject: &Subject) -> usize {
    let since = record.doc.since(&subject.heads);
    let history = record.doc.history();
    let later = history.iter().filter(|e| since.contains(&e.change));
    later
        .filter(|e| e.puts.iter().all(|put| put.path.starts_with("code/")))
        .count()
}

pub(super) fn sign_off_view(
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
    let incomplete = incomplete(&open.db, record, &[])?;
    let must_sign = record.signers();
    let signers = record.roster.members.iter().map(|m| Signer {
        person: m.person.clone(),
        name: m.name.clone(),
        certificate: m.certificate.clone(),
        role: role_word(m.role).into(),
        signs: must_sign.iter().any(|s| s.person == m.person),
        can_sign_here: m.keys.iter().any(|k| k.device_key == here),
        used_own_tablet: record.wrote_elsewhere(&m.person, &here),
        incomplete: incomplete.contains(&m.person),
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
