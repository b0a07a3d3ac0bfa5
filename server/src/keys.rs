//! The server's own Ed25519 key: signs checkpoints of the journal, rosters and receipts.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use ed25519_dalek::{Signer, SigningKey};

use crate::rng::{Rng, bytes};

/// The server's key pair.
pub struct ServerKeys {
    signing: SigningKey,
}

impl ServerKeys {
    /// Reads `server.key` (64 hex digits, mode 0600) from the data folder, or makes it on the
    /// first run. A file that cannot be read stops the server: a new key would disown the journal.
    pub fn open(data: &Path, rng: &dyn Rng) -> anyhow::Result<Self> {
        let path = data.join("server.key");
        if path.exists() {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let mut seed = [0; 32];
            hex::decode_to_slice(text.trim(), &mut seed).with_context(|| {
                format!(
                    "{}: expected 64 hex digits; restore it from a backup",
                    path.display()
                )
            })?;
            return Ok(Self {
                signing: SigningKey::from_bytes(&seed),
            });
        }
        let seed = bytes::<32>(rng);
        // Written aside and renamed, so that a crash leaves either no key or a whole one.
        let aside = data.join("server.key.new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .with_context(|| aside.display().to_string())?;
        writeln!(file, "{}", hex::encode(seed))?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        fs::File::open(data)?.sync_all()?;
        Ok(Self {
            signing: SigningKey::from_bytes(&seed),
        })
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// The public half in the form of the wire.
    pub fn key(&self) -> ::sync::ids::Key {
        ::sync::ids::Key(self.public())
    }

    /// Signs these bytes as they are.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// The key pair, for what signs in its own form.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let rng = SeededRng::new(1);
        let first = ServerKeys::open(folder.path(), &rng).unwrap().public();
        let again = ServerKeys::open(folder.path(), &rng).unwrap().public();
        assert_eq!(first, again);
        let mode = fs::metadata(folder.path().join("server.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_stops_the_server() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("server.key"), "not hex").unwrap();
        assert!(ServerKeys::open(folder.path(), &SeededRng::new(1)).is_err());
    }
}
