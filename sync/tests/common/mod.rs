//! A task with two items and two inspectors, for the tests of this crate.
#![allow(dead_code)]

use ed25519_dalek::SigningKey as Secret;
use sync::author::Author;
use sync::facts::*;
use sync::ids::{Key, TaskId};
use sync::record::{NewChange, RecordDoc};

pub const NOW: i64 = 1_795_500_000_000;

pub fn task() -> TaskId {
    "0197a000-0000-7000-8000-000000000001".parse().unwrap()
}

pub fn secret(n: u8) -> Secret {
    Secret::from_bytes(&[n; 32])
}

pub fn key(n: u8) -> Key {
    Key(secret(n).verifying_key().to_bytes())
}

/// Device `n` in the hands of `person`.
pub fn author(n: u8, person: &str) -> Author {
    Author {
        device: key(n),
        person: person.into(),
        epoch: 1,
    }
}

pub fn server() -> Author {
    Author::server(key(200))
}

pub fn point(n: u32) -> CheckPoint {
    CheckPoint {
        id: format!("p{n}"),
        no: n,
        content: format!("第{n}项"),
        basis: "《示例法》".into(),
        requirement: "符合要求".into(),
        method: "查看".into(),
        answer: AnswerKind::Verdict,
        photo: Demand::OnNonCompliant,
        note: Demand::OnNonCompliant,
    }
}

pub fn sheet(item: &str, points: u32) -> CheckSheet {
    CheckSheet {
        item: item.into(),
        name: format!("事项{item}"),
        department: "SCJG".into(),
        version: 1,
        basis: vec!["《示例法》".into()],
        points: (1..=points).map(point).collect(),
    }
}

pub fn facts() -> TaskFacts {
    TaskFacts {
        task: task(),
        number: "示例抽查〔2026〕1号-0001".into(),
        title: "示例".into(),
        department: "SCJG".into(),
        department_name: "示例局".into(),
        from: "2026-11-01".into(),
        until: "2026-11-30".into(),
        notice: "通知".into(),
        object: ObjectFacts {
            id: "o1".into(),
            name: "示例公司".into(),
            code: "91440300MA5EXAMPLE".into(),
            address: "示例路1号".into(),
            district: "440304".into(),
            responsible: "示例".into(),
            contact: String::new(),
            industry: "F52".into(),
            lat_e7: None,
            lon_e7: None,
        },
        history: vec![],
        sheets: vec![sheet("A1", 15), sheet("B2", 15)],
        portal: None,
    }
}

pub fn member(n: u8, person: &str, role: Role) -> Member {
    Member {
        person: person.into(),
        name: person.to_uppercase(),
        unit: "示例所".into(),
        certificate: format!("440300{n:04}"),
        role,
        keys: vec![SigningKey {
            device_key: key(n),
            key: key(100 + n),
        }],
    }
}

pub fn team() -> Vec<Member> {
    vec![
        member(1, "zhang", Role::Leader),
        member(2, "li", Role::Member),
    ]
}

pub fn record() -> (RecordDoc, NewChange) {
    RecordDoc::create(&server(), &facts(), &team(), NOW).unwrap()
}

/// Holds `bytes` against the file of that name in `tests/vectors`. `UPDATE_VECTORS=1` writes the
/// files anew: only for a new version of the format.
pub fn golden(name: &str, bytes: &[u8]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let expected = std::fs::read(&path).unwrap();
    assert_eq!(
        String::from_utf8_lossy(bytes),
        String::from_utf8_lossy(&expected),
        "{name}"
    );
}
