//! What is shown of substitutions, in the office and to the public.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::evidence::{EvidenceView, may_see};
use super::store::{self, Kept, Request};
use super::{Ground, Kind, RequestState, compute};
use crate::account::{Actor, Right};
use crate::db::{Result, Tx};
use crate::error::AppError;

/// One row of the transcript that followed, in names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowedRow {
    /// Number in the transcript.
    pub number: i64,
    /// `relief`, `replace`, `drop`, `pass`, `avoid` or `add`.
    pub kind: String,
    /// Register id.
    pub object: String,
    /// Name on the day of the draw.
    pub object_name: String,
    /// Who leaves or must avoid.
    pub leaves_name: Option<String>,
    /// Who joins, or the object that takes the place.
    pub comes_name: Option<String>,
    /// Register id of who or what comes.
    pub comes: Option<String>,
}

/// A request for substitution, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubstitutionView {
    pub id: String,
    pub draw: String,
    pub draw_number: String,
    pub kind: Kind,
    /// Register id.
    pub object: String,
    pub object_name: String,
    /// Register id of the inspector, where the kind has one.
    pub person: Option<String>,
    pub person_name: Option<String>,
    pub ground: Ground,
    /// For those who decide, ask or audit; else empty.
    pub explanation: String,
    /// Likewise.
    pub evidence: Option<EvidenceView>,
    pub state: RequestState,
    pub requested_by_name: String,
    /// Milliseconds since the Unix epoch.
    pub requested_at: i64,
    pub decided_by_name: Option<String>,
    pub decided_at: Option<i64>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// What the draw's order made of it, once approved.
    pub followed: Vec<FollowedRow>,
    /// Whether this account can approve or refuse it now.
    pub may_decide: bool,
    /// Whether this account asked for it and can take it back.
    pub may_withdraw: bool,
    /// Whether this account asked for it, and therefore does not decide.
    pub own: bool,
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty())
}

impl From<Kept> for FollowedRow {
    fn from(row: Kept) -> Self {
        Self {
            number: row.number,
            kind: row.kind,
            object: row.object,
            object_name: row.object_name,
            leaves_name: some(row.leaves_name),
            comes_name: some(row.comes_name),
            comes: some(row.comes),
        }
    }
}

/// A request as this account sees it.
pub fn view(tx: &mut Tx<'_>, actor: &Actor, request: Request) -> Result<SubstitutionView> {
    let followed = store::rows_of(tx, &request.id)?;
    let pending = request.state == RequestState::Pending;
    let own = request.requested_by == actor.account;
    let inside = may_see(actor, &request.department);
    Ok(SubstitutionView {
        may_decide: pending && !own && actor.may(Right::ApproveSubstitution, &request.department),
        may_withdraw: pending && own,
        own,
        followed: followed.into_iter().map(FollowedRow::from).collect(),
        explanation: if inside {
            request.explanation
        } else {
            String::new()
        },
        evidence: inside.then(|| request.evidence.into()),
        id: request.id,
        draw: request.draw,
        draw_number: request.draw_number,
        kind: request.kind,
        object: request.object,
        object_name: request.object_name,
        person: some(request.person),
        person_name: some(request.person_name),
        ground: request.ground,
        state: request.state,
        requested_by_name: request.requested_by_name,
        requested_at: request.requested_at,
        decided_by_name: request.decided_by_name,
        decided_at: request.decided_at,
        reason: request.reason,
    })
}

/// A substitution as the public sees it: one step with everything that followed from it, by the
/// blinded ids of the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicSubstitution {
    /// Number of the first row.
    pub number: String,
    /// What was done, in words.
    pub what: String,
    /// The ground, in words.
    pub ground: String,
    /// What followed by itself, in words.
    pub followed: Vec<String>,
}

/// First digits of a blinded id: enough to find it in the transcript.
fn short(id: &str) -> String {
    format!("{}…", id.get(..12).unwrap_or(id))
}

fn words(kind: &str, object: &str, leaves: &str, comes: &str) -> String {
    let (object, out, into) = (short(object), short(leaves), short(comes));
    match (kind, comes.is_empty()) {
        ("relief", false) => format!("检查对象 {object}：检查人员 {out} 退出，由 {into} 递补"),
        ("relief", true) => format!("检查对象 {object}：检查人员 {out} 退出，无人可以递补"),
        ("replace", _) => format!("检查对象 {object} 不再检查，由本组下一候补 {into} 递补"),
        ("drop", _) => format!("检查对象 {object} 不再检查，本组已无候补，予以取消"),
        ("pass", _) => format!("候补对象 {object} 不能检查，予以跳过"),
        ("avoid", _) => format!("检查人员 {out} 应当回避检查对象 {object}"),
        _ => format!("检查对象 {object}：为满足专业要求，增加检查人员 {into}"),
    }
}

/// The steps of `substitutions.csv`.
///
/// # Errors
/// The file is not one of ours.
pub fn public_rows(text: &[u8]) -> std::result::Result<Vec<PublicSubstitution>, AppError> {
    let text = std::str::from_utf8(text).map_err(AppError::internal)?;
    let mut steps: Vec<PublicSubstitution> = Vec::new();
    for line in text.lines().skip(1) {
        let [number, kind, object, leaves, comes, ground, _] = compute::fields(line)?;
        let what = words(kind, object, leaves, comes);
        match (ground, steps.last_mut()) {
            ("follow", Some(step)) => step.followed.push(what),
            _ => steps.push(PublicSubstitution {
                number: number.to_owned(),
                what,
                ground: Ground::parse(ground)
                    .map_or_else(|| ground.to_owned(), |g| g.words().to_owned()),
                followed: Vec::new(),
            }),
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_reads_steps_with_their_grounds_in_words() {
        // D4
        let [a, b, p, q] = ["a", "b", "p", "q"].map(|c| c.repeat(64));
        let text = format!(
            "number,kind,object,out,in,ground,chain\n\
             1,replace,{a},,{b},closed,x\n2,relief,{b},{p},{q},follow,x\n3,drop,{b},,,moved,x\n"
        );
        let steps = public_rows(text.as_bytes()).unwrap();
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].ground, "已停业或者歇业");
        assert!(steps[0].what.contains("由本组下一候补 bbbbbbbbbbbb…"));
        assert_eq!(steps[0].followed.len(), 1);
        assert!(steps[1].what.contains("予以取消"));
    }

    #[test]
    fn no_substitutions_are_no_steps() {
        let steps = public_rows(::draw::no_substitutions().as_bytes()).unwrap();
        assert!(steps.is_empty());
    }
}
