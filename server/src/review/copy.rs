//! `/c/{secret}`: the party's copy of the sealed record (X4). Who holds the address, from the QR code
//! on the closing tablet, reads what was signed; nobody else can make it. It is there once a tablet
//! has brought the seal to the office; before, the page says so.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;

use super::assemble::{Material, assemble};
use super::types::{InkView, PointView, ReviewView, SignatureState, SignatureView, SignerRole};
use super::{Standing, store};
use crate::db::Tx;
use crate::error::AppError;
use crate::extract::Path;
use crate::portal::{filters, pace, private};
use crate::state::AppState;
use crate::task::TaskState;

/// The page.
pub fn router() -> Router<AppState> {
    Router::new().route("/c/{secret}", get(copy))
}

#[derive(Template)]
#[template(path = "copy.html")]
struct Copy {
    found: Option<Found>,
    too_often: bool,
}

struct Found {
    r: ReviewView,
    department: String,
    /// The round that the party signed; `r` shows the newest that is sealed.
    signed_round: u32,
    withdrawn: bool,
}

impl Found {
    /// A sealed record has one answer to each point at most.
    fn answer(point: &PointView) -> String {
        let Some(answer) = point.answers.first() else {
            return "未作结论".into();
        };
        match answer.value.as_str() {
            "compliant" => "符合".into(),
            "non_compliant" => "不符合".into(),
            "not_applicable" => "不适用".into(),
            said => match &point.point.answer.unit {
                Some(unit) => format!("{said} {unit}"),
                None => said.to_owned(),
            },
        }
    }

    fn method(&self) -> &'static str {
        match self.r.visit.method.as_deref() {
            Some("on_site") => "实地核查",
            Some("written") => "书面检查",
            Some("online") => "网络监测",
            _ => "—",
        }
    }

    /// Signatures of earlier rounds are not about what is shown.
    fn counts(&self, signature: &SignatureView) -> bool {
        signature.round.is_none_or(|round| round == self.r.round)
    }

    fn photos(&self) -> usize {
        self.r.photos.iter().filter(|p| !p.withdrawn).count()
    }

    fn clips(&self) -> usize {
        self.r.clips.iter().filter(|c| !c.withdrawn).count()
    }
}

/// What an SVG shows of the pad: the writing with a margin.
fn frame(ink: &InkView) -> String {
    ::sync::ink::frame(ink.strokes.iter().flatten().copied())
}

/// Strokes as the `d` of an SVG path.
fn strokes(ink: &InkView) -> String {
    ::sync::ink::path(ink.strokes.iter().map(|s| s.iter().copied()))
}

async fn copy(
    State(state): State<AppState>,
    Path(secret): Path<String>,
    parts: Parts,
) -> Result<Response, AppError> {
    let address = pace::address(&state.config, &parts);
    if !state.pace.may(&address, state.now()) {
        let page = Copy {
            found: None,
            too_often: true,
        };
        return private(StatusCode::TOO_MANY_REQUESTS, &page);
    }
    let today = state.today();
    let found = state.db.read(move |tx| find(tx, &secret, today)).await?;
    let status = match found {
        Some(_) => StatusCode::OK,
        None => StatusCode::NOT_FOUND,
    };
    let page = Copy {
        found,
        too_often: false,
    };
    private(status, &page)
}

fn find(
    tx: &mut Tx<'_>,
    secret: &str,
    today: chrono::NaiveDate,
) -> Result<Option<Found>, AppError> {
    let Some((task, signed_round)) = store::copy_of(tx, secret)? else {
        return Ok(None);
    };
    let mut material: Material = store::material(tx, &task, None)?;
    let withdrawn = material.row.state == TaskState::Withdrawn;
    // While a later round is open, what counts for the party is the newest that was sealed.
    material.row.round = material.seals.last().map_or(signed_round, |s| s.round);
    let nobody = Standing {
        state: material.row.state,
        sealed: true,
        may_review: false,
        own_record: false,
    };
    let r = assemble(&material, today, &nobody)?;
    Ok(Some(Found {
        department: material.facts.department_name.clone(),
        r,
        signed_round,
        withdrawn,
    }))
}
