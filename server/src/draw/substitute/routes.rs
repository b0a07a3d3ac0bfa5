//! `/api/draws/{id}/substitutions` and `/api/substitutions`: ask, approve, refuse, take back.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::compute::{self, Asked, Followed};
use super::standing::{standing, standing_one};
use super::store::{self, Request, Wanted};
use super::view::{SubstitutionView, view};
use super::{Circumstances, Kind, RequestState, SubstitutionInput, check, decide, follow};
use crate::account::{Actor, Right};
use crate::db::{DbError, Tx};
use crate::draw::DrawState;
use crate::draw::routes::found;
use crate::draw::store::{self as draws, Draw};
use crate::draw::view::ResultRow;
use crate::error::{AppError, FieldError, Kind as ErrorKind, Problem};
use crate::extract::{Json, Page, Paging, Path, Query};
use crate::journal::{self, Entry};
use crate::plan;
use crate::register;
use crate::state::AppState;
use crate::task::team;

/// How often an approval is computed anew because another came between.
const ATTEMPTS: usize = 5;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(ask))
        .routes(routes!(now))
        .routes(routes!(reserves))
        .routes(routes!(approve))
        .routes(routes!(refuse))
        .routes(routes!(withdraw))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Id of a draw.
    draw: Option<String>,
    /// Register id of an object that a request asks about or brings in.
    object: Option<String>,
    state: Option<RequestState>,
}

/// Requests for substitution, those that wait first, then the newest.
#[utoipa::path(get, path = "/api/substitutions", tag = "draw", params(Filter, Paging),
    responses((status = 200, body = Page<SubstitutionView>)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<SubstitutionView>>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let wanted = Wanted {
        draw: filter.draw,
        object: filter.object,
        state: filter.state,
        pattern: paging.pattern(),
        departments: plan::store::departments(actor.scope(Right::ReadOffice)),
        offset: paging.offset,
        limit: paging.limit(),
        ..Wanted::default()
    };
    let page = state
        .db
        .read(move |tx| {
            let (requests, total) = store::list(tx, &wanted)?;
            let mut rows = Vec::with_capacity(requests.len());
            for request in requests {
                rows.push(view(tx, &actor, request)?);
            }
            Ok(Page { rows, total })
        })
        .await?;
    Ok(Json(page))
}

