//! `/api/notices` and `/api/tasks/{task}/notice`.

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::compose::{Source, Written, compose};
use super::store::{self, Listed, Notice, OfTask, Wanted};
use super::{Act, Kept, NoticeContent, NoticeState, decide, standing};
use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::device::{new_code, normal_code};
use crate::draw::openings::mine_path;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Page, Paging, Path, Query};
use crate::journal::{self, Entry};
use crate::review::store::scope_text;
use crate::rng::Rng;
use crate::state::AppState;
use crate::task;
use crate::web::{address, qr_svg};

/// Most tasks of one request.
const AT_ONCE: usize = 500;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, ask))
        .routes(routes!(issue))
        .routes(routes!(refuse))
        .routes(routes!(read))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Id of a draw.
    draw: Option<String>,
    /// Where the notice stands.
    state: Option<NoticeState>,
    /// Code of a department.
    department: Option<String>,
}

/// A task with its notice in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct NoticeRow {
    /// Id of the task.
    task: String,
    /// Its number.
    number: String,
    /// Name of the object.
    object_name: String,
    /// Code of the district.
    district: String,
    /// Id of the draw.
    draw: String,
    /// Code of the department.
    department: String,
    /// China dates, both included.
    from: String,
    until: String,
    /// Names of who comes, the leader first.
    team: Vec<String>,
    /// Where the notice stands.
    state: NoticeState,
    /// Newest version; 0 where there is none.
    version: u32,
    asked_by_name: Option<String>,
    asked_at: Option<i64>,
    decided_by_name: Option<String>,
    decided_at: Option<i64>,
    /// Why it was refused.
    reason: Option<String>,
}

/// Tasks with their notices 检查通知书; those that were dropped are left out.
#[utoipa::path(get, path = "/api/notices", tag = "notice", params(Filter, Paging),
    responses((status = 200, body = Page<NoticeRow>)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<NoticeRow>>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let wanted = Wanted {
        draw: filter.draw,
        state: filter.state,
        department: filter.department,
        pattern: paging.pattern(),
        scope: scope_text(&actor.scope(Right::ReadOffice)),
        offset: paging.offset,
        limit: paging.limit(),
    };
    let page = state
        .db
        .read(move |tx| {
            let (listed, total) = store::list(tx, &wanted)?;
            let mut rows = Vec::with_capacity(listed.len());
            for one in listed {
                rows.push(row(tx, one)?);
            }
            Ok(Page { rows, total })
        })
        .await?;
    Ok(Json(page))
}

fn row(tx: &mut Tx<'_>, l: Listed) -> Result<NoticeRow, AppError> {
    let team = task::store::members(tx, &l.task)?
        .into_iter()
        .filter(|m| m.status == "active")
        .map(|m| m.name)
        .collect();
    Ok(NoticeRow {
        task: l.task,
        number: l.number,
        object_name: l.object_name,
        district: l.district,
        draw: l.draw,
        department: l.department,
        from: l.from,
        until: l.until,
        team,
        state: l.state,
        version: l.version,
        asked_by_name: l.asked_by_name,
        asked_at: l.asked_at,
        decided_by_name: l.decided_by_name,
        decided_at: l.decided_at,
        reason: l.reason,
    })
}

/// Notices that are asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NoticeInput {
    /// Ids of 1 to 500 tasks.
    tasks: Vec<String>,
    /// Whom the object can ask: name and telephone, 2 to 100 characters.
    contact: String,
    /// What is to be prepared, up to 500 characters.
    #[serde(default)]
    materials: String,
}

/// How many notices an act was about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct Notices {
    /// Notices.
    count: u32,
}

