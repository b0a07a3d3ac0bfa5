//! What the figures of a year are counted from.

use super::{PlanCoverage, YearDraw};
use crate::clock::china_date;
use crate::db::{DbError, Result, Tx};
use crate::draw::DrawState;
use crate::draw::openings::rules;
use crate::draw::view::FrameView;
use crate::error::AppError;

/// The draws of a year; `departments`: only those in which one of these takes part.
pub fn draws(
    tx: &mut Tx<'_>,
    year: i32,
    departments: Option<&str>,
) -> std::result::Result<Vec<YearDraw>, AppError> {
    let rows: Vec<(String, YearDraw)> = tx.query(
        "SELECT id, department, seq, state, commitment IS NOT NULL, COALESCE(drawn_at, ceremony_at),
             drawn_at IS NOT NULL
         FROM draws d WHERE d.year = $1 AND ($2 IS NULL OR EXISTS (
             SELECT 1 FROM plan_departments p WHERE p.plan = d.plan AND p.state <> 'declined'
                 AND instr($2, ',' || p.department || ',') > 0))
         ORDER BY department, seq",
        &[&year, &departments],
        |r| {
            let draw = YearDraw {
                department: r.get(1)?,
                seq: r.get(2)?,
                state: state(&r.get::<String>(3)?)?,
                committed: r.get(4)?,
                month: chrono::Datelike::month(&china_date(r.get(5)?)),
                drawn: r.get(6)?,
                departments: Vec::new(),
            };
            Ok((r.get(0)?, draw))
        },
    )?;
    let mut draws = Vec::with_capacity(rows.len());
    for (id, mut draw) in rows {
        draw.departments = match rules(tx, &id)? {
            Some(rules) => rules.departments.into_iter().map(|d| d.code).collect(),
            None => vec![draw.department.clone()],
        };
        draws.push(draw);
    }
    Ok(draws)
}

fn state(word: &str) -> Result<DrawState> {
    DrawState::parse(word).ok_or(DbError::Column {
        index: 3,
        expected: "DrawState",
    })
}

/// Years in which there are draws, the newest first.
pub fn years(tx: &mut Tx<'_>) -> Result<Vec<i32>> {
    tx.query(
        "SELECT DISTINCT year FROM draws ORDER BY year DESC",
        &[],
        |r| r.get(0),
    )
}

/// The locked plans of a year with what became of them.
pub fn plans(tx: &mut Tx<'_>, year: i32, departments: Option<&str>) -> Result<Vec<PlanCoverage>> {
    let mut rows = tx.query(
        "SELECT p.id, p.title, p.department, d.id, d.state, d.frame,
             (SELECT COUNT(*) FROM draw_results r WHERE r.draw = d.id AND r.role = 'drawn'),
             (SELECT COUNT(*) FROM draws v WHERE v.plan = p.id AND v.state = 'void')
         FROM plans p LEFT JOIN draws d ON d.plan = p.id AND d.state <> 'void'
         WHERE p.year = $1 AND p.state = 'locked'
             AND ($2 IS NULL OR EXISTS (SELECT 1 FROM plan_departments w
                 WHERE w.plan = p.id AND w.state <> 'declined'
                     AND instr($2, ',' || w.department || ',') > 0))
         ORDER BY p.department, p.locked_at, p.id",
        &[&year, &departments],
        |r| {
            let frame: Option<FrameView> = r
                .get::<Option<String>>(5)?
                .and_then(|text| serde_json::from_str(&text).ok());
            let word: Option<String> = r.get(4)?;
            Ok(PlanCoverage {
                plan: r.get(0)?,
                title: r.get(1)?,
                department: r.get(2)?,
                draw: r.get(3)?,
                draw_state: word.as_deref().map(state).transpose()?,
                objects: frame.map_or(0, |f| f.cells.iter().map(|c| c.objects).sum()),
                drawn: r.get(6)?,
                tasks: 0,
                done: 0,
                published: 0,
                void: r.get(7)?,
            })
        },
    )?;
    for row in &mut rows {
        let Some(draw) = &row.draw else { continue };
        (row.tasks, row.done, row.published) = tx.query_one(
            "SELECT COUNT(*), COUNT(CASE WHEN t.state IN ('sealed', 'accepted') THEN 1 END),
                 COUNT(p.task)
             FROM tasks t LEFT JOIN publication_index p ON p.task = t.id
             WHERE t.draw = $1 AND t.state <> 'withdrawn'",
            &[draw],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
        )?;
    }
    Ok(rows)
}
