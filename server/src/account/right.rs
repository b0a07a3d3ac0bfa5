//! What each role may do. This table and [`super::Actor::require`] are the one place for rights.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role 角色 (S1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 名录管理员: keeps items, objects and inspectors.
    Registrar,
    /// 计划管理员: drafts plans.
    Planner,
    /// 抽取管理员: holds draws, dispatches tasks.
    DrawOfficer,
    /// 执法检查人员.
    Inspector,
    /// 审核人员: approves plans, reviews records.
    Supervisor,
    /// 公示人员.
    Publisher,
    /// 联席会议办公室.
    JointOffice,
    /// 审计人员: reads everything, changes nothing.
    Auditor,
    /// 系统管理员: accounts, tablets, departments; no business of the inspections.
    Administrator,
}

impl Role {
    /// All roles, in the order of the flow.
    pub const ALL: [Self; 9] = [
        Self::Registrar,
        Self::Planner,
        Self::DrawOfficer,
        Self::Inspector,
        Self::Supervisor,
        Self::Publisher,
        Self::JointOffice,
        Self::Auditor,
        Self::Administrator,
    ];

    /// As it is written in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registrar => "registrar",
            Self::Planner => "planner",
            Self::DrawOfficer => "draw_officer",
            Self::Inspector => "inspector",
            Self::Supervisor => "supervisor",
            Self::Publisher => "publisher",
            Self::JointOffice => "joint_office",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What the role may do.
    pub const fn rights(self) -> &'static [Right] {
        use Right as R;
        match self {
            Self::Registrar => &[R::ReadOffice, R::EditItems, R::EditRegisters],
            Self::Planner => &[R::ReadOffice, R::EditPlans],
            Self::DrawOfficer => &[
                R::ReadOffice,
                R::HoldDraws,
                R::Dispatch,
                R::AskSubstitution,
                R::CarryBundles,
            ],
            Self::Inspector => &[R::ReadOffice],
            Self::Supervisor => &[
                R::ReadOffice,
                R::ApprovePlans,
                R::ReadRecords,
                R::ReviewRecords,
                R::ReleaseQuarantine,
                R::AskSubstitution,
                R::ApproveSubstitution,
                R::IssueNotices,
            ],
            Self::Publisher => &[R::ReadOffice, R::ReadRecords, R::Publish],
            Self::JointOffice => &[R::ReadOffice, R::ReadRecords, R::ApproveSubstitution],
            Self::Auditor => &[
                R::ReadOffice,
                R::ReadRecords,
                R::ReadJournal,
                R::ReadAccounts,
                R::OpenDraws,
            ],
            Self::Administrator => &[
                R::ReadOffice,
                R::ReadJournal,
                R::ReadAccounts,
                R::ManageAccounts,
                R::EnrolTablets,
                R::ReleaseQuarantine,
                R::CarryBundles,
            ],
        }
    }
}

/// Something that needs permission.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See registers, items, plans, draws and the list of tasks.
    ReadOffice,
    /// Change items and their check sheets.
    EditItems,
    /// Change and import objects, inspectors, avoidances.
    EditRegisters,
    /// Draft plans.
    EditPlans,
    /// Approve and lock plans; never one's own.
    ApprovePlans,
    /// Define, commit and hold draws.
    HoldDraws,
    /// See a draw's sealed openings.
    OpenDraws,
    /// Send drawn tasks to tablets.
    Dispatch,
    /// Ask for a substitution 递补 after a draw.
    AskSubstitution,
    /// Approve or refuse a substitution; never one's own.
    ApproveSubstitution,
    /// Issue notices 检查通知书 to objects; never those that one asked for.
    IssueNotices,
    /// See records with photos and personal data.
    ReadRecords,
    /// Accept or return records; never one's own.
    ReviewRecords,
    /// Publish results and corrections.
    Publish,
    /// Release or discard what was quarantined.
    ReleaseQuarantine,
    /// See the journal.
    ReadJournal,
    /// See accounts and their roles.
    ReadAccounts,
    /// Make and change accounts and departments.
    ManageAccounts,
    /// Issue enrolment codes, revoke tablets.
    EnrolTablets,
    /// Take in bundle files of tablets and make some for them; what is in them stays sealed.
    CarryBundles,
}

/// Where someone has a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In every department.
    Everywhere,
    /// In these departments; none means: nowhere.
    In(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    // S1: who keeps the accounts has no hand in the inspections, and nobody both drafts and approves by one role.
    #[rstest::rstest]
    #[case::administrator_does_not_draw(Role::Administrator, Right::HoldDraws, false)]
    #[case::administrator_does_not_review(Role::Administrator, Right::ReviewRecords, false)]
    #[case::planner_does_not_approve(Role::Planner, Right::ApprovePlans, false)]
    #[case::supervisor_does_not_draft(Role::Supervisor, Right::EditPlans, false)]
    #[case::supervisor_does_not_publish(Role::Supervisor, Right::Publish, false)]
    #[case::auditor_reads_the_journal(Role::Auditor, Right::ReadJournal, true)]
    #[case::auditor_changes_nothing(Role::Auditor, Right::EditRegisters, false)]
    #[case::draw_officer_does_not_approve_substitutions(
        Role::DrawOfficer,
        Right::ApproveSubstitution,
        false
    )]
    #[case::supervisor_approves_substitutions(Role::Supervisor, Right::ApproveSubstitution, true)]
    #[case::inspector_does_not_review(Role::Inspector, Right::ReviewRecords, false)]
    fn roles_are_kept_apart(#[case] role: Role, #[case] right: Right, #[case] granted: bool) {
        assert_eq!(role.rights().contains(&right), granted);
    }

    #[test]
    fn names_lead_back_to_roles() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }
}
