//! Finds a row by its blinded id, and ids that stand in two cells.
//!
//! Blinded ids are hashes, so they fall evenly into buckets by their first bits, some eight into each; a bucket is
//! sorted by the 32 bits that follow. Nothing depends on that evenness but time: ids that begin alike, which only
//! somebody hostile can bring together, are sorted like any others.

use crate::objects::Ids;
use crate::parallel::{each, halves};
use std::ops::Range;

pub(crate) struct Index {
    /// How many first bits of an id choose its bucket; at least 1.
    bits: u32,
    /// Where each bucket ends among the entries.
    ends: Vec<u32>,
    /// The 32 bits behind those of the bucket, then the row; ascending in each bucket.
    entries: Vec<u64>,
}

/// What one thread sorts: some buckets, and the rows of each cell that fall into them.
struct Share<'s> {
    buckets: Range<usize>,
    rows: Vec<Range<usize>>,
    /// Entries of the shares before.
    before: u32,
    ends: &'s mut [u32],
    entries: &'s mut [u64],
}

impl Index {
    /// `cells` are runs of rows that ascend by id; `starts` are the ids' first 64 bits.
    ///
    /// # Errors
    /// The first row that repeats an id.
    pub fn new(ids: &Ids<'_>, cells: &[Range<usize>], starts: &[u64]) -> Result<Index, u32> {
        let bits = (starts.len() / 8).max(2).next_power_of_two().ilog2();
        let mut index = Index {
            bits,
            ends: vec![0; 1 << bits],
            entries: vec![0; starts.len()],
        };
        let shares = index.shares(cells, starts);
        let repeated = each(shares, |share| share.fill(bits, ids, starts));
        match repeated.into_iter().flatten().min() {
            Some(row) => Err(row),
            None => Ok(index),
        }
    }

    fn shares(&mut self, cells: &[Range<usize>], starts: &[u64]) -> Vec<Share<'_>> {
        let bits = self.bits;
        let below = |bucket: usize| {
            move |cell: &Range<usize>| {
                let rows = &starts[cell.clone()];
                cell.start + rows.partition_point(|s| bucket_of(*s, bits) < bucket)
            }
        };
        let (mut ends, mut entries) = (&mut self.ends[..], &mut self.entries[..]);
        let (mut shares, mut before) = (Vec::new(), 0);
        let cores = halves(starts.len()).len();
        for part in 0..cores {
            let buckets = (part << bits) / cores..((part + 1) << bits) / cores;
            let (from, to) = (below(buckets.start), below(buckets.end));
            let rows: Vec<_> = cells.iter().map(|cell| from(cell)..to(cell)).collect();
            let len: usize = rows.iter().map(Range::len).sum();
            let (mine, rest) = std::mem::take(&mut ends).split_at_mut(buckets.len());
            ends = rest;
            let (own, rest) = std::mem::take(&mut entries).split_at_mut(len);
            entries = rest;
            shares.push(Share {
                buckets,
                rows,
                before,
                ends: mine,
                entries: own,
            });
            before += len as u32;
        }
        shares
    }

    /// The row with this id.
    pub fn find(&self, ids: &Ids<'_>, id: &[u8]) -> Option<u32> {
        let start = start_of(id.first_chunk()?);
        let bucket = bucket_of(start, self.bits);
        let from = bucket.checked_sub(1).map_or(0, |b| self.ends[b]) as usize;
        let entries = &self.entries[from..self.ends[bucket] as usize];
        let key = key_of(start, self.bits);
        let at = entries.partition_point(|e| (e >> 32, ids.of(*e as u32)) < (key, id));
        let row = *entries.get(at)? as u32;
        (ids.of(row) == id).then_some(row)
    }
}

impl Share<'_> {
    /// Puts entries in order; the first row that repeats an id.
    fn fill(self, bits: u32, ids: &Ids<'_>, starts: &[u64]) -> Option<u32> {
        let bucket = |start: u64| bucket_of(start, bits) - self.buckets.start;
        for start in self.rows.iter().flat_map(|rows| &starts[rows.clone()]) {
            self.ends[bucket(*start)] += 1;
        }
        let mut from = 0;
        for end in self.ends.iter_mut() {
            from += std::mem::replace(end, from);
        }
        for row in self.rows.iter().cloned().flatten() {
            let place = &mut self.ends[bucket(starts[row])];
            self.entries[*place as usize] = key_of(starts[row], bits) << 32 | row as u64;
            *place += 1;
        }
        let (mut repeated, mut from) = (None, 0);
        for end in self.ends.iter_mut() {
            let entries = &mut self.entries[from as usize..*end as usize];
            entries.sort_unstable();
            if entries.windows(2).any(|w| w[0] >> 32 == w[1] >> 32) {
                repeated = first(repeated, alike(ids, entries));
            }
            from = *end;
            *end += self.before;
        }
        repeated
    }
}

/// Orders a bucket also among ids that begin alike.
fn alike(ids: &Ids<'_>, entries: &mut [u64]) -> Option<u32> {
    let id = |entry: &u64| ids.of(*entry as u32);
    let mut repeated = None;
    for group in entries.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
        // Rows ascend here, so each cell is a run in order, and a stable sort only merges such runs.
        group.sort_by(|a, b| id(a).cmp(id(b)));
        for pair in group.windows(2).filter(|w| id(&w[0]) == id(&w[1])) {
            repeated = first(repeated, Some(pair[1] as u32));
        }
    }
    repeated
}

fn first(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    a.into_iter().chain(b).min()
}

fn bucket_of(start: u64, bits: u32) -> usize {
    (start >> (64 - bits)) as usize
}

fn key_of(start: u64, bits: u32) -> u64 {
    start << bits >> 32
}

/// The first 64 bits of a blinded id, out of its first sixteen hexadecimal digits.
pub(crate) fn start_of(digits: &[u8; 16]) -> u64 {
    // Eight digits at once: each byte to its value, then neighbours together, twice as wide each time.
    let half = |n: usize| {
        let bytes = digits[n..n + 8].first_chunk().copied().unwrap_or_default();
        let text = u64::from_be_bytes(bytes);
        let values = (text & 0x0f0f_0f0f_0f0f_0f0f) + 9 * (text >> 6 & 0x0101_0101_0101_0101);
        let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
        (fours | fours >> 16) & 0xffff_ffff
    };
    half(0) << 32 | half(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_a_number() {
        for text in [
            "0123456789abcdef",
            "fedcba9876543210",
            "0000000000000000",
            "a0b1c2d3e4f59687",
        ] {
            let right = u64::from_str_radix(text, 16).unwrap();
            assert_eq!(start_of(text.as_bytes().first_chunk().unwrap()), right);
        }
    }
}
