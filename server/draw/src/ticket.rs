//! Tickets: what chance gives to each id. SPEC.md §5.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

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
        match &self.short {
            Some(short) if id.len() == 64 => short.of(id),
            _ => self.hash.clone().chain_update(id).finalize().into(),
        }
    }
}

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

    fn of(&self, id: &[u8]) -> Ticket {
        let (mut state, mut blocks) = (self.state, self.blocks);
        blocks[self.gap..self.gap + 64].copy_from_slice(id);
        compress256(&mut state, blocks.as_chunks().0);
        let mut ticket = [0; 32];
        for (bytes, word) in ticket.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        ticket
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
