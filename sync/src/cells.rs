//! The cells of a record: which paths exist, what a cell may hold, and who may write it.
//!
//! A record document is one flat map from path to scalar (ADR 0002). This table is the whole
//! schema; admission holds every operation of every change against it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::BlobKind;

/// Version of this table, in the cell `v` of every record.
pub const SCHEMA_VERSION: i64 = 1;

/// The nine result categories of §二(三)4 (U3), in the order of the plan.
pub const CATEGORIES: [&str; 9] = [
    "no_problem",
    "not_published",
    "false_information",
    "unreachable",
    "ordered_to_correct",
    "uncooperative",
    "no_activity",
    "pending",
    "other",
];

/// What a clip of video or sound shows (F9).
pub const CLIP_KINDS: [&str; 5] = ["entry", "identity", "certificates", "check", "refusal"];

/// What a cell holds. Times are milliseconds since 1970 UTC, coordinates 1e-7 degrees, money fen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Bool(bool),
    /// Between -2^53 and 2^53, so that every JSON reader keeps it whole.
    Int(i64),
    Str(String),
}

impl Value {
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(i) => Some(*i),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Value::Str(s.to_owned())
    }
}
impl From<String> for Value {
    fn from(s: String) -> Self {
        Value::Str(s)
    }
}
impl From<i64> for Value {
    fn from(i: i64) -> Self {
        Value::Int(i)
    }
}
impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

/// Who may write a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Server,
    /// Any member of the team.
    Member,
    /// Only the person whom the path names.
    Self_,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    /// A length in bytes, at most this.
    Bytes(u64),
    /// Greatest length in bytes of UTF-8.
    Str(usize),
    /// One of the words between the bars.
    Word(&'static str),
    Sha256,
}

use Kind::{Bool, Bytes, Int, Sha256, Str, Word};
use Writer::{Member, Self_, Server};

