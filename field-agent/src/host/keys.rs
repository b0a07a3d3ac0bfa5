//! The device secret as a file that only this user can read.
//!
//! Its limit: who can copy the whole data folder copies the secret with it. Where the operating
//! system has a key store, a host should implement [`KeyStore`] over that.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::ports::{KeyStore, Random};

/// A secret in a file with mode 0600.
pub struct FileKeyStore {
    path: PathBuf,
}

impl FileKeyStore {
    /// The secret lies, or will lie, in `path`.
    pub fn new(path: PathBuf) -> Self {
        FileKeyStore { path }
    }
}

impl KeyStore for FileKeyStore {
    fn device_secret(&self, random: &mut dyn Random) -> io::Result<[u8; 32]> {
        match fs::read(&self.path) {
            Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{} does not hold 32 bytes", self.path.display()),
                )
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let mut secret = [0; 32];
                random.fill(&mut secret);
                let temporary = self.path.with_extension("tmp");
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&temporary)?;
                file.write_all(&secret)?;
                file.sync_all()?;
                fs::rename(&temporary, &self.path)?;
                if let Some(dir) = self.path.parent() {
                    fs::File::open(dir)?.sync_all()?;
                }
                Ok(secret)
            }
            Err(e) => Err(e),
        }
    }

    fn forget(&self) -> io::Result<()> {
        match fs::OpenOptions::new().write(true).open(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e),
            Ok(mut file) => {
                file.write_all(&[0; 32])?;
                file.sync_all()?;
            }
        }
        fs::remove_file(&self.path)
    }

    fn kind(&self) -> &'static str {
        "file"
    }
}
