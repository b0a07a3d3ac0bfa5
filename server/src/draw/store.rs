//! Draws in the database.

use std::collections::HashMap;

use super::last::LastSource;
use super::pools::KeptOut;
use super::view::{DrawRow, DrawnInspector, ExcludedRow, FrameView, ResultRow, VoidView, WeekView};
use super::void::VoidGround;
use super::{DrawInput, DrawState};
use crate::db::{Cell, DbError, Param, Result, Row, Tx};
use crate::ids::sha256_hex;
use crate::plan::{self, PlanMode};
use crate::register::region;

/// A draw with what only the server knows.
#[derive(Debug, Clone)]
pub struct Draw {
    /// Id.
    pub id: String,
    /// Code.
    pub department: String,
    /// Number.
    pub number: String,
    /// Id of the plan.
    pub plan: String,
    /// Title.
    pub title: String,
    /// Where it stands.
    pub state: DrawState,
    /// When the ceremony is held.
    pub ceremony_at: i64,
    /// Sides of the dice.
    pub sides: u32,
    /// Number of rolls.
    pub rolls: u32,
    /// The drand round, instead of dice.
    pub drand_round: Option<i64>,
    /// Its signature, once it came.
    pub drand_signature: Option<String>,
    /// `draw` or a China date.
    pub public_from: String,
    /// Key of the blinded ids: secret.
    pub salt_key: Vec<u8>,
    /// The server's nonce: secret until all values are revealed.
    pub nonce: String,
    /// The pools, once checked.
    pub frame: Option<FrameView>,
    /// SHA-256 of the manifest.
    pub commitment: Option<String>,
    /// When it was committed.
    pub committed_at: Option<i64>,
    /// Hash of the closed list.
    pub witness_list_sha256: Option<String>,
    /// When the list was closed.
    pub closed_at: Option<i64>,
    /// When all values were known.
    pub revealed_at: Option<i64>,
    /// The rolls.
    pub dice: Option<Vec<u32>>,
    /// SHA-256 of `seed.txt`.
    pub seed: Option<String>,
    /// When it was drawn.
    pub drawn_at: Option<i64>,
    /// When tasks were sent.
    pub dispatched_at: Option<i64>,
    /// When it was defined.
    pub created_at: i64,
    /// Once void.
    pub void: Option<VoidView>,
}

impl Draw {
    /// SHA-256 of the nonce.
    pub fn nonce_sha256(&self) -> String {
        sha256_hex(self.nonce.as_bytes())
    }

    /// What comes last.
    pub fn last(&self) -> LastSource {
        match self.drand_round.and_then(|n| u64::try_from(n).ok()) {
            Some(round) => LastSource::Drand { round },
            None => LastSource::Dice {
                sides: self.sides,
                rolls: self.rolls,
            },
        }
    }
}

const COLUMNS: &str = "id, department, number, plan, title, state, ceremony_at, sides, rolls, \
     public_from, salt_key, nonce, frame, commitment, committed_at, witness_list_sha256, dice, \
     seed, drawn_at, dispatched_at, void_reason, void_by_name, void_at, drand_round, drand_signature, \
     closed_at, revealed_at, created_at, void_ground, void_approved_by_name";

