//! What the hall shows.

use std::collections::HashMap;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::china_date;
use crate::db::Tx;
use crate::draw::rolls::{self, RollView};
use crate::draw::routes::{department_name, found};
use crate::draw::store::{self, Draw};
use crate::draw::witness::{self, WitnessView};
use crate::draw::{DrawState, is_public};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// Rows of the result that are shown one after another; the rest is in the transcript.
const ROWS: usize = 200;
/// So much of `result.csv` holds them, in bytes.
const HEAD: u32 = 256 * 1024;

/// A drawn object as the hall sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct HallRow {
    /// Place in the draw, from 1.
    rank: u32,
    /// Four digits.
    cell: String,
    /// Blinded id, 64 hexadecimal digits.
    object: String,
    /// 64 hexadecimal digits.
    ticket: String,
    /// Blinded ids of the team, the leader first.
    team: Vec<String>,
    /// The object's name, only where the rules publish the openings.
    name: Option<String>,
    /// The team's names, likewise.
    names: Vec<String>,
}

/// A draw on the big screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct Hall {
    /// The server's time, milliseconds since the Unix epoch: countdowns go by it.
    now: i64,
    number: String,
    title: String,
    department: String,
    state: DrawState,
    ceremony_at: i64,
    /// Objects that may be drawn, once checked.
    objects: Option<u64>,
    /// How many will be drawn.
    to_draw: Option<u64>,
    /// Inspectors who may be drawn.
    inspectors: Option<u64>,
    commitment: Option<String>,
    committed_at: Option<i64>,
    witnesses: Vec<WitnessView>,
    witness_list_sha256: Option<String>,
    /// Once all values are known.
    nonce: Option<String>,
    revealed_at: Option<i64>,
    /// Sides of the dice, 0 with drand.
    sides: u32,
    /// Number of rolls, 0 with drand.
    rolls: u32,
    thrown: Vec<RollView>,
    drand_round: Option<i64>,
    drand_at: Option<i64>,
    drand_signature: Option<String>,
    must_be_void: bool,
    seed: Option<String>,
    drawn_at: Option<i64>,
    /// How many were drawn.
    drawn: i64,
    /// The first of them, in the order of rank.
    result: Vec<HallRow>,
    /// Whether names stand beside the blinded ids.
    named: bool,
    /// Whether the transcript can be downloaded now.
    public: bool,
    public_from: String,
    void_reason: Option<String>,
}

/// What the hall shows now. No account needed.
#[utoipa::path(get, path = "/api/public/draws/{id}/hall", operation_id = "hall", tag = "public", params(("id" = String, Path)),
    responses((status = 200, body = Hall), (status = 404, body = Problem)))]
pub(super) async fn hall(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Hall>, AppError> {
    load(&state, id).await.map(Json)
}

pub(super) async fn load(state: &AppState, id: String) -> Result<Hall, AppError> {
    let now = state.now();
    state.db.read(move |tx| read(tx, &id, now)).await
}

fn read(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<Hall, AppError> {
    let draw = found(tx, id)?;
    // Before the commitment there is nothing that is public; the number of a void draw is.
    if draw.commitment.is_none() && draw.state != DrawState::Void {
        return Err(AppError::not_found("draw"));
    }
    let today = china_date(now).to_string();
    let public = draw.commitment.is_some()
        && is_public(
            draw.state,
            draw.drawn_at.is_some(),
            &draw.public_from,
            &today,
        );
    let named = public && opened(tx, &draw)?;
    let (drawn, _) = store::counts(tx, id)?;
    let last = draw.last();
    let frame = draw.frame.as_ref();
    Ok(Hall {
        now,
        department: department_name(tx, &draw.department)?,
        objects: frame.map(|f| f.cells.iter().map(|c| c.objects).sum()),
        to_draw: frame.map(|f| f.cells.iter().map(|c| c.drawn).sum()),
        inspectors: frame.map(|f| f.inspectors),
        witnesses: witness::store::list(tx, id)?,
        thrown: rolls::thrown(tx, id)?,
        nonce: draw.revealed_at.map(|_| draw.nonce.clone()),
        must_be_void: draw.state < DrawState::Revealed && last.too_near(now),
        drand_at: last.known_at(),
        result: rows(tx, &draw, named)?,
        drawn,
        named,
        public,
        number: draw.number,
        title: draw.title,
        state: draw.state,
        ceremony_at: draw.ceremony_at,
        commitment: draw.commitment,
        committed_at: draw.committed_at,
        witness_list_sha256: draw.witness_list_sha256,
        revealed_at: draw.revealed_at,
        sides: draw.sides,
        rolls: draw.rolls,
        drand_round: draw.drand_round,
        drand_signature: draw.drand_signature,
        seed: draw.seed,
        drawn_at: draw.drawn_at,
        public_from: draw.public_from,
        void_reason: draw.void.map(|v| v.reason),
    })
}

/// Whether the rules say that the openings are published.
fn opened(tx: &mut Tx<'_>, draw: &Draw) -> Result<bool, AppError> {
    let Some(rules) = store::file(tx, &draw.id, "rules.json")? else {
        return Ok(false);
    };
    let rules: serde_json::Value = serde_json::from_slice(&rules).map_err(AppError::internal)?;
    Ok(rules["openings"] == "published")
}

fn rows(tx: &mut Tx<'_>, draw: &Draw, named: bool) -> Result<Vec<HallRow>, AppError> {
    if draw.drawn_at.is_none() {
        return Ok(Vec::new());
    }
    let head = store::file_head(tx, &draw.id, "result.csv", HEAD)?;
    let mut rows = parse(&String::from_utf8_lossy(&head));
    if named {
        let names: HashMap<String, (String, Vec<String>)> =
            store::first_names(tx, &draw.id, ROWS as u32)?;
        for row in &mut rows {
            if let Some((name, team)) = names.get(&row.object) {
                row.name = Some(name.clone());
                row.names.clone_from(team);
            }
        }
    }
    Ok(rows)
}

/// The drawn objects at the beginning of `result.csv`; a line that is cut off at the end is left out.
fn parse(head: &str) -> Vec<HallRow> {
    let whole = head.rfind('\n').map_or("", |end| &head[..end]);
    let mut lines = whole.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let at = |name: &str| columns.iter().position(|c| *c == name);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let get = |name: &str| Some(*cells.get(at(name)?)?);
        (get("role")? == "drawn").then_some(())?;
        Some(HallRow {
            rank: get("rank")?.parse::<u32>().ok()? + 1,
            cell: get("cell")?.to_owned(),
            object: get("object")?.to_owned(),
            ticket: get("ticket")?.to_owned(),
            team: get("inspectors")?
                .split(' ')
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect(),
            name: None,
            names: Vec::new(),
        })
    };
    lines.map_while(row).take(ROWS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hall_reads_the_result_as_anybody_would() {
        let text = "rank,cell,object,ticket,role,week,inspectors,experts\n\
            0,0001,aa,01,drawn,,x y,\n1,0002,bb,02,drawn,,y,\n0,0001,cc,03,reserve,,,\n2,0001,d";
        let rows = parse(text);
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].rank, rows[0].object.as_str(), rows[0].team.len()),
            (1, "aa", 2)
        );
        assert_eq!(parse("").len(), 0);
    }
}
