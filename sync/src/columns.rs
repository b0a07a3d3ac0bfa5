//! The operation columns of a change, decoded strictly and within limits, and encoded.
//!
//! automerge's own decoder panics on some malformed columns and unfolds run lengths without bound,
//! so a change is read here first. Only what a record needs exists: puts of text, whole numbers
//! and truth values into cells of the root map. The layout is automerge's binary format.
//!
//! automerge throws the columns of a change away and writes them anew when it saves a document. Where
//! they come out as other bytes the change's hash is another, and whatever stands on it is lost. So
//! [`encode`] writes what automerge writes, and whatever was encoded otherwise is refused.

use crate::cells::Value;
use crate::chunk::{ChunkError, MAX_CHANGE_BYTES, MAX_CHANGE_OPS};

/// One operation: put `value` into the cell `path` in place of the values that `replaces` wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub path: String,
    pub value: Value,
    /// Operations by number and actor index (0: the author, then the change's other actors).
    pub replaces: Vec<(u64, usize)>,
}

/// Column specifications: id << 4 | type.
mod spec {
    pub const KEY: u64 = 0x15;
    pub const INSERT: u64 = 0x34;
    pub const ACTION: u64 = 0x42;
    pub const VALUE_META: u64 = 0x56;
    pub const VALUE: u64 = 0x57;
    pub const PRED_COUNT: u64 = 0x70;
    pub const PRED_ACTOR: u64 = 0x71;
    pub const PRED_COUNTER: u64 = 0x73;
}

const ACTION_PUT: u64 = 1;

/// Decodes the columns, given as (specification, bytes) in the order of the change.
pub fn decode(columns: &[(u64, &[u8])]) -> Result<Vec<Op>, ChunkError> {
    if !columns.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(ChunkError::Malformed);
    }
    let column = |spec: u64| {
        columns
            .iter()
            .find(|(s, _)| *s == spec)
            .map_or(&[][..], |(_, data)| *data)
    };
    let known = [
        spec::KEY,
        spec::INSERT,
        spec::ACTION,
        spec::VALUE_META,
        spec::VALUE,
        spec::PRED_COUNT,
        spec::PRED_ACTOR,
        spec::PRED_COUNTER,
    ];
    if columns.iter().any(|(spec, _)| !known.contains(spec)) {
        return Err(ChunkError::NotACellPut);
    }
    let paths = runs(column(spec::KEY), Reader::text)?;
    let rows = paths.len();
    let actions = runs(column(spec::ACTION), Reader::uleb)?;
    let puts = actions.len() == rows && actions.iter().all(|a| *a == ACTION_PUT);
    if !puts || no_inserts(column(spec::INSERT))? != rows {
        return Err(ChunkError::NotACellPut);
    }
    let values = values(column(spec::VALUE_META), column(spec::VALUE))?;
    let replaces = replaces(
        column(spec::PRED_COUNT),
        column(spec::PRED_ACTOR),
        column(spec::PRED_COUNTER),
    )?;
    if rows == 0 || values.len() != rows || replaces.len() != rows {
        return Err(ChunkError::Malformed);
    }
    let rows = paths.into_iter().zip(values).zip(replaces);
    Ok(rows
        .map(|((path, value), replaces)| Op {
            path: path.to_owned(),
            value,
            replaces,
        })
        .collect())
}

