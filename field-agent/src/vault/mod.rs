//! The vault: who may open this tablet, and with what.
//!
//! A small plain SQLite file holds what the unlock screen needs before anybody has unlocked: the
//! inspectors' cards, their key slots, PIN attempts, and counters without content. Everything else
//! lies in the encrypted store, whose key is wrapped once per inspector ([`slot`]). The vault also
//! holds the epoch and so notices when only the store was put back from a copy.
//!
//! Limit: without a key store of the operating system the device secret is a file that only this
//! user can read. Who can copy the whole data folder can then try PINs at the speed of Argon2id
//! (a six-digit PIN at 0.1 s a guess lasts 28 hours at most); counting attempts does not bind them.

pub mod slot;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::ports::Random;
use slot::{Opened, PinCost, Sealed, SlotError};

/// Wrong PINs in a row after which a slot is closed.
pub const MAX_FAILURES: u32 = 10;
/// Least number of characters of a PIN.
pub const PIN_MIN: usize = 6;
const PIN_MAX: usize = 64;
/// Failures that cost no waiting.
const FREE_FAILURES: u32 = 3;

const MIGRATIONS: &[&str] = &[include_str!("vault_1.sql")];

/// An inspector with a slot on this tablet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub person: String,
    pub name: String,
    pub unit: String,
    pub certificate: String,
    /// Ed25519 public key.
    pub public_key: [u8; 32],
    pub failures: u32,
    /// Until when the next try is refused, ms.
    pub wait_until: Option<i64>,
}

