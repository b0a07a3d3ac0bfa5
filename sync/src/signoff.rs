//! Sign-off 签字: what a signature covers, how it is verified, when a record is sealed (F4).
//!
//! All sign on one closing tablet. The party comes first: its ink, or its refusal with reason and
//! witness, in a statement that the tablet attests. Then each inspector signs a statement that
//! names the same [`Subject`] and the hash of the party's statement, so that ink cannot be grafted
//! from another record. Signing writes nothing into the document.
//!
//! Bytes that were signed are kept and sent verbatim. They are canonical JSON (RFC 8785); a
//! statement that is not in canonical form is refused.

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::canonical;
use crate::facts::{Member, Role};
use crate::ids::{DeviceId, Key, Sha256, TaskId};
use crate::ink;
use crate::record::{RecordDoc, RecordError, VIEW_VERSION, View};
use crate::signing::{self, Sig};

/// Greatest length of a statement, in bytes.
pub const MAX_STATEMENT_BYTES: usize = 64 * 1024;

/// The form of one item by which the record was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormRef {
    pub id: String,
    pub version: i64,
    pub sha256: Sha256,
}

/// A photo that the record shows, and in which form the signers saw it on the closing tablet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PhotoRef {
    /// Of the original bytes.
    pub sha256: Sha256,
    /// Bytes of the original.
    pub size: i64,
    pub seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    Original,
    Rendition,
}

/// What all signers sign: the state of one record in one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub v: u32,
    pub task: TaskId,
    /// Sorted by id.
    pub forms: Vec<FormRef>,
    pub round: u32,
    /// Sorted; they commit to the whole history.
    pub heads: Vec<Sha256>,
    pub view_v: u32,
    /// SHA-256 of [`View::canonical`].
    pub view_sha256: Sha256,
    /// Sorted; withdrawn photos are not among them.
    pub photos: Vec<PhotoRef>,
}

/// Why a record cannot be signed as it is.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    #[error("the record holds two different values in {}", .0.join(", "))]
    Conflicts(Vec<String>),
    #[error("photo {0} has not been seen on this tablet")]
    UnseenPhoto(String),
    #[error("photo {0} lacks its hash or size")]
    IncompletePhoto(String),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Subject {
    /// The subject of `record` at `heads`. `seen` tells, by the original's hash, in which form a
    /// photo lies on the closing tablet.
    ///
    /// # Errors
    /// While a cell holds two different values or a photo has not been seen on this tablet.
    pub fn of(
        record: &RecordDoc,
        heads: &[Sha256],
        seen: impl Fn(&Sha256) -> Option<Seen>,
    ) -> Result<Self, SubjectError> {
        let view = record.view_at(heads)?;
        let conflicts: Vec<String> = view.conflicts().into_iter().map(str::to_owned).collect();
        if !conflicts.is_empty() {
            return Err(SubjectError::Conflicts(conflicts));
        }
        let mut photos = Vec::new();
        for id in view.standing("photo") {
            let (sha256, size) =
                photo_of(&view, id).ok_or(SubjectError::IncompletePhoto(id.into()))?;
            let seen = seen(&sha256).ok_or(SubjectError::UnseenPhoto(id.into()))?;
            photos.push(PhotoRef { sha256, size, seen });
        }
        photos.sort();
        let mut heads = heads.to_vec();
        heads.sort();
        Ok(Subject {
            v: 1,
            task: record.task(),
            forms: forms_of(&view),
            round: view.round(),
            heads,
            view_v: VIEW_VERSION,
            view_sha256: Sha256::of(&view.canonical()),
            photos,
        })
    }

    /// SHA-256 of the canonical JSON: what both statements cite.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(&canonical::to_vec(self))
    }

    /// Whether the subject says what `record` holds at the subject's heads.
    pub fn matches(&self, record: &RecordDoc) -> bool {
        let seen = |sha256: &Sha256| {
            self.photos
                .iter()
                .find(|p| p.sha256 == *sha256)
                .map(|p| p.seen)
        };
        Subject::of(record, &self.heads, seen).is_ok_and(|own| own == *self)
    }
}

fn photo_of(view: &View, id: &str) -> Option<(Sha256, i64)> {
    let sha256 = view.text(&format!("photo/{id}/sha256")).parse().ok()?;
    Some((sha256, view.int(&format!("photo/{id}/size"))?))
}

