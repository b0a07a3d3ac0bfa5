//! A store that does not open is put aside, and the tablet goes on with an empty one under the same keys (lesson 8).
//!
//! The device's key and the server's lie in the store; so that they outlast it, the vault has them too, sealed under
//! the store's key. What the office has comes back from it with the next sync; what it does not have is in the folder
//! that was put aside, for `field-agent rescue`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rusqlite::Connection;
use zeroize::Zeroizing;

use super::{Agent, lock, storage};
use crate::api::Problem;
use crate::api::unlock::AgentState;
use crate::store::{self, OpenError};
use crate::vault::Vault;
use crate::vault::slot::derive;

/// Under which name the vault keeps the keys.
const KEYS: &str = "device_keys";
/// How the names of folders begin that were put aside.
pub(super) const FOLDER: &str = "damaged-";

/// What a store must have from its first moment.
pub(super) struct StoreKeys {
    pub device_seed: Zeroizing<[u8; 32]>,
    pub server_key: [u8; 32],
}

fn cipher(data_key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*derive(
        data_key,
        "double-random/device-keys/v1",
    )))
}

impl StoreKeys {
    fn seal(&self, data_key: &[u8; 32], nonce: [u8; 24]) -> Option<String> {
        let plain = Zeroizing::new([self.device_seed.as_slice(), &self.server_key].concat());
        let sealed = cipher(data_key).encrypt(&XNonce::from(nonce), plain.as_slice());
        Some(hex::encode(nonce) + &hex::encode(sealed.ok()?))
    }

    fn open(data_key: &[u8; 32], text: &str) -> Option<StoreKeys> {
        let bytes = hex::decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<24>()?;
        let plain = cipher(data_key).decrypt(&XNonce::from(*nonce), sealed);
        let plain = Zeroizing::new(plain.ok()?);
        Some(StoreKeys {
            device_seed: Zeroizing::new(*plain.first_chunk()?),
            server_key: plain.get(32..)?.try_into().ok()?,
        })
    }

    /// Writes them into a fresh store.
    pub(super) fn put(&self, db: &Connection) -> rusqlite::Result<()> {
        store::set_meta(db, "device_seed", self.device_seed.as_slice())?;
        store::set_meta(db, "server_key", &self.server_key)
    }
}

/// Whether the store is damaged and not merely out of reach, busy, or of a newer program.
fn is_damage(error: &OpenError) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, PermissionDenied,
        ReadOnly, TypeMismatch,
    };
    let OpenError::Sqlite(error) = error else {
        return false;
    };
    !matches!(
        error.sqlite_error_code(),
        Some(
            CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | OutOfMemory
                | PermissionDenied
                | ReadOnly
                | TypeMismatch
        )
    )
}

/// Whether every page of the store is what it was.
fn is_whole(db: &Connection) -> bool {
    let keys = ["device_seed", "server_key"];
    let has = |key: &&str| matches!(store::get_meta(db, key), Ok(Some(value)) if value.len() == 32);
    let checked = db.query_row("PRAGMA quick_check(1)", [], |r| r.get::<_, String>(0));
    keys.iter().all(has) && checked.is_ok_and(|told| told == "ok")
}

impl Agent {
    /// Keeps the keys of the open store in the vault as well.
    pub(super) fn keep_keys(&self, data_key: &[u8; 32], keys: &StoreKeys) -> Result<(), Problem> {
        let vault = lock(&self.vault);
        let kept = vault.get(KEYS).map_err(storage)?;
        let kept = kept.and_then(|text| StoreKeys::open(data_key, &text));
        // Another store's would open nothing.
        if kept
            .is_some_and(|k| k.device_seed == keys.device_seed && k.server_key == keys.server_key)
        {
            return Ok(());
        }
        let mut nonce = [0; 24];
        self.fill(&mut nonce);
        match keys.seal(data_key, nonce) {
            Some(sealed) => vault.set(KEYS, &sealed).map_err(storage),
            None => Ok(()),
        }
    }

    /// Puts a store that is damaged aside, with its photos, and unlocks an empty one with the same keys. Returns the
    /// session's token.
    ///
    /// # Errors
    /// `wrong_pin` and the like; `store_whole` when nothing is wrong with it; `keys_lost` when the keys lie only in
    /// the damaged store; `sync_running`.
    pub fn put_store_aside(
        &self,
        person: &str,
        pin: &str,
    ) -> Result<(String, AgentState), Problem> {
        let opened = self.try_pin(person, pin)?;
        {
            let mut open = lock(&self.open);
            if lock(&self.driver).running {
                return Err(Problem::conflict("sync_running", "正在同步，请稍后再试。"));
            }
            let path = self.data.join("store.sqlite");
            let whole = match (&*open, store::open(&path, &opened.data_key)) {
                (Some(open), _) => is_whole(&open.db),
                (None, Ok(db)) => is_whole(&db),
                (None, Err(error)) if is_damage(&error) => false,
                (None, Err(OpenError::Sqlite(error))) => return Err(storage(error)),
                (None, Err(error)) => return Err(Problem::internal(&error)),
            };
            if whole {
                return Err(Problem::conflict(
                    "store_whole",
                    "平板上的记录库没有损坏，不需要另存。",
                ));
            }
            let sealed = lock(&self.vault).get(KEYS).map_err(storage)?;
            let keys = sealed.and_then(|text| StoreKeys::open(&opened.data_key, &text));
            let keys = keys.ok_or_else(|| {
                Problem::conflict(
                    "keys_lost",
                    "设备密钥只存在损坏的记录库里，不能在本机继续；文件已原样保留，请联系管理员导出后重新登记（field-agent rescue）。",
                )
            })?;
            *open = None;
            let failed = |e: io::Error| Problem::internal(&e);
            let folder = self.move_store_aside().map_err(failed)?;
            tracing::warn!(folder = %folder.display(), "a damaged store was put aside");
            let db = store::open(&path, &opened.data_key).map_err(|e| Problem::internal(&e))?;
            keys.put(&db).map_err(storage)?;
        }
        self.note("damaged store put aside");
        self.unlock(person, pin)
    }

    /// Moves store and photos into a folder that can be rescued by itself. Photos first: while the store is here, it
    /// is put aside again after a crash, into the same folder.
    fn move_store_aside(&self) -> io::Result<PathBuf> {
        let begun = folders_aside(&self.data)?;
        let begun = begun.into_iter().find(|f| !f.join("store.sqlite").exists());
        let folder = begun.unwrap_or_else(|| self.data.join(format!("{FOLDER}{}", self.now())));
        fs::create_dir_all(&folder)?;
        copy_vault(&lock(&self.vault), &self.data, &folder)?;
        for name in ["photos", "store.sqlite-wal", "store.sqlite"] {
            match fs::rename(self.data.join(name), folder.join(name)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        let _ = fs::remove_file(self.data.join("store.sqlite-shm"));
        Ok(folder)
    }
}

fn copy_vault(vault: &Vault, data: &Path, folder: &Path) -> io::Result<()> {
    let copy = folder.join("vault.sqlite");
    if !copy.exists() {
        vault.copy_to(&copy).map_err(io::Error::other)?;
    }
    match fs::copy(data.join("device.secret"), folder.join("device.secret")) {
        // The host has a key store of its own.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        copied => copied.map(drop),
    }
}

/// The folders of stores that were put aside.
pub(super) fn folders_aside(data: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(FOLDER) {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