/// The columns as automerge writes them, ascending; one that would be empty is left out.
pub fn encode(ops: &[Op]) -> Vec<(u64, Vec<u8>)> {
    let mut insert = Vec::new();
    put_uleb(ops.len() as u64, &mut insert);
    let keys = ops.iter().map(|op| op.path.as_str());
    let (mut metas, mut raw) = (Vec::new(), Vec::new());
    for op in ops {
        let before = raw.len();
        let kind = match &op.value {
            Value::Bool(false) => 1,
            Value::Bool(true) => 2,
            Value::Int(n) => {
                put_sleb(*n, &mut raw);
                4
            }
            Value::Str(text) => {
                raw.extend_from_slice(text.as_bytes());
                6
            }
        };
        metas.push(((raw.len() - before) as u64) << 4 | kind);
    }
    let counts = ops.iter().map(|op| op.replaces.len() as u64);
    let replaced = || ops.iter().flat_map(|op| &op.replaces);
    let mut last = 0i64;
    let deltas = replaced().map(|(counter, _)| {
        let counter = i64::try_from(*counter).unwrap_or(i64::MAX);
        let delta = counter - last;
        last = counter;
        delta
    });
    let columns = vec![
        (spec::KEY, in_runs(keys.collect(), put_text)),
        (spec::INSERT, insert),
        (spec::ACTION, in_runs(vec![ACTION_PUT; ops.len()], put_uleb)),
        (spec::VALUE_META, in_runs(metas, put_uleb)),
        (spec::VALUE, raw),
        (spec::PRED_COUNT, in_runs(counts.collect(), put_uleb)),
        (
            spec::PRED_ACTOR,
            in_runs(
                replaced().map(|(_, actor)| *actor as u64).collect(),
                put_uleb,
            ),
        ),
        (spec::PRED_COUNTER, in_runs(deltas.collect(), put_sleb)),
    ];
    let filled = columns.into_iter().filter(|(_, data)| !data.is_empty());
    filled.collect()
}

