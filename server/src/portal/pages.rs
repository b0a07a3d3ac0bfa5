//! The pages.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Datelike;
use serde::Deserialize;

use super::{answer, filters};
use crate::draw::public::{self, PublicDraw, Story};
use crate::draw::story::{self, StoryStep, Tone};
use crate::error::AppError;
use crate::extract::{Path, Query, like_pattern};
use crate::item::{self};
use crate::publication::store::{self as publications, Search};
use crate::publication::{PublicResult, PublicationState, state_on};
use crate::review::store::department_name;
use crate::state::AppState;

pub(super) const HTML: &str = "text/html; charset=utf-8";
/// Rows on a page.
pub(super) const ROWS: u32 = 20;
/// Nobody turns further than this; a search is what helps.
pub(super) const LAST_PAGE: u32 = 500;

pub(super) fn page(template: &impl Template) -> Result<Response, AppError> {
    let html = template.render().map_err(AppError::internal)?;
    Ok(answer(StatusCode::OK, HTML, html))
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing;

/// The page for addresses that lead nowhere.
pub fn missing() -> Response {
    answer(
        StatusCode::NOT_FOUND,
        HTML,
        Missing.render().unwrap_or_default(),
    )
}

/// Where the reader is in a long list.
pub(super) struct Pages {
    pub page: u32,
    pub of: i64,
    pub previous: Option<String>,
    pub next: Option<String>,
}

impl Pages {
    /// `base` is an address that ends in `page=`.
    pub(super) fn of(page: u32, total: i64, base: &str) -> Self {
        let of = ((total + i64::from(ROWS) - 1) / i64::from(ROWS)).clamp(1, i64::from(LAST_PAGE));
        let to = |n: u32| format!("{base}{n}");
        Pages {
            page,
            of,
            previous: (page > 1).then(|| to(page - 1)),
            next: (i64::from(page) < of).then(|| to(page + 1)),
        }
    }
}

/// Part of a list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: u32,
}

impl Asked {
    fn page(&self) -> u32 {
        self.page.clamp(1, LAST_PAGE)
    }

    fn offset(&self) -> u32 {
        (self.page() - 1) * ROWS
    }