/// A path is split at `/`; in a pattern `{item}`, `{point}`, `{person}`, `{id}`, `{n}`,
/// `{category}` and `{word}` stand for one segment of that shape.
const TABLE: &[(&str, Kind, Writer)] = &[
    ("v", Int, Server),
    ("facts/{word}", Str(2000), Server),
    ("item/{item}/name", Str(300), Server),
    ("item/{item}/department", Str(64), Server),
    ("form/{item}/version", Int, Server),
    ("form/{item}/sha256", Sha256, Server),
    ("form/{item}/points", Str(8000), Server),
    ("team/{person}/name", Str(100), Server),
    ("team/{person}/unit", Str(200), Server),
    ("team/{person}/certificate", Str(64), Server),
    ("team/{person}/role", Word("leader|member|expert"), Server),
    ("team/{person}/status", Word("active|relieved"), Server),
    ("round/{n}/opened_at", Int, Server),
    ("round/{n}/remarks", Str(16_000), Server),
    ("round/{n}/late", Str(8000), Server),
    ("visit/certificates_shown_at", Int, Member),
    ("visit/certificates_shown_by", Str(500), Member),
    ("visit/start_at", Int, Member),
    ("visit/end_at", Int, Member),
    ("visit/method", Word("on_site|written|online"), Member),
    ("visit/lat_e7", Int, Member),
    ("visit/lon_e7", Int, Member),
    ("visit/accuracy_cm", Int, Member),
    ("visit/place_source", Word("gps|network|manual"), Member),
    ("visit/place_mock", Bool, Member),
    ("visit/place_note", Str(500), Member),
    ("code/text", Str(2000), Member),
    ("code/how", Word("camera|picture|typed"), Member),
    ("code/read_at", Int, Member),
    ("code/late", Word("network|system|emergency|other"), Member),
    ("code/reason", Str(1000), Member),
    ("point/{item}/{point}/answer", Str(500), Member),
    ("point/{item}/{point}/note", Str(4000), Member),
    ("photo/{id}/sha256", Sha256, Member),
    (
        "photo/{id}/size",
        Bytes(BlobKind::Original.max_bytes()),
        Member,
    ),
    (
        "photo/{id}/media",
        Word("image/jpeg|image/png|image/webp"),
        Member,
    ),
    ("photo/{id}/point", Str(80), Member),
    ("photo/{id}/caption", Str(500), Member),
    ("photo/{id}/taken_at", Int, Member),
    ("photo/{id}/added_at", Int, Member),
    ("photo/{id}/width", Int, Member),
    ("photo/{id}/height", Int, Member),
    ("photo/{id}/lat_e7", Int, Member),
    ("photo/{id}/lon_e7", Int, Member),
    ("photo/{id}/rendition_sha256", Sha256, Member),
    (
        "photo/{id}/rendition_size",
        Bytes(BlobKind::Rendition.max_bytes()),
        Member,
    ),
    ("photo/{id}/thumbnail_sha256", Sha256, Member),
    (
        "photo/{id}/thumbnail_size",
        Bytes(BlobKind::Thumbnail.max_bytes()),
        Member,
    ),
    ("photo/{id}/withdrawn", Bool, Member),
    ("clip/{id}/sha256", Sha256, Member),
    ("clip/{id}/size", Bytes(BlobKind::Clip.max_bytes()), Member),
    (
        "clip/{id}/media",
        Word("video/mp4|video/webm|video/ogg|audio/mp4|audio/webm|audio/ogg|audio/mpeg|audio/wav"),
        Member,
    ),
    (
        "clip/{id}/kind",
        Word("entry|identity|certificates|check|refusal"),
        Member,
    ),
    ("clip/{id}/point", Str(80), Member),
    ("clip/{id}/caption", Str(500), Member),
    ("clip/{id}/recorded_at", Int, Member),
    ("clip/{id}/added_at", Int, Member),
    ("clip/{id}/duration_ms", Int, Member),
    ("clip/{id}/withdrawn", Bool, Member),
    ("document/{id}/title", Str(300), Member),
    ("document/{id}/note", Str(2000), Member),
    ("document/{id}/withdrawn", Bool, Member),
    ("statement/{id}/speaker", Str(100), Member),
    ("statement/{id}/capacity", Str(100), Member),
    ("statement/{id}/text", Str(8000), Member),
    ("statement/{id}/withdrawn", Bool, Member),
    ("sample/{id}/name", Str(300), Member),
    ("sample/{id}/quantity", Str(100), Member),
    ("sample/{id}/note", Str(2000), Member),
    ("sample/{id}/withdrawn", Bool, Member),
    ("cost/{id}/entrusted_by", Str(200), Member),
    ("cost/{id}/purpose", Str(500), Member),
    ("cost/{id}/amount_fen", Int, Member),
    ("cost/{id}/withdrawn", Bool, Member),
    ("witness/{id}/name", Str(100), Member),
    ("witness/{id}/capacity", Str(100), Member),
    ("witness/{id}/ink", Str(24_000), Member),
    ("witness/{id}/withdrawn", Bool, Member),
    ("fee/none", Bool, Member),
    ("result/{item}/{category}", Bool, Member),
    ("result/{item}/note", Str(2000), Member),
    ("handling/opinion", Str(4000), Member),
    ("handling/measure", Str(500), Member),
    ("handling/deadline", Str(10), Member),
    ("party/opinion", Str(4000), Member),
    ("party/name", Str(100), Member),
    ("party/capacity", Str(100), Member),
    ("party/phone", Str(40), Member),
    ("done/{n}/{person}", Int, Self_),
];

/// The patterns of all paths, in the order of the table.
pub(crate) fn patterns() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(pattern, ..)| *pattern)
}

/// The rules for a reader who does not read Rust: the pattern of the path, what it holds, who writes it.
pub fn rules() -> impl Iterator<Item = (&'static str, String, &'static str)> {
    TABLE.iter().map(|(pattern, kind, writer)| {
        let writer = match writer {
            Server => "the server",
            Member if is_written_once(pattern) => "any member, once",
            Member => "any member",
            Self_ => "the person in the path",
        };
        (*pattern, kind.to_string(), writer)
    })
}

/// Why a cell cannot be written so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    #[error("no cell {0} in schema version {SCHEMA_VERSION}")]
    NoSuchCell(String),
    #[error("{path}: {expected} expected")]
    BadValue { path: String, expected: String },
    #[error("{path}: only {who} may write this")]
    NotYours { path: String, who: &'static str },
    #[error("{path}: what a photo or clip is can be written only once")]
    WrittenOnce { path: String },
    #[error("{path}: the form of this task has no such item or check point")]
    NotInForm { path: String },
}

/// A path that the schema knows, with the rule for it.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'p> {
    path: &'p str,
    kind: Kind,
    pub writer: Writer,
}

