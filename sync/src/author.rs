//! Who writes: a person on a device, for one document.

use automerge::ActorId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

use crate::ids::{Key, TaskId};

/// The author of changes. The server is the author with an empty `person`.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
pub struct Author {
    /// Public key of the device.
    #[n(0)]
    pub device: Key,
    /// Inspector's id in the register.
    #[n(1)]
    pub person: String,
    /// Grows when the device finds that its store was restored from a copy, so that no actor is
    /// ever used twice.
    #[n(2)]
    pub epoch: u32,
}

impl Author {
    /// The server that holds this key.
    pub fn server(device: Key) -> Self {
        Author {
            device,
            person: String::new(),
            epoch: 0,
        }
    }

    pub fn is_server(&self) -> bool {
        self.person.is_empty()
    }

    /// The automerge actor: the first 16 bytes of
    /// `SHA-256("double-random/actor/v1\n" ‖ hex(device key) ‖ "\n" ‖ person ‖ "\n" ‖ task ‖ "\n" ‖ epoch)`.
    pub fn actor(&self, task: &TaskId) -> ActorId {
        let text = format!(
            "double-random/actor/v1\n{}\n{}\n{task}\n{}",
            self.device, self.person, self.epoch
        );
        ActorId::from(&Hasher::digest(text.as_bytes())[..16])
    }
}