/// Why a PIN did not open.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// Nobody of that id has a slot here.
    #[error("no slot for {0}")]
    NoSlot(String),
    /// Wrong; so many tries are left.
    #[error("wrong PIN, {tries_left} tries left")]
    WrongPin { tries_left: u32, wait_ms: i64 },
    /// Too early after a wrong PIN.
    #[error("wait {wait_ms} ms")]
    Wait { wait_ms: i64 },
    /// Too many wrong PINs.
    #[error("slot closed")]
    Closed,
    #[error(transparent)]
    Slot(#[from] SlotError),
    #[error("vault: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// A PIN that cannot be taken, with the reason in Chinese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WeakPin(pub String);

/// Checks a new PIN: 6 to 64 characters, not one repeated, not a plain sequence.
pub fn check_new_pin(pin: &str) -> Result<(), WeakPin> {
    let chars: Vec<u32> = pin.chars().map(u32::from).collect();
    if !(PIN_MIN..=PIN_MAX).contains(&chars.len()) {
        return Err(WeakPin(format!("PIN 应为 {PIN_MIN} 至 {PIN_MAX} 位。")));
    }
    let step = |by: i64| {
        chars
            .windows(2)
            .all(|w| i64::from(w[1]) - i64::from(w[0]) == by)
    };
    if step(0) || step(1) || step(-1) {
        return Err(WeakPin(
            "PIN 太容易猜到：不要用同一个字符或连续的数字。".into(),
        ));
    }
    Ok(())
}

/// The open vault.
pub struct Vault {
    db: Connection,
    device_secret: zeroize::Zeroizing<[u8; 32]>,
    /// Until when a person's next try is refused, by the clock that never jumps.
    waits: HashMap<String, i64>,
}

impl Vault {
    /// Opens or makes the vault in `path`.
    pub fn open(
        path: &Path,
        device_secret: [u8; 32],
        random: &mut dyn Random,
    ) -> rusqlite::Result<Self> {
        let mut db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        crate::store::migrate::run(&mut db, MIGRATIONS)?;
        let vault = Vault {
            db,
            device_secret: zeroize::Zeroizing::new(device_secret),
            waits: HashMap::new(),
        };
        if vault.get("agent")?.is_none() {
            let mut id = [0; 8];
            random.fill(&mut id);
            vault.set("agent", &hex::encode(id))?;
        }
        Ok(vault)
    }

    /// Version of SQLCipher; `None` when the linked SQLite does not encrypt.
    pub fn cipher_version(&self) -> rusqlite::Result<Option<String>> {
        crate::store::cipher_version(&self.db)
    }

    /// A plain fact such as `agent`, `server`, `device`, `device_name`, `epoch`.
    pub fn get(&self, key: &str) -> rusqlite::Result<Option<String>> {
        self.db
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |r| r.get(0))
            .optional()
    }

    /// Writes a plain fact.
    pub fn set(&self, key: &str, value: &str) -> rusqlite::Result<()> {
        self.db
            .execute("INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2", [key, value])
            .map(drop)
    }

    /// Removes a plain fact.
    pub fn unset(&self, key: &str) -> rusqlite::Result<()> {
        self.db
            .execute("DELETE FROM meta WHERE key = ?1", [key])
            .map(drop)
    }

    /// A plain fact that is a number.
    pub fn get_i64(&self, key: &str) -> rusqlite::Result<Option<i64>> {
        Ok(self.get(key)?.and_then(|v| v.parse().ok()))
    }

    /// The inspectors of this tablet, in the order of enrolment. `monotonic`: see [`Vault::unlock`].
    pub fn cards(&mut self, now: i64, monotonic: i64) -> rusqlite::Result<Vec<Card>> {
        let mut cards = self
            .db
            .prepare(
                "SELECT person, name, unit, certificate, public_key, failures FROM slot ORDER BY position",
            )?
            .query_map([], |r| {
                Ok(Card {
                    person: r.get(0)?,
                    name: r.get(1)?,
                    unit: r.get(2)?,
                    certificate: r.get(3)?,
                    public_key: r.get(4)?,
                    failures: r.get(5)?,
                    wait_until: None,
                })
            })?
            .collect::<rusqlite::Result<Vec<Card>>>()?;
        for card in &mut cards {
            let wait = self.wait(&card.person, card.failures, monotonic);
            card.wait_until = (wait > 0).then_some(now + wait);
        }
        Ok(cards)
    }

    /// How long the next try of a person has to wait. The count of failures is on disk; the time is
    /// that of a clock which nobody can set, and begins anew with every start of the process.
    fn wait(&mut self, person: &str, failures: u32, monotonic: i64) -> i64 {
        let whole = pause_ms(failures);
        if whole == 0 {
            return 0;
        }
        let until = self
            .waits
            .entry(person.to_owned())
            .or_insert(monotonic + whole);
        (*until - monotonic).max(0)
    }

    /// The number of the enforcement certificate, as rosters have it.
    pub fn set_certificate(&self, person: &str, certificate: &str) -> rusqlite::Result<()> {
        self.db
            .execute(
                "UPDATE slot SET certificate = ?2 WHERE person = ?1 AND certificate <> ?2",
                [person, certificate],
            )
            .map(drop)
    }

    /// Makes the slots of an enrolment, all or none: wraps the data key and each person's signing seed
    /// under the PIN. Slots of an enrolment that broke off are gone: their data key opens nothing here.
    pub fn set_slots(
        &mut self,
        slots: &[NewSlot<'_>],
        data_key: &[u8; 32],
        cost: PinCost,
        random: &mut dyn Random,
    ) -> Result<(), UnlockError> {
        let agent = self.get("agent")?.unwrap_or_default();
        let mut sealed = Vec::new();
        for s in slots {
            let opened = Opened {
                data_key: *data_key,
                signing_seed: *s.signing_seed,
            };
            sealed.push(slot::seal(
                &agent,
                s.person,
                s.pin,
                &self.device_secret,
                cost,
                &opened,
                random,
            )?);
        }
        let tx = self.db.transaction()?;
        tx.execute("DELETE FROM slot", [])?;
        for (position, (s, sealed)) in slots.iter().zip(&sealed).enumerate() {
            tx.execute(
                "INSERT INTO slot(person, position, name, unit, certificate, public_key, salt, m_kib, passes, nonce, sealed, failures, failed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0)",
                params![s.person, position as i64, s.name, s.unit, s.certificate, s.public_key, sealed.salt,
                    sealed.cost.m_kib, sealed.cost.passes, sealed.nonce, sealed.bytes],
            )?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Opens the slot of `person`. The attempt is on disk before the PIN is tried, so that ending the
    /// process in between wins nobody a free guess. `monotonic`: milliseconds of a clock that nobody
    /// can set, by which failures are slowed.
    pub fn unlock(
        &mut self,
        person: &str,
        pin: &str,
        now: i64,
        monotonic: i64,
    ) -> Result<Opened, UnlockError> {
        let agent = self.get("agent")?.unwrap_or_default();
        let row = self.db.query_row(
            "SELECT salt, m_kib, passes, nonce, sealed, failures FROM slot WHERE person = ?1",
            [person],
            |r| {
                let cost = PinCost {
                    m_kib: r.get(1)?,
                    passes: r.get(2)?,
                };
                let sealed = Sealed {
                    salt: r.get(0)?,
                    cost,
                    nonce: r.get(3)?,
                    bytes: r.get(4)?,
                };
                Ok((sealed, r.get::<_, u32>(5)?))
            },
        );
        let Some((sealed, failures)) = row.optional()? else {
            return Err(UnlockError::NoSlot(person.to_owned()));
        };
        if failures >= MAX_FAILURES {
            return Err(UnlockError::Closed);
        }
        let wait = self.wait(person, failures, monotonic);
        if wait > 0 {
            return Err(UnlockError::Wait { wait_ms: wait });
        }
        let failures = failures + 1;
        self.db.execute(
            "UPDATE slot SET failures = ?2, failed_at = ?3 WHERE person = ?1",
            params![person, failures, now],
        )?;
        self.waits
            .insert(person.to_owned(), monotonic + pause_ms(failures));
        match slot::open(&agent, person, pin, &self.device_secret, &sealed) {
            Ok(opened) => {
                self.db.execute(
                    "UPDATE slot SET failures = 0, failed_at = 0 WHERE person = ?1",
                    [person],
                )?;
                self.waits.remove(person);
                Ok(opened)
            }
            Err(SlotError::WrongPin) if failures >= MAX_FAILURES => Err(UnlockError::Closed),
            Err(SlotError::WrongPin) => Err(UnlockError::WrongPin {
                tries_left: MAX_FAILURES - failures,
                wait_ms: pause_ms(failures),
            }),
            Err(other) => Err(other.into()),
        }
    }
}

impl Vault {
    /// Destroys every key on this tablet. From here on nothing of the store can be read by anybody; its
    /// files are removed after it, also by the next start if this one dies. `ordered_at`: when the
    /// server ordered it, ms; the unlock screen says so until the tablet is enrolled again.
    pub fn destroy_keys(&mut self, ordered_at: Option<i64>) -> rusqlite::Result<()> {
        self.db.pragma_update(None, "secure_delete", true)?;
        let tx = self.db.transaction()?;
        tx.execute("DELETE FROM slot", [])?;
        tx.execute(
            "DELETE FROM meta WHERE key IN ('device', 'epoch', 'generation', 'device_keys', 'unconfirmed_records', 'unconfirmed_photos')",
            [],
        )?;
        tx.execute(
            "INSERT OR REPLACE INTO meta(key, value) VALUES ('wiping', '1')",
            [],
        )?;
        if let Some(at) = ordered_at {
            tx.execute(
                "INSERT OR REPLACE INTO meta(key, value) VALUES ('wiped_at', ?1)",
                [at.to_string()],
            )?;
        }
        tx.commit()?;
        self.waits.clear();
        // The pages that held the slots are not left in the log either.
        self.db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// A copy of the vault, for a store that is put aside.
    pub fn copy_to(&self, path: &Path) -> rusqlite::Result<()> {
        self.db
            .execute("VACUUM INTO ?1", [path.to_string_lossy()])
            .map(drop)
    }

    /// The tablet can be enrolled anew; its inspectors get new slots then.
    pub fn forget_enrolment(&self) -> rusqlite::Result<()> {
        self.db.execute_batch(
            "BEGIN IMMEDIATE; DELETE FROM slot;
             DELETE FROM meta WHERE key IN ('device', 'epoch', 'generation', 'device_keys', 'unconfirmed_records', 'unconfirmed_photos');
             COMMIT;",
        )
    }

    /// Whether files are still to be removed.
    pub fn is_wiping(&self) -> rusqlite::Result<bool> {
        Ok(self.get("wiping")?.is_some())
    }

    /// The files are gone. Slots of a later enrolment are bound to `device_secret`.
    pub fn wiped(&mut self, device_secret: [u8; 32]) -> rusqlite::Result<()> {
        self.device_secret = zeroize::Zeroizing::new(device_secret);
        self.db
            .execute("DELETE FROM meta WHERE key = 'wiping'", [])
            .map(drop)
    }
}

/// A slot to be made.
pub struct NewSlot<'a> {
    pub person: &'a str,
    pub name: &'a str,
    pub unit: &'a str,
    pub certificate: &'a str,
    pub pin: &'a str,
    pub public_key: [u8; 32],
    pub signing_seed: &'a [u8; 32],
}

/// How long the next try has to wait: 5 s after the third failure, twice as long after each further one.
fn pause_ms(failures: u32) -> i64 {
    if failures < FREE_FAILURES {
        return 0;
    }
    5_000_i64 << (failures - FREE_FAILURES).min(9)
}

#[cfg(test)]
mod tests;
