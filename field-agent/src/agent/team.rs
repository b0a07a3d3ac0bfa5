//! The team as screens show it.

use std::collections::HashSet;

use sync::cells::Value;
use sync::facts::{Member, Role};
use sync::ids::Key;

use super::Loaded;
use crate::api::tasks::TeamMember;

pub fn role_word(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Member => "member",
        Role::Expert => "expert",
    }
}

impl Loaded {
    /// `active` or `relieved`, by the record.
    pub(super) fn status_of(&self, person: &str) -> &str {
        match self.view.text(&format!("team/{person}/status")) {
            "relieved" => "relieved",
            _ => "active",
        }
    }

    /// The members who have to sign: neither experts nor relieved.
    pub(super) fn signers(&self) -> Vec<Member> {
        let signs = |m: &&Member| m.role != Role::Expert && self.status_of(&m.person) == "active";
        self.roster.members.iter().filter(signs).cloned().collect()
    }

    /// When the member marked their part of the open round as finished.
    pub(super) fn done_at(&self, person: &str) -> Option<i64> {
        self.view
            .int(&format!("done/{}/{person}", self.view.round()))
    }

    /// Whether the member has written on a tablet other than this one.
    pub(super) fn wrote_elsewhere(&self, person: &str, here: &Key) -> bool {
        self.authors
            .values()
            .any(|a| a.person == person && a.device != *here)
    }

    /// Whether a member, other than through the server, has written anything.
    pub(super) fn begun(&self) -> bool {
        self.authors.values().any(|a| !a.is_server())
    }

    pub(super) fn team(&self, here: &Key) -> Vec<TeamMember> {
        let mut seen = HashSet::new();
        let members = self
            .roster
            .members
            .iter()
            .filter(|m| seen.insert(m.person.as_str()));
        members
            .map(|m| TeamMember {
                person: m.person.clone(),
                name: m.name.clone(),
                unit: m.unit.clone(),
                certificate: m.certificate.clone(),
                role: role_word(m.role).into(),
                status: self.status_of(&m.person).into(),
                me: false,
                can_sign_here: m.keys.iter().any(|k| k.device_key == *here),
                has_key: !m.keys.is_empty(),
                done_at: self.done_at(&m.person),
            })
            .collect()
    }

    /// The open remarks of the supervisor in this round, as stored.
    pub(super) fn remarks(&self, round: u32) -> Vec<crate::api::tasks::RemarkView> {
        match self.view.get(&format!("round/{round}/remarks")) {
            Some(Value::Str(json)) => serde_json::from_str(json).unwrap_or_else(|_| {
                // Whatever the office wrote is shown, even if it is not the form that we know.
                vec![crate::api::tasks::RemarkView {
                    path: String::new(),
                    text: json.clone(),
                }]
            }),
            _ => Vec::new(),
        }
    }
}