/// The draw, where this account may ask and the draw has a result.
fn open(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<Draw, AppError> {
    let draw = found(tx, id)?;
    actor.require(Right::AskSubstitution, &draw.department)?;
    running(&draw)?;
    Ok(draw)
}

fn running(draw: &Draw) -> Result<(), AppError> {
    if matches!(draw.state, DrawState::Drawn | DrawState::Dispatched) {
        return Ok(());
    }
    Err(AppError::conflict(
        "draw_not_drawn",
        "抽取之后、未作废之前才能递补",
    ))
}

/// The objects with their teams as they stand after substitutions.
#[utoipa::path(get, path = "/api/draws/{id}/standing", tag = "draw", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<ResultRow>), (status = 409, body = Problem)))]
async fn now(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ResultRow>>, AppError> {
    let page = state
        .db
        .read(move |tx| {
            open(tx, &actor, &id)?;
            let wanted = paging.q.trim().to_owned();
            let mut all = standing(tx, &id)?;
            all.retain(|r| wanted.is_empty() || r.object_name.contains(&wanted));
            let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
            let rows = all
                .into_iter()
                .skip(paging.offset as usize)
                .take(paging.limit() as usize)
                .collect();
            Ok(Page { rows, total })
        })
        .await?;
    Ok(Json(page))
}

/// The next reserve of each cell: only these can be passed over.
#[utoipa::path(get, path = "/api/draws/{id}/reserves", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = Page<ResultRow>), (status = 409, body = Problem)))]
async fn reserves(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Page<ResultRow>>, AppError> {
    let rows = state
        .db
        .read(move |tx| {
            open(tx, &actor, &id)?;
            let mut rows = Vec::new();
            for object in compute::next_reserves(tx, &id)? {
                rows.extend(draws::reserve(tx, &id, &object)?);
            }
            Ok(rows)
        })
        .await?;
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    Ok(Json(Page { rows, total }))
}

/// What the request meets now, with the names for it.
fn meets(
    tx: &mut Tx<'_>,
    draw: &Draw,
    kind: Kind,
    object: &str,
    person: &str,
) -> Result<(Circumstances, String, String), AppError> {
    if kind == Kind::Pass {
        let next = compute::next_reserves(tx, &draw.id)?;
        let reserve = draws::reserve(tx, &draw.id, object)?;
        let Some(row) = reserve.filter(|_| next.iter().any(|o| o == object)) else {
            return Err(AppError::conflict(
                "not_next",
                "还没有轮到这个候补对象，不能跳过",
            ));
        };
        let nothing = Circumstances {
            task: None,
            in_team: false,
            inspectors: 0,
        };
        return Ok((nothing, row.object_name, String::new()));
    }
    let row = standing_one(tx, &draw.id, object)?.ok_or_else(|| {
        AppError::conflict("not_standing", "这个对象不在本次抽取现在的检查对象之列")
    })?;
    let mut team = row.inspectors.iter().chain(&row.experts);
    let member = team.find(|i| i.id == person);
    let in_team = member.is_some();
    let name = match (member, person) {
        (Some(member), _) => member.name.clone(),
        (None, "") => String::new(),
        (None, id) => register::find_inspector(tx, id)?
            .map(|i| i.name)
            .ok_or_else(|| AppError::not_found("inspector"))?,
    };
    let met = Circumstances {
        task: team::of_object(tx, &draw.id, object)?,
        in_team,
        inspectors: row.inspectors.len(),
    };
    Ok((met, row.object_name, name))
}

/// Asks for a substitution. Sent again with the same id it is answered like the first time.
#[utoipa::path(post, path = "/api/draws/{id}/substitutions", tag = "draw", params(("id" = String, Path)),
    request_body = SubstitutionInput,
    responses((status = 201, body = SubstitutionView), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn ask(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<SubstitutionInput>,
) -> Result<(StatusCode, Json<SubstitutionView>), AppError> {
    check(&input)?;
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = open(tx, &actor, &id)?;
            if let Some(known) = store::find(tx, &input.id)? {
                return again(tx, &actor, &draw, &input, known);
            }
            if store::evidence(tx, &input.evidence)?.is_none() {
                let message = "没有收到这份证明材料，请重新上传";
                return Err(AppError::invalid(vec![FieldError::new(
                    "evidence", message,
                )]));
            }
            let (met, object, person) = meets(tx, &draw, input.kind, &input.object, &input.person)?;
            decide(input.kind, input.ground, &met)?;
            store::insert(tx, &draw.id, &input, (&object, &person), &actor, now).map_err(|e| {
                match e {
                    DbError::Duplicate(_) => {
                        AppError::conflict("already_asked", "同一事项已有一份申请在等待审批")
                    }
                    other => other.into(),
                }
            })?;
            let entry = Entry::by(&actor, now, "substitution.ask", format!("draw/{}", draw.id))
                .detail(json!({ "number": draw.number, "request": input.id,
                    "kind": input.kind.as_str(), "ground": input.ground.code(),
                    "evidence": input.evidence }));
            journal::append(tx, &entry)?;
            let kept = store::find(tx, &input.id)?.ok_or_else(|| AppError::not_found("request"))?;
            Ok(view(tx, &actor, kept)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// The answer to a request whose first answer was lost.
fn again(
    tx: &mut Tx<'_>,
    actor: &Actor,
    draw: &Draw,
    input: &SubstitutionInput,
    known: Request,
) -> Result<SubstitutionView, AppError> {
    let same = known.draw == draw.id
        && known.requested_by == actor.account
        && known.kind == input.kind
        && known.object == input.object
        && known.person == input.person
        && known.ground == input.ground
        && known.evidence.sha256 == input.evidence
        && known.explanation == input.explanation.trim();
    if same {
        return Ok(view(tx, actor, known)?);
    }
    Err(AppError::conflict("id_used", "这个编号已用于另一份申请"))
}

/// A request that this account may decide: never its own (S1), and only once.
fn to_decide(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<Request, AppError> {
    let request = store::find(tx, id)?.ok_or_else(|| AppError::not_found("request"))?;
    actor.require(Right::ApproveSubstitution, &request.department)?;
    actor.require_other_than(&request.requested_by)?;
    Ok(request)
}

fn already(request: &Request) -> AppError {
    let word = match request.state {
        RequestState::Approved => "已经批准",
        RequestState::Refused => "已经决定不予批准",
        RequestState::Withdrawn => "已由申请人撤回",
        RequestState::Pending => "刚刚有变化，请刷新",
    };
    AppError::conflict("already_decided", format!("这份申请{word}，不能再次审批"))
}

/// Whether the same account decided the same before: its answer was lost.
fn repeated(request: &Request, actor: &Actor, state: RequestState) -> bool {
    request.state == state && request.decided_by.as_deref() == Some(actor.account.as_str())
}

/// Approves a request of somebody else. What follows is computed from the order of the draw and
/// appended to the transcript; tasks and tablets follow.
#[utoipa::path(post, path = "/api/substitutions/{id}/approve", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = SubstitutionView), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
async fn approve(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<SubstitutionView>, AppError> {
    for _ in 0..ATTEMPTS {
        let (own, asked) = (actor.clone(), id.clone());
        // Computed outside of the writing transaction: a large draw takes seconds.
        let computed = state
            .db
            .read(move |tx| {
                let request = to_decide(tx, &own, &asked)?;
                if request.state != RequestState::Pending {
                    return Ok(None);
                }
                let draw = found(tx, &request.draw)?;
                running(&draw)?;
                let asked = Asked {
                    kind: request.kind,
                    object: request.object,
                    person: request.person,
                    ground: request.ground,
                };
                compute::follow(tx, &draw, &asked).map(Some)
            })
            .await?;
        let (own, asked, app) = (actor.clone(), id.clone(), state.clone());
        let done = state
            .db
            .write(move |tx| apply(tx, &app, &own, &asked, computed))
            .await?;
        if let Some(view) = done {
            return Ok(Json(view));
        }
    }
    Err(AppError::new(
        ErrorKind::Unavailable,
        "busy",
        "同一次抽取正在办理其他递补，请稍后再试",
    ))
}

/// Keeps an approval with everything that follows, in one transaction. `None`: another approval came
/// between, compute again.
fn apply(
    tx: &mut Tx<'_>,
    state: &AppState,
    actor: &Actor,
    id: &str,
    computed: Option<Followed>,
) -> Result<Option<SubstitutionView>, AppError> {
    let request = to_decide(tx, actor, id)?;
    if repeated(&request, actor, RequestState::Approved) {
        return Ok(Some(view(tx, actor, request)?));
    }
    let Some(followed) = computed.filter(|_| request.state == RequestState::Pending) else {
        return Err(already(&request));
    };
    let draw = found(tx, &request.draw)?;
    running(&draw)?;
    if draws::file(tx, &draw.id, "substitutions.csv")?.as_deref() != Some(&followed.before[..]) {
        return Ok(None);
    }
    let (met, ..) = meets(tx, &draw, request.kind, &request.object, &request.person)?;
    decide(request.kind, request.ground, &met)?;
    let now = state.now();
    store::append(tx, &draw.id, id, &followed.rows, &followed.after)?;
    store::decided(tx, id, RequestState::Approved, None, actor, now)?;
    if draw.state == DrawState::Dispatched {
        follow::tasks(tx, state, &draw, &followed)?;
    }
    let lines: Vec<&str> = followed.rows.iter().map(|r| r.line.as_str()).collect();
    let entry = Entry::by(
        actor,
        now,
        "substitution.approve",
        format!("draw/{}", draw.id),
    )
    .before(&followed.before)
    .after(&followed.after)
    .detail(json!({ "number": draw.number, "request": id, "rows": lines }));
    journal::append(tx, &entry)?;
    let request = store::find(tx, id)?.ok_or_else(|| AppError::not_found("request"))?;
    Ok(Some(view(tx, actor, request)?))
}

/// Why a request is refused.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct RefusalInput {
    /// 4 to 1000 characters.
    reason: String,
}

/// Refuses a request of somebody else, with the reason.
#[utoipa::path(post, path = "/api/substitutions/{id}/refuse", tag = "draw", params(("id" = String, Path)),
    request_body = RefusalInput,
    responses((status = 200, body = SubstitutionView), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
async fn refuse(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<RefusalInput>,
) -> Result<Json<SubstitutionView>, AppError> {
    let reason = input.reason.trim().to_owned();
    if !(4..=1000).contains(&reason.chars().count()) {
        let message = "请写明不予批准的理由（4 到 1000 个字）";
        return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
    }
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let request = to_decide(tx, &actor, &id)?;
            if repeated(&request, &actor, RequestState::Refused) {
                return Ok(view(tx, &actor, request)?);
            }
            let to = RequestState::Refused;
            close(tx, &actor, request, to, Some(&reason), now)
        })
        .await?;
    Ok(Json(view))
}

/// Takes back one's own request while it waits.
#[utoipa::path(post, path = "/api/substitutions/{id}/withdraw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = SubstitutionView), (status = 409, body = Problem)))]
async fn withdraw(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<SubstitutionView>, AppError> {
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let request = store::find(tx, &id)?.ok_or_else(|| AppError::not_found("request"))?;
            if request.requested_by != actor.account {
                return Err(AppError::forbidden("只有申请人可以撤回申请"));
            }
            if request.state == RequestState::Withdrawn {
                return Ok(view(tx, &actor, request)?);
            }
            close(tx, &actor, request, RequestState::Withdrawn, None, now)
        })
        .await?;
    Ok(Json(view))
}

/// Ends a request without following it.
fn close(
    tx: &mut Tx<'_>,
    actor: &Actor,
    request: Request,
    to: RequestState,
    reason: Option<&str>,
    now: i64,
) -> Result<SubstitutionView, AppError> {
    if !store::decided(tx, &request.id, to, reason, actor, now)? {
        return Err(already(&request));
    }
    let act = match to {
        RequestState::Refused => "substitution.refuse",
        _ => "substitution.withdraw",
    };
    let entry = Entry::by(actor, now, act, format!("draw/{}", request.draw))
        .detail(json!({ "number": request.draw_number, "request": request.id, "reason": reason }));
    journal::append(tx, &entry)?;
    let request = store::find(tx, &request.id)?.ok_or_else(|| AppError::not_found("request"))?;
    Ok(view(tx, actor, request)?)
}
