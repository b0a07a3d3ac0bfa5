//! Tickets: what chance gives to each id. SPEC.md §5.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// `SHA-256(seed ‖ LF ‖ purpose ‖ LF ‖ id)`, where the seed is 64 hexadecimal digits as text.
pub type Ticket = [u8; 32];

/// A hasher that has taken in the seed and the purpose.
#[derive(Clone)]
pub(crate) struct Tickets {
    hash: Sha256,
    short: Option<Short>,
}

/// Seed, purpose and blinded id are three blocks of SHA-256, of which the first is the seed: the same for all. There
/// are millions of tickets, so the other two are kept ready with a gap for the id.
#[derive(Clone)]
struct Short {
    /// After the block of the seed.
    state: [u32; 8],
    /// The other two blocks, padding included.
    blocks: [u8; 128],
    /// Where the id goes.
    gap: usize,
}

/// FIPS 180-4, 5.3.3.
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

impl Tickets {
    pub fn new(seed: &str, purpose: &str) -> Tickets {
        let rest = format!("\n{purpose}\n");
        let hash = Sha256::new().chain_update(seed).chain_update(&rest);
        Tickets {
            hash,
            short: Short::new(seed.as_bytes(), rest.as_bytes()),
        }
    }

    pub fn of(&self, id: &[u8]) -> Ticket {
        match (&self.short, id.try_into()) {
            (Some(short), Ok(id)) => short.of(id),
            _ => self.hash.clone().chain_update(id).finalize().into(),
        }
    }

    /// The tickets of rows, in order, of which only those are seen that begin with 64 bits up to `bar`.
    pub fn below<'i>(
        &self,
        bar: u64,
        rows: Range<u32>,
        id: impl Fn(u32) -> &'i [u8],
        mut seen: impl FnMut(u32, Ticket),
    ) {
        let mut row = rows.start;
        while let Some(short) = &self.short
            && row + SIDE_BY_SIDE as u32 <= rows.end
        {
            let ids: [Option<&[u8; 64]>; SIDE_BY_SIDE] =
                std::array::from_fn(|n| id(row + n as u32).first_chunk());
            if ids.iter().any(Option::is_none) {
                break;
            }
            for state in short.states(ids.map(|id| id.unwrap_or(&[0; 64]))) {
                if u64::from(state[0]) << 32 | u64::from(state[1]) <= bar {
                    seen(row, bytes_of(state));
                }
                row += 1;
            }
        }
        for row in row..rows.end {
            let ticket = self.of(id(row));
            if head(&ticket) <= bar {
                seen(row, ticket);
            }
        }
    }
}

fn bytes_of(state: [u32; 8]) -> Ticket {
    let mut ticket = [0; 32];
    for (bytes, word) in ticket.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    ticket
}

/// The first 64 bits.
pub(crate) fn head(ticket: &Ticket) -> u64 {
    ticket[..8].iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Tickets that are computed side by side. A processor with SHA instructions waits for one step of a hash before it
/// can take the next; steps of other hashes fill the time.
const SIDE_BY_SIDE: usize = 4;

impl Short {
    /// `None` where it does not come out at three blocks.
    fn new(seed: &[u8], rest: &[u8]) -> Option<Short> {
        let seed: &[u8; 64] = seed.try_into().ok()?;
        let (gap, end) = (rest.len(), rest.len() + 64);
        // Behind the message: one byte 0x80, zeros, and its length in bits as eight bytes.
        if end + 9 > 128 {
            return None;
        }
        let mut state = START;
        compress256(&mut state, &[*seed]);
        let mut blocks = [0; 128];
        blocks[..gap].copy_from_slice(rest);
        blocks[end] = 0x80;
        blocks[120..].copy_from_slice(&(8 * (64 + end as u64)).to_be_bytes());
        Some(Short { state, blocks, gap })
    }

    /// The words of the tickets.
    fn states<const N: usize>(&self, ids: [&[u8; 64]; N]) -> [[u32; 8]; N] {
        let (mut states, mut blocks) = ([self.state; N], [self.blocks; N]);
        for (blocks, id) in blocks.iter_mut().zip(ids) {
            blocks[self.gap..self.gap + 64].copy_from_slice(id);
        }
        for half in 0..2 {
            for (state, blocks) in states.iter_mut().zip(&blocks) {
                compress256(state, &blocks.as_chunks().0[half..=half]);
            }
        }
        states
    }

    fn of(&self, id: &[u8; 64]) -> Ticket {
        let [state] = self.states([id]);
        bytes_of(state)
    }
}

/// The ticket of one id, for checking by hand.
pub fn ticket(seed: &str, purpose: &str, id: &str) -> Ticket {
    Tickets::new(seed, purpose).of(id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    // D2: however it is computed, a ticket is what sha256sum says.
    #[test]
    fn a_ticket_is_the_hash_of_the_text() {
        let (seed, id) = ("5".repeat(64), "a".repeat(64));
        for purpose in [1, 6, 7, 52, 53, 54, 55, 56, 60, 71].map(|n| "p".repeat(n)) {
            for id in ["", "x", &id[1..], &id] {
                let text = format!("{seed}\n{purpose}\n{id}");
                let right: Ticket = Sha256::digest(text).into();
                assert_eq!(
                    ticket(&seed, &purpose, id),
                    right,
                    "{} {}",
                    purpose.len(),
                    id.len()
                );
            }
        }
    }
}
