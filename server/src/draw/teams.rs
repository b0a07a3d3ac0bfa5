//! `/api/draws/{id}/teams`: where only objects were drawn 单随机, the office names who inspects each, before
//! the dispatch and with the reason. Nobody can be named whom a draw could not have dealt.

use std::collections::{BTreeSet, HashMap};

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::routes::{found, view, visible};
use super::store;
use super::substitute::standing;
use super::view::{DrawView, DrawnInspector, ResultRow};
use super::{Step, decide};
use crate::account::{Actor, Right};
use crate::clock::china_date;
use crate::db::Tx;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::journal::{self, Entry};
use crate::plan::{self, PlanMode, PlanView};
use crate::register::{self, Days, Inspector};
use crate::state::AppState;
use crate::task;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(name))
        .routes(routes!(candidates))
}

/// One team for one object, or for many at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TeamInput {
    /// Register ids of drawn objects.
    objects: Vec<String>,
    /// Register ids; of the lead's the first leads.
    inspectors: Vec<String>,
    /// Register ids of experts, who assist and never count.
    #[serde(default)]
    experts: Vec<String>,
    /// Why these, 4 to 200 characters; kept in the journal.
    reason: String,
}

/// Names the team of drawn objects. Each must be able to inspect each of the objects: certificate, district,
/// nobody to be avoided; at least as many of each department as the plan says, at least two.
#[utoipa::path(put, path = "/api/draws/{id}/teams", operation_id = "name_teams", tag = "draw",
    params(("id" = String, Path)), request_body = TeamInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn name(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<TeamInput>,
) -> Result<Json<DrawView>, AppError> {
    let reason = input.reason.trim().to_owned();
    if !(4..=200).contains(&reason.chars().count()) {
        let message = "请写明指定这些人员的理由，4 到 200 个字";
        return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
    }
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = found(tx, &id)?;
            actor.require(Right::Dispatch, &draw.department)?;
            decide(draw.state, Step::Name)?;
            let office = Office::load(tx, &draw.plan, now)?;
            if !matches!(office.plan.mode, PlanMode::Objects { .. }) {
                let text = "这次抽取的检查人员由抽取产生，不能另行指定";
                return Err(AppError::conflict("draw_deals", text));
            }
            let rows = rows(tx, &id, &input.objects)?;
            let (mut team, experts) = (office.all(&input.inspectors)?, office.all(&input.experts)?);
            let place = |p: &&Person| office.place(&p.row.department);
            team.sort_by_key(place);
            let wrong = judge(&office, &rows, &team, &experts);
            if !wrong.is_empty() {
                return Err(AppError::invalid(wrong));
            }
            let drawn = store::result(tx, &id)?;
            let people = |list: &[&Person]| list.iter().map(|p| p.seat()).collect::<Vec<_>>();
            for row in &rows {
                // Who came in for another stands at the place of the one that was drawn.
                if let Some(place) = drawn.iter().find(|d| d.rank == row.rank) {
                    store::set_team(tx, &id, &place.object, &people(&team), &people(&experts))?;
                }
            }
            let entry = Entry::by(&actor, now, "draw.team", format!("draw/{id}")).detail(json!({
                "number": draw.number, "objects": input.objects, "inspectors": input.inspectors,
                "experts": input.experts, "reason": reason }));
            journal::append(tx, &entry)?;
            view(tx, &id, now)
        })
        .await?;
    Ok(Json(view))
}

fn rows(tx: &mut Tx<'_>, draw: &str, objects: &[String]) -> Result<Vec<ResultRow>, AppError> {
    let standing = standing(tx, draw)?;
    let wanted: BTreeSet<&str> = objects.iter().map(String::as_str).collect();
    let rows: Vec<ResultRow> = standing
        .into_iter()
        .filter(|row| wanted.contains(row.object.as_str()))
        .collect();
    if rows.is_empty() || rows.len() != wanted.len() {
        let message = "请选择本次抽中的检查对象";
        return Err(AppError::invalid(vec![FieldError::new("objects", message)]));
    }
    Ok(rows)
}