/// Asks for the issue of notices; all or none.
#[utoipa::path(post, path = "/api/notices", tag = "notice", request_body = NoticeInput,
    responses((status = 200, body = Notices), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn ask(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<NoticeInput>,
) -> Result<Json<Notices>, AppError> {
    let mut wrong = some_tasks(&input.tasks);
    let (contact, materials) = (input.contact.trim(), input.materials.trim());
    if !(2..=100).contains(&contact.chars().count()) || contact.chars().any(char::is_control) {
        wrong.push(FieldError::new(
            "contact",
            "请填写联系人和电话（2 到 100 个字）",
        ));
    }
    if materials.chars().count() > 500 {
        wrong.push(FieldError::new(
            "materials",
            "需准备的材料不能超过 500 个字",
        ));
    }
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let (contact, materials) = (contact.to_owned(), materials.to_owned());
    let now = state.now();
    let rng = state.rng.clone();
    let done = state
        .db
        .write(move |tx| {
            let written = Written {
                contact: &contact,
                materials: &materials,
            };
            let mut source: Option<Source> = None;
            for id in &input.tasks {
                let of = found(tx, id)?;
                actor.require(Right::Dispatch, &of.department)?;
                if source.as_ref().is_none_or(|s| s.draw.id != of.draw) {
                    source = Some(Source::of(tx, &of.draw)?);
                }
                if let Some(source) = &source {
                    ask_one(tx, &actor, &of, source, &written, rng.as_ref(), now)?;
                }
            }
            Ok(count(&input.tasks))
        })
        .await?;
    Ok(Json(done))
}

fn ask_one(
    tx: &mut Tx<'_>,
    actor: &Actor,
    of: &OfTask,
    source: &Source,
    written: &Written<'_>,
    rng: &dyn Rng,
    now: i64,
) -> Result<(), AppError> {
    let newest = newest(tx, &of.task)?;
    allowed(Act::Ask, newest.as_ref(), of)?;
    if newest.as_ref().is_some_and(|n| n.state == Kept::Asked) {
        let why = "检查人员有变动，由新的通知书代替";
        store::settle(tx, &of.task, Kept::Refused, Some(why), actor, now)?;
    }
    let version = newest.map_or(0, |n| n.version) + 1;
    let content = compose(tx, source, &of.task, version, written)?;
    let text =
        String::from_utf8(::sync::canonical::to_vec(&content)).map_err(AppError::internal)?;
    let code = normal_code(&new_code(rng));
    store::ask(tx, of, &content, &text, &code, actor, now)?;
    let entry = Entry::by(actor, now, "notice.ask", format!("task/{}", of.task))
        .after(text.as_bytes())
        .detail(json!({ "number": of.number, "version": version }));
    journal::append(tx, &entry)?;
    Ok(())
}

/// Notices that are decided on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NoticeTasks {
    /// Ids of 1 to 500 tasks.
    tasks: Vec<String>,
}

/// Issues notices that somebody else asked for; all or none (S1).
#[utoipa::path(post, path = "/api/notices/issue", tag = "notice", request_body = NoticeTasks,
    responses((status = 200, body = Notices), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn issue(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<NoticeTasks>,
) -> Result<Json<Notices>, AppError> {
    settle(state, actor, input.tasks, Act::Issue, None).await
}

/// Notices that are sent back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NoticeRefusal {
    /// Ids of 1 to 500 tasks.
    tasks: Vec<String>,
    /// 2 to 500 characters.
    reason: String,
}

/// Sends notices back to who asked for them.
#[utoipa::path(post, path = "/api/notices/refuse", tag = "notice", request_body = NoticeRefusal,
    responses((status = 200, body = Notices), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn refuse(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<NoticeRefusal>,
) -> Result<Json<Notices>, AppError> {
    let reason = input.reason.trim().to_owned();
    if !(2..=500).contains(&reason.chars().count()) {
        let message = "请写明退回的理由（2 到 500 个字）";
        return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
    }
    settle(state, actor, input.tasks, Act::Refuse, Some(reason)).await
}

async fn settle(
    state: AppState,
    actor: Actor,
    tasks: Vec<String>,
    act: Act,
    reason: Option<String>,
) -> Result<Json<Notices>, AppError> {
    let wrong = some_tasks(&tasks);
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let now = state.now();
    let done = state
        .db
        .write(move |tx| {
            for id in &tasks {
                let of = found(tx, id)?;
                actor.require(Right::IssueNotices, &of.department)?;
                let newest = newest(tx, id)?;
                allowed(act, newest.as_ref(), &of)?;
                let (kept, word) = match act {
                    Act::Refuse => (Kept::Refused, "notice.refuse"),
                    Act::Ask | Act::Issue => (Kept::Issued, "notice.issue"),
                };
                let Some(newest) = newest else { continue };
                if act == Act::Issue {
                    actor.require_other_than(&newest.asked_by)?;
                }
                store::settle(tx, id, kept, reason.as_deref(), &actor, now)?;
                let entry = Entry::by(&actor, now, word, format!("task/{id}"))
                    .after(newest.content.as_bytes())
                    .detail(
                        json!({ "number": of.number, "version": newest.version, "reason": reason }),
                    );
                journal::append(tx, &entry)?;
            }
            Ok(count(&tasks))
        })
        .await?;
    Ok(Json(done))
}

/// A version of a notice in its history.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct NoticeVersion {
    /// From 1.
    version: u32,
    /// `asked`, `issued` or `refused`.
    state: NoticeState,
    /// SHA-256 of what it says.
    sha256: String,
    asked_by_name: String,
    asked_at: i64,
    decided_by_name: Option<String>,
    decided_at: Option<i64>,
    /// Why it was refused.
    reason: Option<String>,
}