fn forms_of(view: &View) -> Vec<FormRef> {
    let form = |id: &&str| {
        Some(FormRef {
            id: (*id).to_owned(),
            version: view.int(&format!("form/{id}/version"))?,
            sha256: view.text(&format!("form/{id}/sha256")).parse().ok()?,
        })
    };
    let mut forms: Vec<FormRef> = view.entries("form").iter().filter_map(form).collect();
    // Cells stand by path, where `SC-1/` comes before `SC/`.
    forms.sort_by(|a, b| a.id.cmp(&b.id));
    forms
}

/// A person who saw the party refuse, or another witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    pub name: String,
    pub capacity: String,
}

/// What the party did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PartyAct {
    /// Signed by hand.
    Signed { ink_sha256: Sha256 },
    /// Refused to sign; the reason and who saw it.
    Refused { reason: String, witness: Witness },
}

/// The statement of the party 被检查对象代表, attested by the closing tablet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyStatement {
    pub v: u32,
    pub task: TaskId,
    pub subject_sha256: Sha256,
    pub name: String,
    pub capacity: String,
    pub act: PartyAct,
    pub device: DeviceId,
    /// The tablet's clock, milliseconds since 1970 UTC.
    pub claimed_time: i64,
    /// 32 hex digits, random.
    pub nonce: String,
}

/// A member whose own tablet's work could not be brought in before closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    pub person: String,
    pub reason: String,
}

/// Who signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    pub person: String,
    pub key: Key,
    pub role: Role,
}

/// What an inspector declares by signing.
pub const MEANING: &str = "本人参加了本次检查，记录属实。谁检查、谁签字、谁负责。";

/// The statement of one inspector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub subject: Subject,
    pub subject_sha256: Sha256,
    /// `ed25519`.
    pub alg: String,
    pub signer: Signer,
    pub device: DeviceId,
    pub meaning: String,
    pub party_statement_sha256: Sha256,
    pub excluded: Vec<Excluded>,
    /// The tablet's clock, milliseconds since 1970 UTC.
    pub claimed_time: i64,
    /// 32 hex digits, random.
    pub nonce: String,
    pub ink_sha256: Sha256,
}

/// A statement as it is stored and sent: the signed bytes, the signature, the signing key, the ink.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Signed {
    #[n(0)]
    pub task: TaskId,
    #[n(1)]
    pub kind: StatementKind,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub body: Vec<u8>,
    #[n(3)]
    pub sig: Sig,
    /// The inspector's key for a statement, the device's key for the party's.
    #[n(4)]
    pub key: Key,
    /// JSON of the strokes, where there is ink.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub ink: Option<Vec<u8>>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum StatementKind {
    #[n(0)]
    Party,
    #[n(1)]
    Inspector,
}

impl StatementKind {
    fn payload_type(self) -> &'static str {
        match self {
            StatementKind::Party => signing::PARTY,
            StatementKind::Inspector => signing::STATEMENT,
        }
    }
}

/// Why a signed statement is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadStatement {
    #[error("the statement or its ink is too long")]
    TooLong,
    #[error("the statement is not canonical JSON of its kind: {0}")]
    Malformed(String),
    #[error("the signature does not belong to these bytes and this key")]
    BadSignature,
    #[error("the key is not one of this person on this tablet")]
    UnknownKey,
    #[error("the ink is not the one that was signed for")]
    WrongInk,
    #[error("{0}")]
    NoInk(ink::NoInk),
    #[error("the statement contradicts itself: {0}")]
    Inconsistent(&'static str),
}