/// Somebody of one of the departments, with what keeps them out of any team.
struct Person {
    row: Inspector,
    out: Option<&'static str>,
    open: u32,
}

impl Person {
    fn seat(&self) -> DrawnInspector {
        DrawnInspector {
            id: self.row.id.clone(),
            name: self.row.name.clone(),
            unit: self.row.unit.clone(),
            department: self.row.department.clone(),
        }
    }
}

/// What naming needs to know.
struct Office {
    plan: PlanView,
    people: HashMap<String, Person>,
    avoid: BTreeSet<(String, String)>,
}

impl Office {
    fn load(tx: &mut Tx<'_>, plan: &str, now: i64) -> Result<Self, AppError> {
        let plan = plan::store::find(tx, plan)?.ok_or_else(|| AppError::not_found("plan"))?;
        let today = china_date(now).to_string();
        let days = Days {
            today: &today,
            from: &plan.from,
            until: &plan.until,
        };
        let open = task::store::open_counts(tx)?;
        let (mut people, mut avoid) = (HashMap::new(), BTreeSet::new());
        for department in &plan.departments {
            let code = &department.department;
            for one in register::pool_inspectors(tx, code, true, days)? {
                let person = Person {
                    open: open.get(&one.row.id).copied().unwrap_or(0),
                    out: one.out,
                    row: one.row,
                };
                people.insert(person.row.id.clone(), person);
            }
            avoid.extend(register::avoid_pairs(tx, code, &today)?);
        }
        Ok(Self {
            plan,
            people,
            avoid,
        })
    }

    fn place(&self, department: &str) -> usize {
        let all = &self.plan.departments;
        all.iter()
            .position(|d| d.department == department)
            .unwrap_or(all.len())
    }

    fn all(&self, ids: &[String]) -> Result<Vec<&Person>, AppError> {
        let find = |id: &String| {
            self.people.get(id).ok_or_else(|| {
                let message = "请选择参加部门的在岗人员";
                AppError::invalid(vec![FieldError::new("inspectors", message)])
            })
        };
        ids.iter().map(find).collect()
    }

    /// Why somebody cannot inspect an object, in words; `None`: they can.
    fn unfit(&self, person: &Person, object: &ResultRow) -> Option<String> {
        if let Some(out) = person.out {
            let why = match out {
                "no-certificate" => "执法证已过期或未登记",
                _ => "休假或外派",
            };
            return Some(why.to_owned());
        }
        let districts = &person.row.districts;
        if !districts.is_empty() && !districts.contains(&object.district) {
            return Some(format!("不在{}执法", object.district_name()));
        }
        let pair = (person.row.id.clone(), object.object.clone());
        self.avoid
            .contains(&pair)
            .then(|| format!("须回避{}", object.object_name))
    }
}

/// What is wrong with a team for these objects.
fn judge(
    office: &Office,
    objects: &[ResultRow],
    team: &[&Person],
    experts: &[&Person],
) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut say = |text: String| {
        if wrong.len() < 20 {
            wrong.push(FieldError::new("inspectors", text));
        }
    };
    let mut seen = BTreeSet::new();
    for person in team.iter().chain(experts) {
        let name = &person.row.name;
        if !seen.insert(&person.row.id) {
            say(format!("{name}重复"));
        }
        for object in objects {
            if let Some(why) = office.unfit(person, object) {
                say(format!("{name}：{why}"));
            }
        }
    }
    for person in team.iter().filter(|p| p.row.expert) {
        say(format!("{}是专家，不能作为执法检查人员", person.row.name));
    }
    for person in experts.iter().filter(|p| !p.row.expert) {
        say(format!("{}不是专家", person.row.name));
    }
    for department in &office.plan.departments {
        let code = &department.department;
        let own: Vec<&&Person> = team.iter().filter(|p| p.row.department == *code).collect();
        let least = department.team.max(2) as usize;
        if !(least..=::draw::TEAM_MAX as usize).contains(&own.len()) {
            say(format!(
                "{code} 须有 {least} 到 10 名执法检查人员，现为 {} 名",
                own.len()
            ));
        }
        let needs: BTreeSet<&String> = office
            .plan
            .items
            .iter()
            .filter(|i| i.department == *code)
            .flat_map(|i| &i.needs)
            .collect();
        for need in needs {
            if !own.iter().any(|p| p.row.expertise.contains(need)) {
                say(format!("{code} 的检查组中须有人具备“{need}”专长"));
            }
        }
    }
    wrong
}