fn draw(r: &Row<'_>) -> Result<Draw> {
    let state: String = r.get(5)?;
    let (frame, dice): (Option<String>, Option<String>) = (r.get(12)?, r.get(16)?);
    let (void_at, ground): (Option<i64>, Option<String>) = (r.get(22)?, r.get(28)?);
    Ok(Draw {
        id: r.get(0)?,
        department: r.get(1)?,
        number: r.get(2)?,
        plan: r.get(3)?,
        title: r.get(4)?,
        state: DrawState::parse(&state).ok_or(DbError::Column {
            index: 5,
            expected: "DrawState",
        })?,
        ceremony_at: r.get(6)?,
        sides: r.get(7)?,
        rolls: r.get(8)?,
        public_from: r.get(9)?,
        salt_key: r.get(10)?,
        nonce: r.get(11)?,
        frame: frame.and_then(|text| serde_json::from_str(&text).ok()),
        commitment: r.get(13)?,
        committed_at: r.get(14)?,
        witness_list_sha256: r.get(15)?,
        dice: dice.and_then(|text| serde_json::from_str(&text).ok()),
        seed: r.get(17)?,
        drawn_at: r.get(18)?,
        dispatched_at: r.get(19)?,
        drand_round: r.get(23)?,
        drand_signature: r.get(24)?,
        closed_at: r.get(25)?,
        revealed_at: r.get(26)?,
        created_at: r.get(27)?,
        void: match (r.get(20)?, r.get(21)?, void_at) {
            (Some(reason), Some(who), Some(at)) => Some(VoidView {
                at: super::view::china_time(at),
                who,
                reason,
                ground: ground.as_deref().and_then(VoidGround::parse),
                approved_by: r.get(29)?,
            }),
            _ => None,
        },
    })
}

/// One draw.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Draw>> {
    tx.query_opt(
        &format!("SELECT {COLUMNS} FROM draws WHERE id = $1"),
        &[&id],
        draw,
    )
}

/// A committed draw by its id or its number: what the public may ask for (D5).
pub fn find_public(tx: &mut Tx<'_>, id_or_number: &str) -> Result<Option<Draw>> {
    tx.query_opt(
        &format!(
            "SELECT {COLUMNS} FROM draws
             WHERE (id = $1 OR number = $1) AND (commitment IS NOT NULL OR state = 'void') LIMIT 1"
        ),
        &[&id_or_number],
        draw,
    )
}

/// The number that the next draw of a department and year gets, from 1 without gaps (D5).
pub fn next_seq(tx: &mut Tx<'_>, department: &str, year: i32) -> Result<i64> {
    tx.query_one(
        "SELECT COALESCE(MAX(seq), 0) + 1 FROM draws WHERE department = $1 AND year = $2",
        &[&department, &year],
        |r| r.get(0),
    )
}

/// What a draw is defined with.
pub struct NewDraw<'n> {
    /// Id.
    pub id: &'n str,
    /// Code.
    pub department: &'n str,
    /// Year of the number.
    pub year: i32,
    /// Number within department and year.
    pub seq: i64,
    /// Number in words.
    pub number: &'n str,
    /// The form.
    pub input: &'n DrawInput,
    /// 32 random bytes.
    pub salt_key: Vec<u8>,
    /// 32 random bytes as 64 hexadecimal digits.
    pub nonce: &'n str,
    /// Name of who defines it.
    pub by: &'n str,
    /// When.
    pub now: i64,
}

/// Defines a draw. [`DbError::Duplicate`] where the plan has one that is not void.
pub fn insert(tx: &mut Tx<'_>, new: &NewDraw<'_>) -> Result<()> {
    tx.execute(
        "INSERT INTO draws (id, department, year, seq, number, plan, title, state, ceremony_at,
             sides, rolls, public_from, salt_key, nonce, created_by_name, created_at, drand_round)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'defined', $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        &[
            &new.id,
            &new.department,
            &new.year,
            &new.seq,
            &new.number,
            &new.input.plan,
            &new.input.title.trim(),
            &new.input.ceremony_at,
            &new.input.sides,
            &new.input.rolls,
            &new.input.public_from,
            &new.salt_key,
            &new.nonce,
            &new.by,
            &new.now,
            // At most 10¹².
            &new.input.drand_round.and_then(|n| i64::try_from(n).ok()),
        ],
    )?;
    Ok(())
}