/// 16 random bytes in hex.
fn is_nonce(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl Signed {
    /// Name of the row: SHA-256 of the signed bytes.
    pub fn id(&self) -> Sha256 {
        Sha256::of(&self.body)
    }

    /// Signs the party's statement with the key of the tablet.
    pub fn party(statement: &PartyStatement, device: &SigningKey, ink: Option<Vec<u8>>) -> Self {
        Signed::new(
            StatementKind::Party,
            statement.task,
            canonical::to_vec(statement),
            device,
            ink,
        )
    }

    /// Signs an inspector's statement with the inspector's key.
    pub fn inspector(statement: &Statement, secret: &SigningKey, ink: Vec<u8>) -> Self {
        let task = statement.subject.task;
        Signed::new(
            StatementKind::Inspector,
            task,
            canonical::to_vec(statement),
            secret,
            Some(ink),
        )
    }

    fn new(
        kind: StatementKind,
        task: TaskId,
        body: Vec<u8>,
        secret: &SigningKey,
        ink: Option<Vec<u8>>,
    ) -> Self {
        let sig = signing::sign(secret, kind.payload_type(), &body);
        Signed {
            task,
            kind,
            body,
            sig,
            key: signing::public(secret),
            ink,
        }
    }

    /// Reads a party's statement and verifies all that can be verified without the record.
    pub fn open_party(&self, team: &[Member]) -> Result<PartyStatement, BadStatement> {
        let statement: PartyStatement = self.open(StatementKind::Party)?;
        let keys = team.iter().flat_map(|m| &m.keys);
        if !keys.into_iter().any(|k| k.device_key == self.key) {
            return Err(BadStatement::UnknownKey);
        }
        if statement.device != DeviceId::of(&self.key) || statement.task != self.task {
            return Err(BadStatement::Inconsistent("another device or task"));
        }
        if statement.v != 1 || !is_nonce(&statement.nonce) {
            return Err(BadStatement::Inconsistent("unknown version or no nonce"));
        }
        match &statement.act {
            PartyAct::Signed { ink_sha256 } => self.check_ink(Some(*ink_sha256))?,
            PartyAct::Refused { reason, witness } => {
                self.check_ink(None)?;
                if reason.trim().is_empty() || witness.name.trim().is_empty() {
                    return Err(BadStatement::Inconsistent(
                        "a refusal needs a reason and a witness",
                    ));
                }
            }
        }
        Ok(statement)
    }

    /// Reads an inspector's statement and verifies all that can be verified without the record.
    pub fn open_inspector(&self, team: &[Member]) -> Result<Statement, BadStatement> {
        let statement: Statement = self.open(StatementKind::Inspector)?;
        let member = team.iter().find(|m| m.person == statement.signer.person);
        let member = member.ok_or(BadStatement::UnknownKey)?;
        let enrolled = member.keys.iter().find(|k| k.key == self.key);
        let enrolled = enrolled.ok_or(BadStatement::UnknownKey)?;
        if statement.device != DeviceId::of(&enrolled.device_key)
            || statement.signer.key != self.key
        {
            return Err(BadStatement::UnknownKey);
        }
        // Who leads can change by a substitution; that an expert does not sign cannot. The role that
        // was signed is held against the record at the signed heads, see [`roles_hold`].
        if (statement.signer.role == Role::Expert) != (member.role == Role::Expert) {
            return Err(BadStatement::Inconsistent(
                "another role than on the roster",
            ));
        }
        if statement.subject.sha256() != statement.subject_sha256
            || statement.subject.task != self.task
        {
            return Err(BadStatement::Inconsistent(
                "the subject is not the one that is cited",
            ));
        }
        let known = statement.alg == "ed25519" && statement.subject.v == 1;
        if !known || statement.meaning != MEANING || !is_nonce(&statement.nonce) {
            return Err(BadStatement::Inconsistent(
                "unknown algorithm, version or meaning, or no nonce",
            ));
        }
        self.check_ink(Some(statement.ink_sha256))?;
        Ok(statement)
    }

    fn open<T: DeserializeOwned + Serialize>(
        &self,
        kind: StatementKind,
    ) -> Result<T, BadStatement> {
        if self.body.len() > MAX_STATEMENT_BYTES {
            return Err(BadStatement::TooLong);
        }
        if self.kind != kind {
            return Err(BadStatement::Malformed("another kind".into()));
        }
        if !signing::verify(&self.key, kind.payload_type(), &self.body, &self.sig) {
            return Err(BadStatement::BadSignature);
        }
        let parsed: T = serde_json::from_slice(&self.body)
            .map_err(|e| BadStatement::Malformed(e.to_string()))?;
        if canonical::to_vec(&parsed) != self.body {
            return Err(BadStatement::Malformed("not in canonical form".into()));
        }
        Ok(parsed)
    }

    fn check_ink(&self, expected: Option<Sha256>) -> Result<(), BadStatement> {
        if self.ink.as_deref().map(Sha256::of) != expected {
            return Err(BadStatement::WrongInk);
        }
        match self.ink.as_deref().map(ink::read) {
            Some(Err(fault)) => Err(BadStatement::NoInk(fault)),
            _ => Ok(()),
        }
    }
}

/// What a valid signature is worth against the record as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// Covers the record as it is.
    Current,
    /// Valid for the state that was signed; `changes` were written since.
    Superseded { changes: usize },
    /// The record at the signed heads does not say what was signed.
    Contradicted,
    /// The signed heads are not all here yet.
    NotHereYet,
}

/// Holds a subject against the record.
pub fn standing(subject: &Subject, record: &RecordDoc) -> Standing {
    if !subject.heads.iter().all(|h| record.contains(h)) {
        return Standing::NotHereYet;
    }
    if !subject.matches(record) {
        return Standing::Contradicted;
    }
    match record.since(&subject.heads).len() {
        0 => Standing::Current,
        changes => Standing::Superseded { changes },
    }
}