/// The notice of a task.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct NoticeView {
    /// Where it stands.
    state: NoticeState,
    /// What the newest version says, or would say if it were asked for now.
    content: NoticeContent,
    /// Where the object verifies team and draw; only once issued.
    link: Option<String>,
    /// The same as a QR code.
    qr_svg: Option<String>,
    /// What is typed where the QR code cannot be read.
    code: Option<String>,
    /// The newest first.
    versions: Vec<NoticeVersion>,
}

/// The notice of a task: as issued, or as it would be issued now.
#[utoipa::path(get, path = "/api/tasks/{task}/notice", tag = "notice", params(("task" = String, Path)),
    responses((status = 200, body = NoticeView), (status = 404, body = Problem)))]
async fn read(
    State(state): State<AppState>,
    actor: Actor,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<NoticeView>, AppError> {
    let config = state.config.clone();
    let view = state
        .db
        .read(move |tx| {
            let of = found(tx, &id)?;
            let draw = crate::draw::routes::found(tx, &of.draw)?;
            crate::draw::routes::visible(tx, &actor, &draw)?;
            view(tx, &of, |path| address(&config, &headers, path))
        })
        .await?;
    Ok(Json(view))
}

fn view(
    tx: &mut Tx<'_>,
    of: &OfTask,
    address: impl Fn(&str) -> String,
) -> Result<NoticeView, AppError> {
    let versions = store::versions(tx, &of.task)?;
    let newest = versions.first();
    let changed = newest.is_some_and(|n| n.team_changes != of.team_changes);
    let state = standing(newest.map(|n| n.state), changed);
    let kept = newest.filter(|_| matches!(state, NoticeState::Asked | NoticeState::Issued));
    let content = match (kept, newest) {
        (Some(n), _) => serde_json::from_str(&n.content).map_err(AppError::internal)?,
        (None, before) => {
            let source = Source::of(tx, &of.draw)?;
            let before: Option<NoticeContent> = before
                .map(|n| serde_json::from_str(&n.content))
                .transpose()
                .map_err(AppError::internal)?;
            let written = before.as_ref().map_or_else(Written::default, |b| Written {
                contact: &b.contact,
                materials: &b.materials,
            });
            let version = versions.first().map_or(0, |n| n.version) + 1;
            compose(tx, &source, &of.task, version, &written)?
        }
    };
    let code = kept
        .filter(|n| n.state == Kept::Issued)
        .map(|n| n.code.clone());
    let link = code.as_deref().map(|code| {
        let opening = &content.opening;
        address(&mine_path(&of.draw, &opening.id, &opening.salt, Some(code)))
    });
    Ok(NoticeView {
        state,
        qr_svg: link.as_deref().map(qr_svg).transpose()?,
        link,
        code,
        content,
        versions: versions.into_iter().map(shown).collect(),
    })
}

fn shown(n: Notice) -> NoticeVersion {
    NoticeVersion {
        version: n.version,
        state: standing(Some(n.state), false),
        sha256: n.sha256,
        asked_by_name: n.asked_by_name,
        asked_at: n.asked_at,
        decided_by_name: n.decided_by_name,
        decided_at: n.decided_at,
        reason: n.reason,
    }
}

fn found(tx: &mut Tx<'_>, id: &str) -> Result<OfTask, AppError> {
    store::task(tx, id)?.ok_or_else(|| AppError::not_found("task"))
}

fn newest(tx: &mut Tx<'_>, task: &str) -> Result<Option<Notice>, AppError> {
    Ok(store::versions(tx, task)?.into_iter().next())
}

/// The refusal names the task: there may be hundreds.
fn allowed(act: Act, newest: Option<&Notice>, of: &OfTask) -> Result<(), AppError> {
    let changed = newest.is_some_and(|n| n.team_changes != of.team_changes);
    decide(act, newest.map(|n| n.state), changed, of.state).map_err(|e| AppError {
        detail: format!("{}：{}", of.number, e.detail),
        ..e
    })
}

fn some_tasks(tasks: &[String]) -> Vec<FieldError> {
    if (1..=AT_ONCE).contains(&tasks.len()) {
        return Vec::new();
    }
    vec![FieldError::new(
        "tasks",
        format!("请选择 1 到 {AT_ONCE} 项任务"),
    )]
}

fn count(tasks: &[String]) -> Notices {
    Notices {
        count: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
    }
}
