//! Tablets and enrolment codes in the database.

use ::sync::enrol::{EnrolInspector, EnrolledKey};
use ::sync::ids::{DeviceId, Key};

use super::{DeviceInspector, DeviceRow};
use crate::account::Scope;
use crate::db::{Result, Tx};

/// An enrolment code as it is kept.
#[derive(Debug, Clone)]
pub struct Code {
    pub device_name: String,
    pub department: String,
    pub expires_at: i64,
    /// Key of the tablet that used it.
    pub used_by: Option<String>,
}

/// Keeps a new code by its hash.
pub fn insert_code(
    tx: &mut Tx<'_>,
    code_sha256: &str,
    code: &Code,
    persons: &[String],
    by: &str,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO enrolment_codes (code_sha256, device_name, department, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[&code_sha256, &code.device_name, &code.department, &by, &now, &code.expires_at],
    )?;
    for person in persons {
        tx.execute(
            "INSERT INTO enrolment_code_inspectors (code_sha256, person) VALUES ($1, $2)",
            &[&code_sha256, person],
        )?;
    }
    Ok(())
}

pub fn code(tx: &mut Tx<'_>, code_sha256: &str) -> Result<Option<Code>> {
    tx.query_opt(
        "SELECT device_name, department, expires_at, used_by FROM enrolment_codes WHERE code_sha256 = $1",
        &[&code_sha256],
        |r| {
            Ok(Code {
                device_name: r.get(0)?,
                department: r.get(1)?,
                expires_at: r.get(2)?,
                used_by: r.get(3)?,
            })
        },
    )
}

/// The inspectors that a code stands for.
pub fn code_inspectors(tx: &mut Tx<'_>, code_sha256: &str) -> Result<Vec<EnrolInspector>> {
    tx.query(
        "SELECT i.id, i.name, i.unit FROM enrolment_code_inspectors c JOIN inspectors i ON i.id = c.person
         WHERE c.code_sha256 = $1 ORDER BY i.name, i.id",
        &[&code_sha256],
        |r| Ok(EnrolInspector { person: r.get(0)?, name: r.get(1)?, unit: r.get(2)? }),
    )
}

/// Registers a tablet with its inspectors' keys and uses up the code. A tablet that is known gets
/// further inspectors.
pub fn enrol(
    tx: &mut Tx<'_>,
    code_sha256: &str,
    code: &Code,
    key: &Key,
    version: &str,
    inspectors: &[EnrolledKey],
    now: i64,
) -> Result<DeviceId> {
    let device = DeviceId::of(key);
    let id = device.to_string();
    tx.execute(
        "INSERT INTO devices (id, key, name, department, version, enrolled_at, unsynced, feed_seq)
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version",
        &[
            &id,
            &key.to_string(),
            &code.device_name,
            &code.department,
            &version,
            &now,
        ],
    )?;
    for inspector in inspectors {
        tx.execute(
            "INSERT INTO device_inspectors (device, person, key, enrolled_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (device, person) DO UPDATE SET key = excluded.key, enrolled_at = excluded.enrolled_at",
            &[&id, &inspector.person, &inspector.key.to_string(), &now],
        )?;
    }
    tx.execute(
        "UPDATE enrolment_codes SET used_by = $2, used_at = $3 WHERE code_sha256 = $1",
        &[&code_sha256, &key.to_string(), &now],
    )?;
    Ok(device)
}

/// Whether the tablet is known and was revoked.
pub fn is_revoked(tx: &mut Tx<'_>, device: &DeviceId) -> Result<bool> {
    let revoked: Option<bool> = tx.query_opt(
        "SELECT revoked_at IS NOT NULL FROM devices WHERE id = $1",
        &[&device.to_string()],
        |r| r.get(0),
    )?;
    Ok(revoked == Some(true))
}

/// Whether these are the keys with which the inspectors are registered on the tablet.
pub fn holds(tx: &mut Tx<'_>, device: &DeviceId, inspectors: &[EnrolledKey]) -> Result<bool> {
    let mut all = true;
    for inspector in inspectors {
        let key: Option<String> = tx.query_opt(
            "SELECT key FROM device_inspectors WHERE device = $1 AND person = $2",
            &[&device.to_string(), &inspector.person],
            |r| r.get(0),
        )?;
        all &= key == Some(inspector.key.to_string());
    }
    Ok(all)
}

/// The fleet, as far as `scope` reaches.
pub fn list(tx: &mut Tx<'_>, scope: &Scope) -> Result<Vec<DeviceRow>> {
    let scope = match scope {
        Scope::In(departments) => Some(format!(",{},", departments.join(","))),
        Scope::Everywhere => None,
    };
    let mut rows = tx.query(
        "SELECT id, name, department, version, enrolled_at, last_contact_at, unsynced, free_bytes,
             clock_offset_ms, revoked_at, revoked_reason
         FROM devices WHERE $1 IS NULL OR instr($1, ',' || department || ',') > 0
         ORDER BY revoked_at IS NOT NULL, name, id",
        &[&scope],
        |r| {
            Ok(DeviceRow {
                device: r.get(0)?,
                name: r.get(1)?,
                department: r.get(2)?,
                version: r.get(3)?,
                inspectors: Vec::new(),
                enrolled_at: r.get(4)?,
                last_contact_at: r.get(5)?,
                unsynced: r.get(6)?,
                free_bytes: r.get(7)?,
                clock_offset_ms: r.get(8)?,
                revoked_at: r.get(9)?,
                revoked_reason: r.get(10)?,
            })
        },
    )?;
    for row in &mut rows {
        row.inspectors = tx.query(
            "SELECT i.id, i.name, i.unit FROM device_inspectors d JOIN inspectors i ON i.id = d.person
             WHERE d.device = $1 ORDER BY i.name, i.id",
            &[&row.device],
            |r| Ok(DeviceInspector { person: r.get(0)?, name: r.get(1)?, unit: r.get(2)? }),
        )?;
    }
    Ok(rows)
}

/// Revokes a tablet. False when there is none, or it was revoked before.
pub fn revoke(tx: &mut Tx<'_>, device: &str, reason: &str, now: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE devices SET revoked_at = $2, revoked_reason = $3 WHERE id = $1 AND revoked_at IS NULL",
        &[&device, &now, &reason],
    )?;
    Ok(changed > 0)
}

pub fn department_of(tx: &mut Tx<'_>, device: &str) -> Result<Option<String>> {
    tx.query_opt(
        "SELECT department FROM devices WHERE id = $1",
        &[&device],
        |r| r.get(0),
    )
}