/// Keeps what the check of the pools has shown.
pub fn checked(tx: &mut Tx<'_>, id: &str, frame: &FrameView, excluded: &[KeptOut]) -> Result<()> {
    let frame = serde_json::to_string(frame).unwrap_or_default();
    tx.execute(
        "UPDATE draws SET state = 'checked', frame = $2 WHERE id = $1",
        &[&id, &frame],
    )?;
    tx.execute("DELETE FROM draw_kept_out WHERE draw = $1", &[&id])?;
    let rows: Vec<(&str, &KeptOut)> = excluded.iter().map(|out| (id, out)).collect();
    tx.insert_many(
        "INSERT INTO draw_kept_out (draw, kind, id, name, ground) VALUES ($1, $2, $3, $4, $5)",
        &rows,
        |(draw, out)| {
            vec![
                Cell::Text(draw),
                Cell::Text(out.kind),
                out.id.cell(),
                out.name.cell(),
                out.ground.cell(),
            ]
        },
    )?;
    Ok(())
}

/// Keeps files of a draw; none of them can be changed afterwards.
pub fn keep_files(tx: &mut Tx<'_>, id: &str, files: &[(&str, &[u8])]) -> Result<()> {
    tx.insert_many(
        "INSERT INTO draw_files (draw, name, bytes) VALUES ($1, $2, $3)",
        files,
        |(name, bytes)| vec![id.cell(), Cell::Text(name), Cell::Blob(bytes)],
    )?;
    Ok(())
}

/// A file of a draw.
pub fn file(tx: &mut Tx<'_>, id: &str, name: &str) -> Result<Option<Vec<u8>>> {
    tx.query_opt(
        "SELECT bytes FROM draw_files WHERE draw = $1 AND name = $2",
        &[&id, &name],
        |r| r.get(0),
    )
}

/// The beginning of a file of a draw, at most so many bytes.
pub fn file_head(tx: &mut Tx<'_>, id: &str, name: &str, bytes: u32) -> Result<Vec<u8>> {
    let head = tx.query_opt(
        "SELECT substr(bytes, 1, $3) FROM draw_files WHERE draw = $1 AND name = $2",
        &[&id, &name, &bytes],
        |r| r.get(0),
    )?;
    Ok(head.unwrap_or_default())
}

/// Names of the first drawn objects and of their teams, by the objects' blinded ids.
pub fn first_names(
    tx: &mut Tx<'_>,
    id: &str,
    rows: u32,
) -> Result<HashMap<String, (String, Vec<String>)>> {
    let mut found: HashMap<String, (String, Vec<String>)> = HashMap::new();
    tx.for_each(
        "SELECT r.blinded, r.object_name, t.name FROM draw_results r
         LEFT JOIN draw_teams t ON t.draw = r.draw AND t.object = r.object
         WHERE r.draw = $1 AND r.role = 'drawn' AND r.rank < $2 ORDER BY r.rank, t.position",
        &[&id, &rows],
        |r| {
            let row = found.entry(r.get(0)?).or_insert((r.get(1)?, Vec::new()));
            row.1.extend(r.get::<Option<String>>(2)?);
            Ok(())
        },
    )?;
    Ok(found)
}

/// Committed.
pub fn committed(tx: &mut Tx<'_>, id: &str, commitment: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE draws SET state = 'committed', commitment = $2, committed_at = $3 WHERE id = $1",
        &[&id, &commitment, &now],
    )?;
    Ok(())
}

/// The list of witnesses is closed.
pub fn closed(tx: &mut Tx<'_>, id: &str, list_sha256: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE draws SET state = 'closed', witness_list_sha256 = $2, closed_at = $3 WHERE id = $1",
        &[&id, &list_sha256, &now],
    )?;
    Ok(())
}

/// All values are known; the server's nonce with them.
pub fn revealed(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE draws SET state = 'revealed', revealed_at = $2 WHERE id = $1",
        &[&id, &now],
    )?;
    Ok(())
}