/// Whether the team that signed is the team as it now is: `view` is the record at the signed heads.
/// Who was relieved since does not count, and who joined since has signed nothing (D4).
pub fn team_stands(view: &View, team: &[Member]) -> bool {
    let signs = |person: &&&str| {
        view.text(&format!("team/{person}/status")) != "relieved"
            && view.text(&format!("team/{person}/role")) != "expert"
    };
    let people = view.entries("team");
    let then: BTreeSet<&str> = people.iter().filter(signs).copied().collect();
    let inspectors = team.iter().filter(|m| m.role != Role::Expert);
    let now: BTreeSet<&str> = inspectors.map(|m| m.person.as_str()).collect();
    then == now
}

/// Whether everybody signed in the role that the record gives them: `view` is the record at the
/// signed heads.
pub fn roles_hold(view: &View, statements: &[Statement]) -> bool {
    statements.iter().all(|s| {
        let role = match s.signer.role {
            Role::Leader => "leader",
            Role::Member => "member",
            Role::Expert => "expert",
        };
        view.text(&format!("team/{}/role", s.signer.person)) == role
    })
}

/// What is still missing before a record is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Missing {
    /// Fewer than two inspectors are on the team.
    TwoInspectors,
    Party,
    Signature {
        person: String,
        name: String,
    },
}

/// A record that its whole team and the party signed in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    pub subject: Subject,
    pub subject_sha256: Sha256,
    pub party: PartyStatement,
    pub statements: Vec<Statement>,
}

impl Seal {
    /// First 8 and last 4 hex digits of the subject's hash, in groups of four: to read aloud.
    pub fn fingerprint(&self) -> String {
        let hex = self.subject_sha256.to_string();
        format!("{} {} {}", &hex[..4], &hex[4..8], &hex[60..])
    }
}

/// The secret in the address at which the party finds its copy of the sealed record (X4): the first 16
/// bytes of SHA-256(`"double-random/copy/v1\n" ‖ hex(party_statement_sha256)`), in hex. The party's
/// statement holds a random nonce and is published nowhere, so nobody else can make the address; a
/// tablet can without having asked the server.
pub fn copy_secret(party_statement: &Sha256) -> String {
    let hash = Sha256::of(format!("double-random/copy/v1\n{party_statement}").as_bytes());
    hash.to_string()[..32].to_owned()
}

/// Whether `rows` seal the record: each of `team` who is not an expert (at least two) signed the
/// same subject of `round` with a valid key, and cites one valid statement of the party. `team` is
/// the team after substitutions. Invalid rows count for nothing.
pub fn seal(team: &[Member], round: u32, rows: &[Signed]) -> Result<Seal, Vec<Missing>> {
    let signers: Vec<&Member> = team.iter().filter(|m| m.role != Role::Expert).collect();
    if signers.len() < 2 {
        return Err(vec![Missing::TwoInspectors]);
    }
    let parties: Vec<(Sha256, PartyStatement)> = rows
        .iter()
        .filter(|r| r.kind == StatementKind::Party)
        .filter_map(|r| Some((r.id(), r.open_party(team).ok()?)))
        .collect();
    let statements: Vec<Statement> = rows
        .iter()
        .filter(|r| r.kind == StatementKind::Inspector)
        .filter_map(|r| r.open_inspector(team).ok())
        .filter(|s| s.subject.round == round)
        .collect();
    let mut best: Option<Vec<Missing>> = None;
    for (party_id, party) in &parties {
        let fitting = |s: &&Statement| {
            s.party_statement_sha256 == *party_id && s.subject_sha256 == party.subject_sha256
        };
        let found: Vec<&Statement> = statements.iter().filter(fitting).collect();
        let missing: Vec<Missing> = signers
            .iter()
            .filter(|m| !found.iter().any(|s| s.signer.person == m.person))
            .map(|m| Missing::Signature {
                person: m.person.clone(),
                name: m.name.clone(),
            })
            .collect();
        if let (true, Some(first)) = (missing.is_empty(), found.first()) {
            return Ok(Seal {
                subject: first.subject.clone(),
                subject_sha256: first.subject_sha256,
                party: party.clone(),
                statements: found.into_iter().cloned().collect(),
            });
        }
        if !found.is_empty() && best.as_ref().is_none_or(|b| missing.len() < b.len()) {
            best = Some(missing);
        }
    }
    Err(best.unwrap_or_else(|| {
        let unsigned = signers.iter().map(|m| Missing::Signature {
            person: m.person.clone(),
            name: m.name.clone(),
        });
        std::iter::once(Missing::Party).chain(unsigned).collect()
    }))
}
