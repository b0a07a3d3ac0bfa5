//! A tablet that was revoked destroys what it holds when it next talks to its server (F8).
//!
//! The order must be the server's: signed by the key that was pinned at enrolment, for this device.
//! Whoever stands between, or a proxy that answers 403, cannot wipe a tablet. What the tablet could
//! still send went up with the request that was answered so; it is in quarantine at the office.

use std::io;

use sync::ids::Key;
use sync::signing::{self, REVOCATION, Sig};

use super::{Agent, lock, storage};
use crate::api::Problem;
use crate::ports::FetchAnswer;

/// Header of the answer that carries the order, in hex.
const HEADER: &str = "dr-revocation";

/// Whether `answer` is the server's order to `device` to wipe itself.
pub(super) fn is_ordered(answer: &FetchAnswer, server: &Key, device: &Key) -> bool {
    let sig = answer
        .header(HEADER)
        .and_then(|text| hex::decode(text).ok())
        .and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
    answer.status == 403
        && sig.is_some_and(|sig| {
            signing::verify(server, REVOCATION, &signing::revocation(device), &Sig(sig))
        })
}

impl Agent {
    /// Destroys keys, store and photos. The keys go first: from then on nothing can be read, and a
    /// start after a crash goes on with the files.
    pub(super) fn wipe(&self) -> Result<(), Problem> {
        lock(&self.vault)
            .destroy_keys(self.now())
            .map_err(storage)?;
        self.access.end_all_sessions();
        *lock(&self.open) = None;
        self.finish_wiping().map_err(|e| Problem::internal(&e))?;
        self.note("wiped by order of the server");
        self.touch();
        Ok(())
    }

    /// Removes what a wipe has left: all but the vault.
    pub(super) fn finish_wiping(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.data)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name == "photos" || name.starts_with("damaged-") {
                std::fs::remove_dir_all(&path)?;
            } else if name.starts_with("store") {
                std::fs::remove_file(&path)?;
            }
        }
        self.keys.forget()?;
        let secret = self.keys.device_secret(lock(&self.random).as_mut())?;
        lock(&self.vault).wiped(secret).map_err(io::Error::other)
    }
}
