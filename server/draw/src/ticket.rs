//! Tickets: what chance gives to each id. SPEC.md §5.

use sha2::{Digest, Sha256};

/// `SHA-256(seed ‖ LF ‖ purpose ‖ LF ‖ id)`, where the seed is 64 hexadecimal digits as text.
pub type Ticket = [u8; 32];

/// A hasher that has taken in the seed and the purpose.
#[derive(Clone)]
pub(crate) struct Tickets(Sha256);

impl Tickets {
    pub fn new(seed: &str, purpose: &str) -> Tickets {
        let mut hash = Sha256::new();
        hash.update(seed.as_bytes());
        hash.update(b"\n");
        hash.update(purpose.as_bytes());
        hash.update(b"\n");
        Tickets(hash)
    }

    pub fn of(&self, id: &[u8]) -> Ticket {
        self.0.clone().chain_update(id).finalize().into()
    }
}

/// The ticket of one id, for checking by hand.
pub fn ticket(seed: &str, purpose: &str, id: &str) -> Ticket {
    Tickets::new(seed, purpose).of(id.as_bytes())
}