/// A drawn object or a reserve, on its way in.
pub struct NewResult {
    /// `drawn` or `reserve`.
    pub role: &'static str,
    /// From 1.
    pub cell: u16,
    /// From 0.
    pub rank: u32,
    /// Register id.
    pub object: String,
    /// Blinded id.
    pub blinded: String,
    /// Name.
    pub name: String,
    /// Code.
    pub district: String,
    /// 64 hexadecimal digits.
    pub ticket: String,
    /// Week of a census, from 0.
    pub week: Option<u32>,
    /// The first leads.
    pub team: Vec<DrawnInspector>,
    /// Who assists.
    pub experts: Vec<DrawnInspector>,
}

/// The last source as it came out.
pub enum LastCame {
    /// The rolls in their order.
    Dice(Vec<u32>),
    /// The round's signature.
    Drand(String),
}

/// Keeps the result with its seed. A void draw whose seed could still be completed stays void.
pub fn drawn(
    tx: &mut Tx<'_>,
    id: &str,
    last: &LastCame,
    seed: &str,
    results: &[NewResult],
    now: i64,
) -> Result<()> {
    let (dice, signature) = match last {
        LastCame::Dice(rolls) => (serde_json::to_string(rolls).ok(), None),
        LastCame::Drand(signature) => (None, Some(signature)),
    };
    tx.execute(
        "UPDATE draws SET state = CASE state WHEN 'void' THEN 'void' ELSE 'drawn' END, dice = $2,
             drand_signature = $3, seed = $4, drawn_at = $5 WHERE id = $1",
        &[&id, &dice, &signature, &seed, &now],
    )?;
    let rows: Vec<(&str, &NewResult)> = results.iter().map(|r| (id, r)).collect();
    tx.insert_many(
        "INSERT INTO draw_results (draw, role, cell, rank, object, blinded, object_name, district,
             ticket, week)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &rows,
        |(draw, r)| {
            vec![
                draw.cell(),
                Cell::Text(r.role),
                r.cell.cell(),
                r.rank.cell(),
                r.object.cell(),
                r.blinded.cell(),
                r.name.cell(),
                r.district.cell(),
                r.ticket.cell(),
                r.week.as_ref().map_or(Cell::Null, Param::cell),
            ]
        },
    )?;
    for r in results {
        set_team(tx, id, &r.object, &r.team, &r.experts)?;
    }
    Ok(())
}

/// Gives a drawn object its team, the leader first, and its experts.
pub fn set_team(
    tx: &mut Tx<'_>,
    id: &str,
    object: &str,
    team: &[DrawnInspector],
    experts: &[DrawnInspector],
) -> Result<()> {
    tx.execute(
        "DELETE FROM draw_teams WHERE draw = $1 AND object = $2",
        &[&id, &object],
    )?;
    let roles = team
        .iter()
        .map(|p| ("inspector", p))
        .chain(experts.iter().map(|p| ("expert", p)));
    for (position, (role, person)) in (0i64..).zip(roles) {
        tx.execute(
            "INSERT INTO draw_teams (draw, object, position, inspector, name, unit, department, role)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                &id,
                &object,
                &position,
                &person.id,
                &person.name,
                &person.unit,
                &person.department,
                &role,
            ],
        )?;
    }
    Ok(())
}

/// How often each object was drawn for visits in a year, by all draws but one; objects of a census, and
/// those that were named otherwise, were not drawn. Who came in for another was, who went was not (P2).
pub fn drawn_in(tx: &mut Tx<'_>, year: i32, except: &str) -> Result<HashMap<String, u32>> {
    const DRAWS: &str = "SELECT d.id FROM draws d JOIN plans p ON p.id = d.plan
         WHERE p.year = $1 AND d.id <> $2 AND d.state IN ('drawn', 'dispatched')
           AND p.mode NOT LIKE '{\"kind\":\"census\"%' AND p.mode NOT LIKE '{\"kind\":\"inspectors\"%'";
    let mut counts = HashMap::new();
    tx.for_each(
        &format!(
            "SELECT object, COUNT(*) FROM (
                 SELECT r.draw, r.object FROM draw_results r WHERE r.role = 'drawn' AND r.draw IN ({DRAWS})
                 UNION
                 SELECT s.draw, s.comes FROM substitution_rows s
                     WHERE s.kind = 'replace' AND s.draw IN ({DRAWS})
                 EXCEPT
                 SELECT s.draw, s.object FROM substitution_rows s
                     WHERE s.kind IN ('replace', 'drop') AND s.draw IN ({DRAWS})
             ) GROUP BY object"
        ),
        &[&year, &except],
        |r| {
            counts.insert(r.get(0)?, r.get(1)?);
            Ok(())
        },
    )?;
    Ok(counts)
}