/// For which objects.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CandidatesInput {
    /// Register ids of drawn objects.
    objects: Vec<String>,
}

/// Somebody who could be named.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Candidate {
    /// Register id.
    id: String,
    /// Name.
    name: String,
    /// Unit.
    unit: String,
    /// Code.
    department: String,
    /// Fixed group, or empty.
    group: String,
    /// Words.
    expertise: Vec<String>,
    /// Whether they assist only.
    expert: bool,
    /// Tasks that are not finished.
    open_tasks: u32,
    /// Why they cannot inspect one of the objects, in words; empty: they can.
    problem: String,
}

/// Who could be named.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Candidates {
    /// Who can first, by department and open tasks.
    rows: Vec<Candidate>,
}

/// Who could inspect all of these objects, and why the others cannot.
#[utoipa::path(post, path = "/api/draws/{id}/candidates", operation_id = "draw_candidates", tag = "draw",
    params(("id" = String, Path)), request_body = CandidatesInput, responses((status = 200, body = Candidates)))]
async fn candidates(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<CandidatesInput>,
) -> Result<Json<Candidates>, AppError> {
    let now = state.now();
    let rows = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            let objects = rows(tx, &id, &input.objects)?;
            let office = Office::load(tx, &draw.plan, now)?;
            let candidate = |person: &Person| Candidate {
                problem: objects
                    .iter()
                    .find_map(|object| office.unfit(person, object))
                    .unwrap_or_default(),
                id: person.row.id.clone(),
                name: person.row.name.clone(),
                unit: person.row.unit.clone(),
                department: person.row.department.clone(),
                group: person.row.group.clone(),
                expertise: person.row.expertise.clone(),
                expert: person.row.expert,
                open_tasks: person.open,
            };
            let mut rows: Vec<Candidate> = office.people.values().map(candidate).collect();
            rows.sort_by_key(|c| {
                let place = office.place(&c.department);
                (
                    !c.problem.is_empty(),
                    place,
                    c.expert,
                    c.open_tasks,
                    c.name.clone(),
                    c.id.clone(),
                )
            });
            Ok(rows)
        })
        .await?;
    Ok(Json(Candidates { rows }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        Deal, DepartmentState, Limits, PlanDepartment, PlanItem, PlanScope, PlanState,
    };

    fn office() -> Office {
        let department = |code: &str, team| PlanDepartment {
            department: code.into(),
            team,
            experts: 0,
            deal: Deal::Person,
            state: DepartmentState::Agreed,
            note: String::new(),
            answered_by_name: None,
            answered_at: None,
        };
        let person = |id: &str, department: &str, expertise: &[&str]| {
            let row = Inspector {
                id: id.into(),
                name: id.into(),
                department: department.into(),
                expertise: expertise.iter().map(|e| (*e).to_owned()).collect(),
                districts: vec!["440304".into()],
                status: "active".into(),
                expert: id.starts_with("expert"),
                ..Inspector::default()
            };
            (
                id.to_owned(),
                Person {
                    row,
                    out: None,
                    open: 0,
                },
            )
        };
        let mut people: HashMap<String, Person> = [
            person("a", "market", &["食品"]),
            person("b", "market", &[]),
            person("c", "market", &[]),
            person("d", "fire", &[]),
            person("e", "fire", &[]),
            person("ill", "market", &["食品"]),
            person("far", "market", &["食品"]),
            person("kin", "market", &["食品"]),
            person("expert", "market", &["食品"]),
        ]
        .into();
        if let Some(ill) = people.get_mut("ill") {
            ill.out = Some("on-leave");
        }
        if let Some(far) = people.get_mut("far") {
            far.row.districts = vec!["440303".into()];
        }
        Office {
            plan: PlanView {
                id: "p".into(),
                department: "market".into(),
                departments: vec![department("market", 2), department("fire", 2)],
                year: 2026,
                title: "示例".into(),
                mode: PlanMode::Double,
                items: vec![PlanItem {
                    id: "i".into(),
                    code: "SC-01".into(),
                    name: "示例事项".into(),
                    department: "market".into(),
                    version: 1,
                    needs: vec!["食品".into()],
                    priority: false,
                }],
                from: "2026-01-01".into(),
                until: "2026-11-30".into(),
                scope: PlanScope::default(),
                named: 0,
                cells: Vec::new(),
                district_minimum: 0,
                yearly_draws: 2,
                exemption: None,
                limits: Limits {
                    visits: None,
                    general_ratio_ppm: 0,
                },
                warnings: Vec::new(),
                reason: String::new(),
                planned: 0,
                state: PlanState::Locked,
                return_reason: None,
                drafted_by: String::new(),
                drafted_by_name: String::new(),
                drafted_at: 0,
                submitted_at: None,
                approved_by_name: None,
                approved_at: None,
                locked_by_name: None,
                locked_at: None,
            },
            people,
            avoid: BTreeSet::from([("kin".to_owned(), "object".to_owned())]),
        }
    }

    // D1: nobody is named whom a draw could not have dealt.
    #[rstest::rstest]
    #[case::right(&["a", "b", "d", "e"], &[], None)]
    #[case::with_an_expert(&["a", "b", "d", "e"], &["expert"], None)]
    #[case::three_of_the_lead(&["a", "b", "c", "d", "e"], &[], None)]
    #[case::one_of_a_department(&["a", "b", "d"], &[], Some("fire"))]
    #[case::nobody_knows_food(&["b", "c", "d", "e"], &[], Some("食品"))]
    #[case::twice_the_same(&["a", "a", "d", "e"], &[], Some("重复"))]
    #[case::on_leave(&["a", "ill", "d", "e"], &[], Some("休假"))]
    #[case::another_district(&["a", "far", "d", "e"], &[], Some("不在福田区执法"))]
    #[case::to_be_avoided(&["a", "kin", "d", "e"], &[], Some("须回避"))]
    #[case::an_expert_does_not_count(&["a", "expert", "d", "e"], &[], Some("专家"))]
    #[case::an_inspector_is_no_expert(&["a", "b", "d", "e"], &["c"], Some("不是专家"))]
    fn a_team_is_judged(
        #[case] team: &[&str],
        #[case] experts: &[&str],
        #[case] says: Option<&str>,
    ) {
        let office = office();
        let all = |ids: &[&str]| -> Vec<String> { ids.iter().map(|i| (*i).to_owned()).collect() };
        let (team, experts) = (all(team), all(experts));
        let object = ResultRow {
            rank: 1,
            cell: "0001".into(),
            object: "object".into(),
            object_name: "示例商行".into(),
            district: "440304".into(),
            district_name: String::new(),
            ticket: String::new(),
            inspectors: Vec::new(),
            experts: Vec::new(),
            week: None,
        };
        let (team, experts) = (office.all(&team).unwrap(), office.all(&experts).unwrap());
        let wrong = judge(&office, &[object], &team, &experts);
        match says {
            None => assert!(wrong.is_empty(), "{wrong:?}"),
            Some(says) => assert!(wrong.iter().any(|w| w.message.contains(says)), "{wrong:?}"),
        }
    }
}