/// Finds the rule for `path`, which may come from outside.
pub fn find(path: &str) -> Result<Cell<'_>, CellError> {
    let unknown = || CellError::NoSuchCell(path.chars().take(120).collect());
    if path.len() > 160 {
        return Err(unknown());
    }
    let matching = TABLE
        .iter()
        .find(|(pattern, ..)| matches_pattern(pattern, path));
    let (_, kind, writer) = matching.ok_or_else(unknown)?;
    Ok(Cell {
        path,
        kind: *kind,
        writer: *writer,
    })
}

fn matches_pattern(pattern: &str, path: &str) -> bool {
    let mut want = pattern.split('/');
    let mut have = path.split('/');
    loop {
        match (want.next(), have.next()) {
            (None, None) => return true,
            (Some(w), Some(h)) if segment_matches(w, h) => {}
            _ => return false,
        }
    }
}

fn segment_matches(want: &str, have: &str) -> bool {
    let shape = |min: usize, max: usize, ok: fn(u8) -> bool| {
        (min..=max).contains(&have.len()) && have.bytes().all(ok)
    };
    match want {
        "{item}" => shape(1, 32, |b| b.is_ascii_alphanumeric() || b == b'-'),
        "{point}" => shape(1, 32, |b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
        }),
        "{person}" => shape(1, 36, |b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
        }),
        "{id}" => shape(16, 16, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "{n}" => shape(1, 3, |b| b.is_ascii_digit()) && !have.starts_with('0'),
        "{word}" => shape(1, 40, |b| b.is_ascii_lowercase() || b == b'_'),
        "{category}" => CATEGORIES.contains(&have),
        literal => literal == have,
    }
}

impl<'p> Cell<'p> {
    /// Whether the cell may hold `value`.
    pub fn check(&self, value: &Value) -> Result<(), CellError> {
        let ok = match (self.kind, value) {
            (Bool, Value::Bool(_)) => true,
            (Int, Value::Int(i)) => i.unsigned_abs() <= 1 << 53,
            (Bytes(max), Value::Int(i)) => u64::try_from(*i).is_ok_and(|n| n <= max),
            (Str(max), Value::Str(s)) => s.len() <= max && is_plain_text(s),
            (Word(words), Value::Str(s)) => words.split('|').any(|w| w == s),
            (Sha256, Value::Str(s)) => s.parse::<crate::ids::Sha256>().is_ok(),
            _ => false,
        };
        if ok {
            return Ok(());
        }
        Err(CellError::BadValue {
            path: self.path.to_owned(),
            expected: self.kind.to_string(),
        })
    }

    /// Whether `person` of the team (`None`: the server) may write the cell.
    pub fn check_writer(&self, person: Option<&str>) -> Result<(), CellError> {
        let refuse = |who| {
            Err(CellError::NotYours {
                path: self.path.to_owned(),
                who,
            })
        };
        match (self.writer, person) {
            (Server, None) | (Member, Some(_)) => Ok(()),
            (Self_, Some(p)) if self.path.rsplit('/').next() == Some(p) => Ok(()),
            (Server, Some(_)) => refuse("the server"),
            (Self_, _) => refuse("the person named in it"),
            (Member, None) => refuse("a member of the team"),
        }
    }

    /// Whether the cell says what a photo or clip **is**: such a cell is written once. What people say of
    /// it (caption, check point, what a clip shows, that it is withdrawn) they may say anew.
    pub fn is_written_once(&self) -> bool {
        is_written_once(self.path)
    }

    /// The item, and the check point if there is one, that the path speaks of.
    pub fn form_reference(&self) -> Option<(&'p str, Option<&'p str>)> {
        let mut parts = self.path.split('/');
        match (parts.next()?, parts.next(), parts.next()) {
            ("point", Some(item), Some(point)) => Some((item, Some(point))),
            ("result", Some(item), _) => Some((item, None)),
            _ => None,
        }
    }
}

fn is_written_once(path: &str) -> bool {
    let mut parts = path.split('/');
    match (parts.next(), parts.nth(1)) {
        (Some("photo"), Some(word)) => !matches!(word, "caption" | "point" | "withdrawn"),
        (Some("clip"), Some(word)) => !matches!(word, "caption" | "point" | "kind" | "withdrawn"),
        _ => false,
    }
}

