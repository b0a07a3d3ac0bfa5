//! The process that looks at changes from outside.
//!
//! Admission is strict, but a change that would exhaust memory or time must not take the server
//! with it: it is judged in a child process with a limit on its memory, and killed when it takes
//! too long. Parent and child speak CBOR in frames of four bytes of length (big endian) and content,
//! over the child's standard input and output.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read, Write};

use ::sync::admit::{Batch, Code, Offered, Rights, Verdict, admit_and_save};
use ::sync::author::Author;
use ::sync::cells::Value;
use ::sync::ids::{Key, Sha256, TaskId};
use ::sync::message::BlobKind;
use ::sync::record::{RecordDoc, View};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Greatest frame, in bytes: a whole record and a full sync body.
const MAX_FRAME: usize = 64 * 1024 * 1024;
/// Address space of the child, in bytes.
const MEMORY: u64 = 1024 * 1024 * 1024;

/// One record with the changes that are offered for it.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Job {
    #[n(0)]
    pub task: TaskId,
    /// The document as our own store has it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub cache: Vec<u8>,
    #[n(2)]
    pub server: Key,
    #[n(3)]
    pub devices: Vec<(Key, Vec<String>)>,
    #[n(4)]
    pub revoked: Vec<Key>,
    #[n(5)]
    pub authors: Vec<Author>,
    #[n(6)]
    pub changes: Vec<Offered>,
}

/// What became of a job.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Done {
    /// In the order of the job's changes.
    #[n(0)]
    pub outcomes: Vec<Outcome>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub cache: Vec<u8>,
    /// Heads after admission, sorted.
    #[n(2)]
    pub heads: Vec<Sha256>,
    /// JSON of [`Summary`].
    #[n(3)]
    pub summary: String,
    /// All blobs that the record names.
    #[n(4)]
    pub blobs: Vec<NamedBlob>,
}

/// The verdict on one change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Outcome {
    #[n(0)]
    pub hash: Sha256,
    #[n(1)]
    pub fate: Fate,
    #[n(2)]
    pub code: Option<Code>,
    #[n(3)]
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Fate {
    #[n(0)]
    Admitted,
    #[n(1)]
    Known,
    #[n(2)]
    Waiting,
    #[n(3)]
    Refused,
}

/// A blob that a photo or clip of the record names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NamedBlob {
    /// Id of the photo or clip.
    #[n(0)]
    pub entry: String,
    #[n(1)]
    pub sha256: Sha256,
    #[n(2)]
    pub size: u64,
    #[n(3)]
    pub kind: BlobKind,
}

/// Figures of a record for lists and queues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub points: u32,
    pub answered: u32,
    /// Points answered as non-compliant.
    pub findings: u32,
    pub photos: u32,
    pub conflicts: u32,
    pub round: u32,
    /// Milliseconds, as the record says.
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
}

impl Summary {
    pub fn of(view: &View) -> Self {
        let items = view.entries("form");
        let points = items.iter().map(|item| {
            let points = view.text(&format!("form/{item}/points"));
            points.split(',').filter(|p| !p.is_empty()).count() as u32
        });
        let answers = || {
            view.cells
                .keys()
                .filter(|p| p.starts_with("point/") && p.ends_with("/answer"))
        };
        Summary {
            points: points.sum(),
            answered: answers().filter(|p| !view.text(p).is_empty()).count() as u32,
            findings: answers()
                .filter(|p| view.text(p) == "non_compliant")
                .count() as u32,
            photos: view.standing("photo").len() as u32,
            conflicts: view.conflicts().len() as u32,
            round: view.round(),
            started_at: view.int("visit/start_at"),
            ended_at: view.int("visit/end_at"),
        }
    }
}

