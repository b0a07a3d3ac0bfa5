//! A small task for tests; persons and companies are made up.

use ::sync::facts::{
    AnswerKind, CheckPoint, CheckSheet, Demand, Member, ObjectFacts, Role, SigningKey, TaskFacts,
};
use ::sync::ids::Key;
use ::sync::signing;

pub fn secret(seed: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
}

pub fn key(seed: u8) -> Key {
    signing::public(&secret(seed))
}

/// Sheet `SP-01` with the points `p1` and `p2`.
pub fn facts() -> TaskFacts {
    let point = |no: u32, content: &str| CheckPoint {
        id: format!("p{no}"),
        no,
        content: content.into(),
        basis: "《中华人民共和国食品安全法》".into(),
        requirement: "在醒目位置公示".into(),
        method: "现场查看".into(),
        answer: AnswerKind::Verdict,
        photo: Demand::OnNonCompliant,
        note: Demand::Optional,
    };
    TaskFacts {
        task: "0190b0a0-0000-7000-8000-000000000001".parse().unwrap(),
        number: "示例抽查〔2026〕1号-0001".into(),
        title: "食品销售双随机抽查".into(),
        department: "sj".into(),
        department_name: "示例市场监督管理局".into(),
        from: "2026-11-01".into(),
        until: "2026-11-30".into(),
        notice: String::new(),
        object: ObjectFacts {
            id: "o-1".into(),
            name: "深圳市示例食品有限公司".into(),
            code: "91440300MA5EXAMPL1".into(),
            address: "示例路一号".into(),
            district: "440304".into(),
            responsible: "钱某".into(),
            contact: "0755-00000000".into(),
            industry: "F521".into(),
            lat_e7: None,
            lon_e7: None,
        },
        history: vec![],
        sheets: vec![CheckSheet {
            item: "SP-01".into(),
            name: "食品销售检查".into(),
            department: "sj".into(),
            version: 1,
            basis: vec!["《中华人民共和国食品安全法》".into()],
            points: vec![point(1, "亮照经营"), point(2, "从业人员健康证明")],
        }],
        portal: None,
    }
}

/// Zhang leads, Li is with him; both on one tablet (device key 2, signing keys 3 and 4).
pub fn team() -> Vec<Member> {
    let member = |person: &str, name: &str, role, seed| Member {
        person: person.into(),
        name: name.into(),
        unit: "示例市场监督管理局".into(),
        certificate: format!("44030{seed}"),
        role,
        keys: vec![SigningKey {
            device_key: key(2),
            key: key(seed),
        }],
    };
    vec![
        member("p-1", "张甲", Role::Leader, 3),
        member("p-2", "李乙", Role::Member, 4),
    ]
}
