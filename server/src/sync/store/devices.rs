//! Tablets, and the teams whose inspectors are enrolled on them.

use ::sync::facts::{Former, Member, Role, SigningKey};
use ::sync::ids::Key;

use super::{parsed, to_i64};
use crate::db::{Result, Tx};

/// A tablet as the sync sees it.
#[derive(Debug, Clone)]
pub struct Device {
    pub id: String,
    pub key: Key,
    pub name: String,
    pub department: String,
    pub last_contact_at: Option<i64>,
    pub unsynced: i64,
    pub feed_seq: i64,
    pub revoked: bool,
}

/// The device that holds `key`.
pub fn device_by_key(tx: &mut Tx<'_>, key: &Key) -> Result<Option<Device>> {
    tx.query_opt(
        "SELECT id, name, department, last_contact_at, unsynced, feed_seq, revoked_at IS NOT NULL
         FROM devices WHERE key = $1",
        &[&key.to_string()],
        |r| {
            Ok(Device {
                id: r.get(0)?,
                key: *key,
                name: r.get(1)?,
                department: r.get(2)?,
                last_contact_at: r.get(3)?,
                unsynced: r.get(4)?,
                feed_seq: r.get(5)?,
                revoked: r.get(6)?,
            })
        },
    )
}

/// Whether an active member of the task's team is enrolled on the device.
pub fn may_see(tx: &mut Tx<'_>, device: &str, task: &str) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM task_members m JOIN device_inspectors d ON d.person = m.person
         WHERE m.task = $1 AND d.device = $2 AND m.status = 'active' LIMIT 1",
        &[&task, &device],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// Whether somebody who is or was on the task's team is enrolled on the device: what they bring is
/// judged, and what was told to them before they were relieved may still be on its way (D4).
pub fn may_bring(tx: &mut Tx<'_>, device: &str, task: &str) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM task_members m JOIN device_inspectors d ON d.person = m.person
         WHERE m.task = $1 AND d.device = $2 LIMIT 1",
        &[&task, &device],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// The members of a task with the keys of their tablets that are not revoked.
pub fn team(tx: &mut Tx<'_>, task: &str, active_only: bool) -> Result<Vec<Member>> {
    let mut members = tx.query(
        "SELECT person, name, unit, certificate, role FROM task_members
         WHERE task = $1 AND (status = 'active' OR $2 = 0) ORDER BY position",
        &[&task, &active_only],
        |r| {
            let role: String = r.get(4)?;
            Ok(Member {
                person: r.get(0)?,
                name: r.get(1)?,
                unit: r.get(2)?,
                certificate: r.get(3)?,
                role: match role.as_str() {
                    "leader" => Role::Leader,
                    "expert" => Role::Expert,
                    _ => Role::Member,
                },
                keys: Vec::new(),
            })
        },
    )?;
    for member in &mut members {
        member.keys = tx.query(
            "SELECT d.key, i.key FROM device_inspectors i JOIN devices d ON d.id = i.device
             WHERE i.person = $1 AND d.revoked_at IS NULL ORDER BY i.enrolled_at, d.id",
            &[&member.person],
            |r| {
                Ok(SigningKey {
                    device_key: parsed(r, 0)?,
                    key: parsed(r, 1)?,
                })
            },
        )?;
    }
    Ok(members)
}

/// All who are or were on the team, with every key that they ever signed with: a signature that was
/// good when it was made stays so when its tablet is revoked.
pub fn team_ever(tx: &mut Tx<'_>, task: &str) -> Result<Vec<Member>> {
    let mut members = team(tx, task, false)?;
    for member in &mut members {
        member.keys = tx.query(
            "SELECT d.key, i.key FROM device_inspectors i JOIN devices d ON d.id = i.device
             WHERE i.person = $1 ORDER BY i.enrolled_at, d.id",
            &[&member.person],
            |r| {
                Ok(SigningKey {
                    device_key: parsed(r, 0)?,
                    key: parsed(r, 1)?,
                })
            },
        )?;
    }
    Ok(members)
}

/// Whose work from before a tablet must admit although they write no longer: relieved members with
/// every key that they ever had, and the revoked tablets of those who stay.
pub fn former(tx: &mut Tx<'_>, task: &str) -> Result<Vec<Former>> {
    let relieved: Vec<(String, i64)> = tx.query(
        "SELECT person, COALESCE(relieved_at, 0) FROM task_members
         WHERE task = $1 AND status = 'relieved' ORDER BY relieved_at, position",
        &[&task],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let mut former = Vec::new();
    for member in team_ever(tx, task)? {
        if let Some((_, until)) = relieved.iter().find(|(p, _)| *p == member.person) {
            former.push(Former {
                member,
                until: *until,
            });
            continue;
        }
        let revoked: Vec<(SigningKey, i64)> = tx.query(
            "SELECT d.key, i.key, d.revoked_at FROM device_inspectors i
             JOIN devices d ON d.id = i.device
             WHERE i.person = $1 AND d.revoked_at IS NOT NULL ORDER BY d.revoked_at, d.id",
            &[&member.person],
            |r| {
                let key = SigningKey {
                    device_key: parsed(r, 0)?,
                    key: parsed(r, 1)?,
                };
                Ok((key, r.get(2)?))
            },
        )?;
        if let Some((_, until)) = revoked.last() {
            former.push(Former {
                until: *until,
                member: Member {
                    keys: revoked.iter().map(|(key, _)| key.clone()).collect(),
                    ..member
                },
            });
        }
    }
    Ok(former)
}

/// A device's key, and the persons of a team who are enrolled on it.
pub type DeviceOf = (Key, Vec<String>);

/// Keys of the devices of all persons who are or were on the team, and which of them are revoked.
pub fn writers(tx: &mut Tx<'_>, task: &str) -> Result<(Vec<DeviceOf>, Vec<Key>)> {
    let rows: Vec<(Key, String, bool)> = tx.query(
        "SELECT d.key, i.person, d.revoked_at IS NOT NULL
         FROM task_members m
         JOIN device_inspectors i ON i.person = m.person
         JOIN devices d ON d.id = i.device
         WHERE m.task = $1 ORDER BY d.key",
        &[&task],
        |r| Ok((parsed(r, 0)?, r.get(1)?, r.get(2)?)),
    )?;
    let mut devices: Vec<DeviceOf> = Vec::new();
    let mut revoked = Vec::new();
    for (key, person, is_revoked) in rows {
        if is_revoked && revoked.last() != Some(&key) {
            revoked.push(key);
        }
        match devices.last_mut().filter(|(k, _)| *k == key) {
            Some((_, persons)) => persons.push(person),
            None => devices.push((key, vec![person])),
        }
    }
    Ok((devices, revoked))
}

/// Devices of the active members of a task, without `except`.
pub fn team_devices(tx: &mut Tx<'_>, task: &str, except: &str) -> Result<Vec<String>> {
    tx.query(
        "SELECT DISTINCT i.device FROM task_members m
         JOIN device_inspectors i ON i.person = m.person
         JOIN devices d ON d.id = i.device
         WHERE m.task = $1 AND m.status = 'active' AND d.revoked_at IS NULL AND i.device <> $2
         ORDER BY i.device",
        &[&task, &except],
        |r| r.get(0),
    )
}

/// Notes a contact: version, what is unsynced, free space and how the clocks differ.
pub fn contact(
    tx: &mut Tx<'_>,
    device: &str,
    now: i64,
    status: Option<&::sync::message::DeviceStatus>,
) -> Result<()> {
    tx.execute(
        "UPDATE devices SET last_contact_at = $2 WHERE id = $1",
        &[&device, &now],
    )?;
    if let Some(status) = status {
        let (unsynced, free) = (to_i64(status.unsynced), to_i64(status.free_bytes));
        tx.execute(
            "UPDATE devices SET version = $2, unsynced = $3, free_bytes = $4, clock_offset_ms = $5 WHERE id = $1",
            &[&device, &status.version, &unsynced, &free, &status.clock.saturating_sub(now)],
        )?;
    }
    Ok(())
}