/// The blobs that the photos and clips of a record name. Where two authors wrote one cell, what each of
/// them names counts: whoever writes over a colleague's photo hides nothing of it.
pub fn named_blobs(view: &View) -> Vec<NamedBlob> {
    let mut blobs = Vec::new();
    for (collection, prefix, kind) in [
        ("photo", "", BlobKind::Original),
        ("photo", "rendition_", BlobKind::Rendition),
        ("photo", "thumbnail_", BlobKind::Thumbnail),
        ("clip", "", BlobKind::Clip),
    ] {
        for entry in view.entries(collection) {
            let path = |field: &str| format!("{collection}/{entry}/{prefix}{field}");
            let named = names(view, &path("sha256"), &path("size"));
            blobs.extend(named.into_iter().map(|(sha256, size)| NamedBlob {
                entry: entry.to_owned(),
                sha256,
                size,
                kind,
            }));
        }
    }
    blobs
}

/// Hash and size as they are shown, and as each author has them where several stand.
fn names(view: &View, sha256: &str, size: &str) -> BTreeSet<(Sha256, u64)> {
    let standing = |path: &str| view.cells.get(path).map_or(&[][..], Vec::as_slice);
    let (hashes, sizes) = (standing(sha256), standing(size));
    let sizes_of: HashMap<&str, &Value> =
        sizes.iter().map(|w| (w.actor.as_str(), &w.value)).collect();
    let own = hashes
        .iter()
        .filter_map(|w| Some((&w.value, *sizes_of.get(w.actor.as_str())?)));
    let shown = hashes.first().zip(sizes.first());
    shown
        .map(|(h, s)| (&h.value, &s.value))
        .into_iter()
        .chain(own)
        .filter_map(|(h, s)| {
            let size = u64::try_from(s.as_int()?).ok()?;
            Some((h.as_str()?.parse().ok()?, size))
        })
        .collect()
}

/// Judges one job. Pure: the same in the child and in tests.
pub fn judge(job: Job) -> Result<Done, String> {
    let mut record = RecordDoc::load(job.task, &job.cache).map_err(|e| e.to_string())?;
    let rights = Rights {
        server: job.server,
        devices: job.devices.into_iter().collect(),
        revoked: job.revoked,
    };
    let batch = Batch {
        authors: job.authors,
        changes: job.changes,
    };
    let (judged, cache) = admit_and_save(&mut record, &rights, &batch);
    let outcomes = judged.into_iter().map(|j| {
        let (fate, code, detail) = match j.verdict {
            Verdict::Admitted => (Fate::Admitted, None, String::new()),
            Verdict::Known => (Fate::Known, None, String::new()),
            Verdict::Waiting { missing } => {
                let missing: Vec<String> = missing.iter().map(Sha256::to_string).collect();
                (Fate::Waiting, None, missing.join(" "))
            }
            Verdict::Refused { code, detail } => (Fate::Refused, Some(code), detail),
        };
        Outcome {
            hash: j.hash,
            fate,
            code,
            detail,
        }
    });
    let outcomes = outcomes.collect();
    let view = record.view();
    let summary = serde_json::to_string(&Summary::of(&view)).map_err(|e| e.to_string())?;
    Ok(Done {
        outcomes,
        cache,
        heads: record.heads(),
        summary,
        blobs: named_blobs(&view),
    })
}

/// Runs the child: reads jobs from standard input until it ends.
pub fn run() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(
        Resource::As,
        Rlimit {
            current: Some(MEMORY),
            maximum: Some(MEMORY),
        },
    )?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Some(frame) = read_frame(&mut input)? {
        let job: Job = minicbor::decode(&frame).map_err(|e| anyhow::anyhow!("job: {e}"))?;
        let answer: Result<Done, String> = judge(job);
        write_frame(&mut output, &minicbor::to_vec(&answer)?)?;
    }
    Ok(())
}

/// Reads one frame; `None` at the end of the stream.
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(Some(frame))
}

/// Writes one frame.
pub fn write_frame(to: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len())
        .ok()
        .filter(|n| *n as usize <= MAX_FRAME)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "frame too long"))?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(frame)?;
    to.flush()
}
