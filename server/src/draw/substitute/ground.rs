//! On what ground somebody or something is replaced: a code for the transcript, words for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Kind;

/// A ground. There is no "other": what is not on the list is no ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    Ill,
    OnLeave,
    Posted,
    LeftService,
    Suspended,
    CertificateVoid,
    UrgentDuty,
    Interest,
    Kinship,
    FormerPost,
    PartyRequest,
    SelfRequest,
    Closed,
    Cancelled,
    Moved,
    NotFound,
    Duplicate,
    VisitCap,
    UnderCase,
    NoTeam,
}

use Kind::{Avoid, Pass, Relief, Replace};

type Row = (Ground, &'static str, &'static str, &'static [Kind]);

/// Ground, code in the transcript, words, kinds that have it.
const TABLE: [Row; 20] = [
    (Ground::Ill, "ill", "因病不能参加", &[Relief]),
    (Ground::OnLeave, "on-leave", "休假或者请假", &[Relief]),
    (Ground::Posted, "posted", "借调或者调离岗位", &[Relief]),
    (
        Ground::LeftService,
        "left-service",
        "退休或者离职",
        &[Relief],
    ),
    (Ground::Suspended, "suspended", "停止执行职务", &[Relief]),
    (
        Ground::CertificateVoid,
        "certificate-void",
        "执法证失效",
        &[Relief],
    ),
    (
        Ground::UrgentDuty,
        "urgent-duty",
        "参加突发事件处置",
        &[Relief],
    ),
    (
        Ground::Interest,
        "interest",
        "与检查对象有利害关系",
        &[Avoid],
    ),
    (
        Ground::Kinship,
        "kinship",
        "与检查对象的人员有亲属关系",
        &[Avoid],
    ),
    (
        Ground::FormerPost,
        "former-post",
        "曾在检查对象任职",
        &[Avoid],
    ),
    (
        Ground::PartyRequest,
        "party-request",
        "检查对象申请回避，经审查成立",
        &[Avoid],
    ),
    (
        Ground::SelfRequest,
        "self-request",
        "本人申请回避，经审查成立",
        &[Avoid],
    ),
    (Ground::Closed, "closed", "已停业或者歇业", &[Replace, Pass]),
    (
        Ground::Cancelled,
        "cancelled",
        "已注销或者被吊销",
        &[Replace, Pass],
    ),
    (Ground::Moved, "moved", "已迁出管辖区域", &[Replace, Pass]),
    (
        Ground::NotFound,
        "not-found",
        "登记的住所查无此对象",
        &[Replace, Pass],
    ),
    (
        Ground::Duplicate,
        "duplicate",
        "与另一检查对象为同一主体",
        &[Replace, Pass],
    ),
    (
        Ground::VisitCap,
        "visit-cap",
        "本年度检查次数已达上限",
        &[Replace, Pass],
    ),
    (
        Ground::UnderCase,
        "under-case",
        "已被立案调查，不宜同时检查",
        &[Replace, Pass],
    ),
    (
        Ground::NoTeam,
        "no-team",
        "检查组不足两人，且无人可以递补",
        &[Replace],
    ),
];

impl Ground {
    /// All grounds, in the order in which people see them.
    pub const ALL: [Self; 20] = {
        let mut all = [Self::Ill; 20];
        let mut n = 0;
        while n < TABLE.len() {
            all[n] = TABLE[n].0;
            n += 1;
        }
        all
    };

    fn row(self) -> &'static Row {
        // Every ground stands in the table; a test says so.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// The code in the transcript (SPEC.md §2, GROUND).
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// The words for the public.
    pub fn words(self) -> &'static str {
        self.row().2
    }

    /// Whether a request of this kind can have it.
    pub fn fits(self, kind: Kind) -> bool {
        self.row().3.contains(&kind)
    }

    /// The ground of this code.
    pub fn parse(code: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == code).map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ground_has_its_own_code_that_a_transcript_takes() {
        // D4, SPEC §2: 1 to 32 of a-z and -
        for (n, ground) in Ground::ALL.into_iter().enumerate() {
            let code = ground.code();
            assert_eq!(Ground::parse(code), Some(ground));
            assert_eq!(TABLE.iter().filter(|row| row.1 == code).count(), 1);
            assert!((1..=32).contains(&code.len()));
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            assert_ne!(code, "follow");
            // The word in JSON is the code with another joint.
            let json = serde_json::to_value(ground).unwrap();
            assert_eq!(json, code.replace('-', "_"), "{n}");
            assert!(Kind::ALL.into_iter().any(|kind| ground.fits(kind)));
        }
    }
}