/// Two or more equal rows one after the other are a run, everything between runs is one group of literals.
fn in_runs<T: Copy + PartialEq>(rows: Vec<T>, put: fn(T, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut literals: Vec<T> = Vec::new();
    let close = |literals: &mut Vec<T>, out: &mut Vec<u8>| {
        if !literals.is_empty() {
            put_sleb(-(literals.len() as i64), out);
            literals.drain(..).for_each(|row| put(row, out));
        }
    };
    for run in rows.chunk_by(PartialEq::eq) {
        if let [one] = run {
            literals.push(*one);
            continue;
        }
        close(&mut literals, &mut out);
        put_sleb(run.len() as i64, &mut out);
        put(run[0], &mut out);
    }
    close(&mut literals, &mut out);
    out
}

/// Appends an unsigned LEB128 number.
pub(crate) fn put_uleb(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Appends a signed LEB128 number.
pub(crate) fn put_sleb(mut n: i64, out: &mut Vec<u8>) {
    loop {
        let byte = n as u8 & 0x7f;
        n >>= 7;
        let last = (n == 0 && byte & 0x40 == 0) || (n == -1 && byte & 0x40 != 0);
        out.push(if last { byte } else { byte | 0x80 });
        if last {
            return;
        }
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_uleb(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Run-length encoded rows: a positive count repeats one value, a negative one is followed by as
/// many literal values; zero, a run of nulls, occurs in no column of a put.
fn runs<'a, T: Clone>(
    data: &'a [u8],
    read: fn(&mut Reader<'a>) -> Result<T, ChunkError>,
) -> Result<Vec<T>, ChunkError> {
    let mut r = Reader(data);
    let mut rows = Vec::new();
    while !r.0.is_empty() {
        let count = r.sleb()?;
        let more = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if more > MAX_CHANGE_OPS - rows.len() {
            return Err(ChunkError::TooManyOperations);
        }
        match count {
            0 => return Err(ChunkError::NotACellPut),
            1.. => {
                let value = read(&mut r)?;
                rows.extend(std::iter::repeat_n(value, more));
            }
            _ => {
                for _ in 0..more {
                    rows.push(read(&mut r)?);
                }
            }
        }
    }
    Ok(rows)
}

/// The insert column: alternating counts of false and true, here one run of false.
fn no_inserts(data: &[u8]) -> Result<usize, ChunkError> {
    let mut r = Reader(data);
    let rows = r.uleb()?;
    if !r.0.is_empty() {
        return Err(ChunkError::NotACellPut);
    }
    usize::try_from(rows).map_err(|_| ChunkError::TooManyOperations)
}

fn values(meta: &[u8], raw: &[u8]) -> Result<Vec<Value>, ChunkError> {
    let mut raw = Reader(raw);
    let mut values = Vec::new();
    let mut total = 0usize;
    for meta in runs(meta, Reader::uleb)? {
        let length = usize::try_from(meta >> 4).map_err(|_| ChunkError::Malformed)?;
        total = total.saturating_add(length);
        if total > MAX_CHANGE_BYTES {
            return Err(ChunkError::TooManyOperations);
        }
        let mut bytes = Reader(raw.take(length)?);
        values.push(match (meta & 0b1111, length) {
            (1, 0) => Value::Bool(false),
            (2, 0) => Value::Bool(true),
            (4, _) => Value::Int(bytes.sleb()?),
            (6, _) => Value::Str(text(bytes.take(length)?)?.to_owned()),
            _ => return Err(ChunkError::NotACellPut),
        });
        if !bytes.0.is_empty() {
            return Err(ChunkError::Malformed);
        }
    }
    if raw.0.is_empty() {
        Ok(values)
    } else {
        Err(ChunkError::Malformed)
    }
}

fn replaces(
    counts: &[u8],
    actors: &[u8],
    counters: &[u8],
) -> Result<Vec<Vec<(u64, usize)>>, ChunkError> {
    let counts = runs(counts, Reader::uleb)?;
    let mut sum = 0u64;
    for count in &counts {
        sum = sum.saturating_add(*count);
        if sum > MAX_CHANGE_OPS as u64 {
            return Err(ChunkError::TooManyOperations);
        }
    }
    let actors = runs(actors, Reader::uleb)?;
    let deltas = runs(counters, Reader::sleb)?;
    if actors.len() as u64 != sum || deltas.len() as u64 != sum {
        return Err(ChunkError::Malformed);
    }
    let mut counter = 0i64;
    let mut ids = Vec::with_capacity(actors.len());
    for (actor, delta) in actors.into_iter().zip(deltas) {
        counter = counter
            .checked_add(delta)
            .filter(|c| *c > 0)
            .ok_or(ChunkError::Malformed)?;
        let actor = usize::try_from(actor).map_err(|_| ChunkError::Malformed)?;
        ids.push((counter.unsigned_abs(), actor));
    }
    let mut ids = ids.into_iter();
    // The counts add up to the number of ids, so each takes its share.
    Ok(counts
        .iter()
        .map(|n| ids.by_ref().take(*n as usize).collect())
        .collect())
}

fn text(bytes: &[u8]) -> Result<&str, ChunkError> {
    std::str::from_utf8(bytes).map_err(|_| ChunkError::Malformed)
}

/// What is left of the bytes.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], ChunkError> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(ChunkError::Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, ChunkError> {
        self.take(1).map(|b| b[0])
    }

    /// Unsigned LEB128 of at most 64 bits, in its shortest form.
    pub fn uleb(&mut self) -> Result<u64, ChunkError> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ChunkError::Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest {
                    Ok(value)
                } else {
                    Err(ChunkError::Malformed)
                };
            }
        }
        Err(ChunkError::Malformed)
    }

    /// Signed LEB128 of at most 64 bits.
    pub fn sleb(&mut self) -> Result<i64, ChunkError> {
        let mut value = 0i64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && !matches!(byte, 0 | 0x7f) {
                return Err(ChunkError::Malformed);
            }
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if byte & 0x40 != 0 && shift < 57 {
                    value |= -1 << (shift + 7);
                }
                return Ok(value);
            }
        }
        Err(ChunkError::Malformed)
    }

    /// Bytes after their length.
    pub fn prefixed(&mut self) -> Result<&'a [u8], ChunkError> {
        let n = usize::try_from(self.uleb()?).map_err(|_| ChunkError::Malformed)?;
        self.take(n)
    }

    fn text(&mut self) -> Result<&'a str, ChunkError> {
        text(self.prefixed()?)
    }

    pub fn count(&mut self, max: u64) -> Result<u64, ChunkError> {
        let n = self.uleb()?;
        if n > max {
            Err(ChunkError::TooManyOperations)
        } else {
            Ok(n)
        }
    }
}