/// Tasks were sent.
pub fn dispatched(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE draws SET state = 'dispatched', dispatched_at = $2 WHERE id = $1",
        &[&id, &now],
    )?;
    Ok(())
}

/// Made void. It keeps its number and all that was public. After the seed with its legal ground and
/// who approved it.
pub fn voided(tx: &mut Tx<'_>, id: &str, void: &NewVoid<'_>) -> Result<()> {
    tx.execute(
        "UPDATE draws SET state = 'void', void_reason = $2, void_by_name = $3, void_at = $4,
             void_ground = $5, void_approved_by_name = $6
         WHERE id = $1",
        &[
            &id,
            &void.reason,
            &void.by,
            &void.now,
            &void.ground,
            &void.approved_by,
        ],
    )?;
    Ok(())
}

/// Why, by whom and when.
pub struct NewVoid<'v> {
    /// 1 to 200 characters.
    pub reason: &'v str,
    /// Name of who asked for it.
    pub by: &'v str,
    /// After the seed.
    pub ground: Option<&'v str>,
    /// After the seed.
    pub approved_by: Option<&'v str>,
    /// When.
    pub now: i64,
}

/// How many were drawn, and how many stand ready.
pub fn counts(tx: &mut Tx<'_>, id: &str) -> Result<(i64, i64)> {
    tx.query_one(
        "SELECT COUNT(CASE WHEN role = 'drawn' THEN 1 END),
             COUNT(CASE WHEN role = 'reserve' THEN 1 END)
         FROM draw_results WHERE draw = $1",
        &[&id],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

/// The drawn objects with their teams, in the order of rank.
pub fn result(tx: &mut Tx<'_>, id: &str) -> Result<Vec<ResultRow>> {
    result_of(tx, id, None)
}

/// The drawn objects, or one of them, with their teams.
pub fn result_of(tx: &mut Tx<'_>, id: &str, object: Option<&str>) -> Result<Vec<ResultRow>> {
    let mode: Option<String> = tx.query_opt(
        "SELECT p.mode FROM plans p JOIN draws d ON d.plan = p.id WHERE d.id = $1",
        &[&id],
        |r| r.get(0),
    )?;
    let mode: Option<PlanMode> = mode.and_then(|text| serde_json::from_str(&text).ok());
    let mut rows: Vec<ResultRow> = tx.query(
        "SELECT rank, cell, object, object_name, district, ticket, week FROM draw_results
         WHERE draw = $1 AND role = 'drawn' AND ($2 IS NULL OR object = $2) ORDER BY rank",
        &[&id, &object],
        |r| {
            let (rank, cell): (u32, u16) = (r.get(0)?, r.get(1)?);
            let week = r.get::<Option<u32>>(6)?.and_then(|week| {
                let (from, until) = mode.as_ref()?.week(week)?;
                Some(WeekView {
                    week: week + 1,
                    from,
                    until,
                })
            });
            Ok(ResultRow {
                rank: rank + 1,
                cell: format!("{cell:04}"),
                object: r.get(2)?,
                object_name: r.get(3)?,
                district: r.get(4)?,
                district_name: String::new(),
                ticket: r.get(5)?,
                inspectors: Vec::new(),
                experts: Vec::new(),
                week,
            })
        },
    )?;
    let place: std::collections::HashMap<String, usize> = rows
        .iter()
        .enumerate()
        .map(|(n, row)| (row.object.clone(), n))
        .collect();
    tx.for_each(
        "SELECT object, inspector, name, unit, department, role FROM draw_teams
         WHERE draw = $1 AND ($2 IS NULL OR object = $2) ORDER BY object, position",
        &[&id, &object],
        |r| {
            let object: String = r.get(0)?;
            if let Some(n) = place.get(&object) {
                let person = DrawnInspector {
                    id: r.get(1)?,
                    name: r.get(2)?,
                    unit: r.get(3)?,
                    department: r.get(4)?,
                };
                match r.get::<String>(5)?.as_str() {
                    "expert" => rows[*n].experts.push(person),
                    _ => rows[*n].inspectors.push(person),
                }
            }
            Ok(())
        },
    )?;
    Ok(rows)
}

/// A reserve of a draw, with nobody in its team yet.
pub fn reserve(tx: &mut Tx<'_>, id: &str, object: &str) -> Result<Option<ResultRow>> {
    tx.query_opt(
        "SELECT rank, cell, object_name, district, ticket FROM draw_results
         WHERE draw = $1 AND object = $2 AND role = 'reserve'",
        &[&id, &object],
        |r| {
            let (rank, cell): (u32, u16) = (r.get(0)?, r.get(1)?);
            let district: String = r.get(3)?;
            Ok(ResultRow {
                rank: rank + 1,
                cell: format!("{cell:04}"),
                object: object.to_owned(),
                object_name: r.get(2)?,
                district_name: region::name(&district).unwrap_or(&district).to_owned(),
                district,
                ticket: r.get(4)?,
                inspectors: Vec::new(),
                experts: Vec::new(),
                week: None,
            })
        },
    )
}

/// Which draws a list is of.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In this state only.
    pub state: Option<DrawState>,
    /// Of this plan only.
    pub plan: Option<String>,
    /// Of this year only.
    pub year: Option<i32>,
    /// Code of a department that takes part.
    pub department: Option<String>,
    /// Kind of its mode.
    pub mode: Option<String>,
    /// Pattern on number and title.
    pub pattern: Option<String>,
    /// Departments that may be seen; `None`: all.
    pub departments: Option<Vec<String>>,
    /// Rows to pass over.
    pub offset: u32,
    /// Rows at most.
    pub limit: u32,
}

/// A page of draws, newest first, void ones too, and how many there are.
pub fn list(tx: &mut Tx<'_>, wanted: &Wanted) -> Result<(Vec<DrawRow>, i64)> {
    let state = wanted.state.map(DrawState::as_str);
    let scope = wanted
        .departments
        .as_ref()
        .map(|list| format!(",{},", list.join(",")));
    let params: [&dyn Param; 9] = [
        &state,
        &wanted.plan,
        &wanted.pattern,
        &scope,
        &wanted.year,
        &wanted.department,
        &wanted.mode,
        &wanted.limit,
        &wanted.offset,
    ];
    let filter = "($1 IS NULL OR state = $1) AND ($2 IS NULL OR plan = $2) \
         AND ($3 IS NULL OR title LIKE $3 ESCAPE '\\' OR number LIKE $3 ESCAPE '\\') \
         AND ($4 IS NULL OR EXISTS (SELECT 1 FROM plan_departments p
              WHERE p.plan = draws.plan AND instr($4, ',' || p.department || ',') > 0)) \
         AND ($5 IS NULL OR year = $5) \
         AND ($6 IS NULL OR EXISTS (SELECT 1 FROM plan_departments p
              WHERE p.plan = draws.plan AND p.state <> 'declined' AND p.department = $6)) \
         AND ($7 IS NULL OR EXISTS (SELECT 1 FROM plans p
              WHERE p.id = draws.plan AND instr(p.mode, '\"kind\":\"' || $7 || '\"') > 0))";
    let sql = format!("SELECT COUNT(*) FROM draws WHERE {filter}");
    let total = tx.query_one(&sql, &params[..7], |r| r.get(0))?;
    let sql = format!(
        "SELECT {COLUMNS} FROM draws WHERE {filter} ORDER BY created_at DESC, id LIMIT $8 OFFSET $9"
    );
    let mut rows = Vec::new();
    for draw in tx.query(&sql, &params, draw)? {
        let (drawn, _) = counts(tx, &draw.id)?;
        let Some(plan) = plan::store::find(tx, &draw.plan)? else {
            continue;
        };
        rows.push(DrawRow {
            departments: plan.departments.into_iter().map(|d| d.department).collect(),
            mode: plan.mode,
            id: draw.id,
            number: draw.number,
            title: draw.title,
            department: draw.department,
            plan: draw.plan,
            state: draw.state,
            commitment: draw.commitment,
            drawn,
            ceremony_at: draw.ceremony_at,
            void_reason: draw.void.map(|v| v.reason),
        });
    }
    Ok((rows, total))
}