/// Text without control characters but line breaks and tabs.
fn is_plain_text(s: &str) -> bool {
    s.chars()
        .all(|c| !c.is_control() || matches!(c, '\n' | '\t'))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bool => f.write_str("true or false"),
            Int => f.write_str("a whole number within ±2^53"),
            Bytes(max) => write!(f, "a whole number from 0 to {max}"),
            Str(max) => write!(f, "text of at most {max} bytes without control characters"),
            Word(words) => write!(f, "one of {words}"),
            Sha256 => f.write_str("64 lower-case hex digits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("visit/start_at", Value::Int(1_764_000_000_000), Some("p1"), true)]
    #[case("visit/start_at", Value::Int(i64::MAX), Some("p1"), false)]
    #[case("visit/start_at", Value::Str("now".into()), Some("p1"), false)]
    #[case("visit/start_at", Value::Int(1), None, false)]
    #[case("facts/number", Value::Str("1".into()), Some("p1"), false)]
    #[case("facts/number", Value::Str("1".into()), None, true)]
    #[case("result/A1/no_problem", Value::Bool(true), Some("p1"), true)]
    #[case("result/A1/guilty", Value::Bool(true), Some("p1"), false)]
    #[case("done/1/p1", Value::Int(1), Some("p1"), true)]
    #[case("done/1/p2", Value::Int(1), Some("p1"), false)]
    #[case("done/01/p1", Value::Int(1), Some("p1"), false)]
    #[case("photo/0123456789abcdef/media", Value::Str("image/jpeg".into()), Some("p1"), true)]
    #[case("photo/0123456789abcdef/media", Value::Str("text/html".into()), Some("p1"), false)]
    #[case("photo/0123456789ABCDEF/media", Value::Str("image/jpeg".into()), Some("p1"), false)]
    #[case("clip/0123456789abcdef/media", Value::Str("video/mp4".into()), Some("p1"), true)]
    #[case("clip/0123456789abcdef/media", Value::Str("text/html".into()), Some("p1"), false)]
    #[case("clip/0123456789abcdef/kind", Value::Str("refusal".into()), Some("p1"), true)]
    #[case("clip/0123456789abcdef/kind", Value::Str("secret".into()), Some("p1"), false)]
    #[case("clip/0123456789abcdef/sha256", Value::Str("ab".into()), Some("p1"), false)]
    #[case("clip/0123456789abcdef/caption", Value::Str("入口".into()), None, false)]
    #[case("photo/0123456789abcdef/size", Value::Int(64 << 20), Some("p1"), true)]
    #[case("photo/0123456789abcdef/size", Value::Int((64 << 20) + 1), Some("p1"), false)]
    #[case("photo/0123456789abcdef/size", Value::Int(-1), Some("p1"), false)]
    #[case("photo/0123456789abcdef/rendition_size", Value::Int(4 << 20), Some("p1"), true)]
    #[case("photo/0123456789abcdef/rendition_size", Value::Int((4 << 20) + 1), Some("p1"), false)]
    #[case("photo/0123456789abcdef/thumbnail_size", Value::Int(256 << 10), Some("p1"), true)]
    #[case("photo/0123456789abcdef/thumbnail_size", Value::Int((256 << 10) + 1), Some("p1"), false)]
    #[case("clip/0123456789abcdef/size", Value::Int(512 << 20), Some("p1"), true)]
    #[case("clip/0123456789abcdef/size", Value::Int((512 << 20) + 1), Some("p1"), false)]
    #[case("point/A1/p1/note", Value::Str("a\u{0}b".into()), Some("p1"), false)]
    #[case("point/A1/p1/note", Value::Str("第一行\n第二行".into()), Some("p1"), true)]
    #[case("point/A1/p1", Value::Str(String::new()), Some("p1"), false)]
    #[case("code/text", Value::Str("91440300MA5FAKE01X".into()), Some("p1"), true)]
    #[case("code/text", Value::Str("91440300MA5FAKE01X".into()), None, false)]
    #[case("code/how", Value::Str("guessed".into()), Some("p1"), false)]
    #[case("code/late", Value::Str("network".into()), Some("p1"), true)]
    #[case("code/read_at", Value::Str("now".into()), Some("p1"), false)]
    #[case("witness/0123456789abcdef/ink", Value::Str("{}".into()), Some("p1"), true)]
    #[case("witness/0123456789abcdef/ink", Value::Str("x".repeat(24_001)), Some("p1"), false)]
    #[case("", Value::Bool(true), Some("p1"), false)]
    fn a_cell_takes_what_its_rule_says_and_nothing_else(
        #[case] path: &str,
        #[case] value: Value,
        #[case] person: Option<&str>,
        #[case] ok: bool,
    ) {
        let outcome = find(path).and_then(|cell| {
            cell.check(&value)?;
            cell.check_writer(person)
        });
        assert_eq!(outcome.is_ok(), ok, "{path}: {outcome:?}");
    }
}