    /// What is looked for, cut to what a name can be.
    fn words(&self) -> String {
        self.q.trim().chars().take(100).collect()
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    year: i32,
    published: i64,
    draws: i64,
    items: usize,
    rows: Vec<PublicResult>,
}

pub(super) async fn home(State(state): State<AppState>) -> Result<Response, AppError> {
    let (year, now) = (state.today().year(), state.now());
    let home = state
        .db
        .read(move |tx| {
            let search = Search {
                limit: 5,
                ..Search::default()
            };
            Ok(Home {
                year,
                published: publications::published_in(tx, year)?,
                draws: public::draws(tx, 1, 0, now)?.1,
                items: item::list_active(tx)?.len(),
                rows: publications::search(tx, &search)?.0,
            })
        })
        .await?;
    page(&home)
}

#[derive(Template)]
#[template(path = "results.html")]
struct Results {
    q: String,
    rows: Vec<PublicResult>,
    total: i64,
    pages: Pages,
}

pub(super) async fn results(
    State(state): State<AppState>,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let q = asked.words();
    let search = Search {
        pattern: like_pattern(&q),
        offset: asked.offset(),
        limit: ROWS,
        ..Search::default()
    };
    let (rows, total) = state
        .db
        .read(move |tx| Ok(publications::search(tx, &search)?))
        .await?;
    let base = format!("/results?q={}&page=", encoded(&q));
    page(&Results {
        pages: Pages::of(asked.page(), total, &base),
        q,
        rows,
        total,
    })
}

/// For a query: every byte but letters and digits as `%XX`.
pub(super) fn encoded(text: &str) -> String {
    let byte = |b: u8| {
        if b.is_ascii_alphanumeric() {
            char::from(b).to_string()
        } else {
            format!("%{b:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

#[derive(Template)]
#[template(path = "result.html")]
struct ResultPage {
    r: PublicResult,
    newest: u32,
    sha256: String,
    in_publicity: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WhichVersion {
    version: Option<u32>,
}

/// One result as a page, or as its bytes when the address ends in `.json`.
pub(super) async fn result(
    State(state): State<AppState>,
    Path(task): Path<String>,
    Query(which): Query<WhichVersion>,
) -> Result<Response, AppError> {
    let (task, json) = match task.strip_suffix(".json") {
        Some(task) => (task.to_owned(), true),
        None => (task, false),
    };
    let mut versions = state
        .db
        .read(move |tx| Ok(publications::versions(tx, &task)?))
        .await?;
    let newest = versions.last().map_or(0, |v| v.version);
    let wanted = which.version.unwrap_or(newest);
    let Some(at) = versions.iter().position(|v| v.version == wanted) else {
        return Ok(missing());
    };
    let version = versions.swap_remove(at);
    if json {
        return Ok(answer(StatusCode::OK, "application/json", version.body));
    }
    let r = version.read()?;
    let in_publicity =
        state_on(state.today(), Some(r.publicity_until)) == PublicationState::InPublicity;
    page(&ResultPage {
        r,
        newest,
        sha256: version.sha256,
        in_publicity,
    })
}

struct Group {
    name: String,
    items: Vec<ListedItem>,
}

struct ListedItem {
    version: u32,
    facts: item::ItemFacts,
    sheet: ::sync::facts::CheckSheet,
}

#[derive(Template)]
#[template(path = "items.html")]
struct Items {
    groups: Vec<Group>,
}

pub(super) async fn items(State(state): State<AppState>) -> Result<Response, AppError> {
    let groups = state
        .db
        .read(|tx| {
            let mut groups: Vec<(String, Group)> = Vec::new();
            for item in item::list_active(tx)? {
                let department = item.facts.department.clone();
                let listed = ListedItem {
                    version: item.version,
                    facts: item.facts,
                    sheet: item.sheet,
                };
                match groups.last_mut().filter(|(code, _)| *code == department) {
                    Some((_, group)) => group.items.push(listed),
                    None => {
                        let name = department_name(tx, &department)?;
                        groups.push((
                            department,
                            Group {
                                name,
                                items: vec![listed],
                            },
                        ));
                    }
                }
            }
            Ok(groups.into_iter().map(|(_, group)| group).collect())
        })
        .await?;
    page(&Items { groups })
}

#[derive(Template)]
#[template(path = "item.html")]
struct ItemPage {
    department: String,
    i: ListedItem,
    facts: Vec<(&'static str, String)>,
}

pub(super) async fn item(
    State(state): State<AppState>,
    Path(code): Path<String>,
) -> Result<Response, AppError> {
    let found = state
        .db
        .read(move |tx| {
            let Some(item) = item::list_active(tx)?
                .into_iter()
                .find(|i| i.facts.code == code)
            else {
                return Ok(None);
            };
            let f = item.facts.clone();
            let mut facts = vec![
                ("检查对象", f.object_kind),
                ("检查内容", f.content),
                ("检查方式", f.method),
                ("抽查比例", f.ratio),
                ("抽查频次", f.frequency),
                ("层级", f.level),
            ];
            facts.retain(|(_, value)| !value.is_empty());
            let department = department_name(tx, &item.facts.department)?;
            let i = ListedItem {
                version: item.version,
                facts: item.facts,
                sheet: item.sheet,
            };
            Ok(Some(ItemPage {
                department,
                i,
                facts,
            }))
        })
        .await?;
    found.map_or_else(|| Ok(missing()), |found| page(&found))
}

#[derive(Template)]
#[template(path = "draw.html")]
struct DrawPage {
    d: PublicDraw,
    story: Story,
    line: Vec<StoryStep>,
}

pub(super) async fn draw(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let now = state.now();
    let found = state
        .db
        .read(move |tx| {
            let Some(d) = public::draw(tx, &id, now)? else {
                return Ok(None);
            };
            let facts = story::facts(tx, &id, d.public)?;
            Ok(Some(DrawPage {
                line: facts.as_ref().map(story::story).unwrap_or_default(),
                story: public::story(tx, &id)?,
                d,
            }))
        })
        .await?;
    found.map_or_else(|| Ok(missing()), |found| page(&found))
}

#[derive(Template)]
#[template(path = "open.html")]
struct Open;

pub(super) async fn open() -> Result<Response, AppError> {
    page(&Open)
}