/// A page of those who are kept out; `kind` is `object`, `inspector` or empty for all.
pub fn excluded(
    tx: &mut Tx<'_>,
    id: &str,
    kind: &str,
    offset: u32,
    limit: u32,
) -> Result<(Vec<ExcludedRow>, i64)> {
    let total = tx.query_one(
        "SELECT COUNT(*) FROM draw_kept_out WHERE draw = $1 AND ($2 = '' OR kind = $2)",
        &[&id, &kind],
        |r| r.get(0),
    )?;
    let rows = tx.query(
        "SELECT kind, id, name, ground FROM draw_kept_out WHERE draw = $1 AND ($2 = '' OR kind = $2)
         ORDER BY kind, ground, name, id LIMIT $3 OFFSET $4",
        &[&id, &kind, &limit, &offset],
        |r| {
            Ok(ExcludedRow {
                kind: r.get(0)?,
                id: r.get(1)?,
                name: r.get(2)?,
                ground: r.get(3)?,
            })
        },
    )?;
    Ok((rows, total))
}

/// All draws that were committed or became void before, newest first: what the public sees (D5).
pub fn public(tx: &mut Tx<'_>, limit: u32, offset: u32) -> Result<(Vec<Draw>, i64)> {
    let total = tx.query_one(
        "SELECT COUNT(*) FROM draws WHERE commitment IS NOT NULL OR state = 'void'",
        &[],
        |r| r.get(0),
    )?;
    let sql = format!(
        "SELECT {COLUMNS} FROM draws WHERE commitment IS NOT NULL OR state = 'void'
         ORDER BY COALESCE(committed_at, void_at) DESC, id LIMIT $1 OFFSET $2"
    );
    Ok((tx.query(&sql, &[&limit, &offset], draw)?, total))
}

