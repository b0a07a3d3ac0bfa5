//! The team as screens show it.

use std::collections::HashSet;

use sync::cells::Value;
use sync::facts::{Member, Role};
use sync::ids::Key;
use sync::signoff::{self, Subject};

use super::Loaded;
use crate::api::tasks::TeamMember;
use crate::store::statements::SignOffRow;

pub fn role_word(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Member => "member",
        Role::Expert => "expert",
    }
}

impl Loaded {
    /// `active` or `relieved`, by the record or the roster, whichever says so first.
    pub(super) fn status_of(&self, person: &str) -> &str {
        let by_record = self.view.text(&format!("team/{person}/status"));
        if by_record == "relieved" || self.roster.relieved_at(person).is_some() {
            "relieved"
        } else {
            "active"
        }
    }

    /// The members who have to sign: neither experts nor relieved.
    pub(super) fn signers(&self) -> Vec<Member> {
        let signs = |m: &&Member| m.role != Role::Expert && self.status_of(&m.person) == "active";
        self.roster.members.iter().filter(signs).cloned().collect()
    }

    /// Whether the team with which a sign-off began is still the team.
    pub(super) fn may_go_on_signing(&self, begun: &SignOffRow) -> bool {
        let Ok(subject) = serde_json::from_str::<Subject>(&begun.subject) else {
            return false;
        };
        let then = self.doc.view_at(&subject.heads);
        then.is_ok_and(|view| signoff::team_stands(&view, &self.signers()))
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
        // Relieved members stand behind the team: their work is in the record.
        let everyone = self.roster.everyone();
        let mut seen = HashSet::new();
        let members = everyone.iter().filter(|m| seen.insert(m.person.as_str()));
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
                relieved_at: self.roster.relieved_at(&m.person),
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