/// The void draw of the same plan right before this one, and a void draw's successor.
pub fn neighbours(tx: &mut Tx<'_>, draw: &Draw) -> Result<(Option<Draw>, Option<Draw>)> {
    let mut one = |condition: &str| {
        let sql = format!("SELECT {COLUMNS} FROM draws WHERE plan = $1 AND {condition} LIMIT 1");
        tx.query_opt(&sql, &[&draw.plan, &draw.id], self::draw)
    };
    let before = one(
        "state = 'void' AND (created_at, seq) < (SELECT created_at, seq FROM draws WHERE id = $2)
         ORDER BY created_at DESC, seq DESC",
    )?;
    let after = match draw.void {
        Some(_) => one(
            "(created_at, seq) > (SELECT created_at, seq FROM draws WHERE id = $2)
             ORDER BY created_at, seq",
        )?,
        None => None,
    };
    Ok((before, after))
}

/// The files of a draw that make its transcript, as far as they exist; openings never.
pub fn transcript(tx: &mut Tx<'_>, id: &str) -> Result<Vec<(String, Vec<u8>)>> {
    tx.query(
        "SELECT name, bytes FROM draw_files
         WHERE draw = $1 AND name NOT IN ('openings.csv', 'names.tsv') ORDER BY name",
        &[&id],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}
