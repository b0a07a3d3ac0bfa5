//! `/draws`: the year in draws for the public (D5, J3).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::Datelike;
use serde::Deserialize;

use super::filters;
use super::pages::{LAST_PAGE, Pages, ROWS, encoded, page};
use crate::draw::year::{MonthDraws, Numbers, PublicYear, Sought, public_year};
use crate::error::AppError;
use crate::extract::{Query, like_pattern};
use crate::state::AppState;

/// What a visitor looks for. Texts, so that nothing that is typed is refused.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    year: String,
    #[serde(default)]
    department: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
}

/// A bar of the chart: where it stands and how high it is, in units of the picture.
struct Bar {
    month: u32,
    x: u32,
    drawn: u32,
    void: u32,
    drawn_height: u32,
    void_height: u32,
}

/// Height of the highest bar.
const TALL: u32 = 80;

impl Bar {
    fn all(months: &[MonthDraws]) -> Vec<Bar> {
        let most = months
            .iter()
            .map(|m| m.drawn + m.void)
            .max()
            .unwrap_or(0)
            .max(1);
        let bar = |m: &MonthDraws| Bar {
            month: m.month,
            x: (m.month - 1) * 30,
            drawn: m.drawn,
            void: m.void,
            drawn_height: m.drawn * TALL / most,
            void_height: m.void * TALL / most,
        };
        months.iter().map(bar).collect()
    }

    fn drawn_top(&self) -> u32 {
        TALL + 20 - self.drawn_height
    }

    fn void_top(&self) -> u32 {
        self.drawn_top() - self.void_height
    }

    fn count_at(&self) -> u32 {
        self.void_top() - 5
    }
}

#[derive(Template)]
#[template(path = "draws.html")]
struct Draws {
    year: i32,
    department: String,
    q: String,
    bars: Vec<Bar>,
    y: PublicYear,
    pages: Pages,
}

impl Draws {
    fn name(&self, code: &str) -> String {
        let found = self.y.departments.iter().find(|(c, _)| c == code);
        found.map_or_else(|| code.to_owned(), |(_, name)| name.clone())
    }

    /// `12.5%`
    fn share(&self) -> String {
        let ppm = self.y.figures.cross.share_ppm;
        let text = format!("{}.{}", ppm / 10_000, ppm % 10_000 / 1_000);
        format!("{}%", text.trim_end_matches(".0"))
    }

    /// The numbers of a department in words.
    fn numbers(&self, n: &Numbers) -> String {
        let list = |of: &[i64]| {
            of.iter()
                .map(|n| format!("{n}号"))
                .collect::<Vec<_>>()
                .join("、")
        };
        let mut text = match n.last {
            1 => "1 号".to_owned(),
            last => format!("1 至 {last} 号"),
        };
        text.push_str(match n.missing.is_empty() {
            true => "，没有缺号",
            false => "，缺号：",
        });
        text.push_str(&list(&n.missing));
        if !n.void.is_empty() {
            text.push_str(&format!("；作废 {}", list(&n.void)));
        }
        if !n.preparing.is_empty() {
            text.push_str(&format!("；尚未封存 {}", list(&n.preparing)));
        }
        text
    }
}

pub(super) async fn draws(
    State(state): State<AppState>,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let now = state.now();
    let this = state.today().year();
    let year = asked.year.parse().unwrap_or(this);
    let number = asked.page.parse().unwrap_or(1).clamp(1, LAST_PAGE);
    let q: String = asked.q.trim().chars().take(100).collect();
    let department: String = asked.department.chars().take(64).collect();
    let sought = Sought {
        year,
        department: department.clone(),
        pattern: like_pattern(&q),
        offset: (number - 1) * ROWS,
        limit: ROWS,
    };
    let mut y = state
        .db
        .read(move |tx| public_year(tx, &sought, now))
        .await?;
    for always in [this, year] {
        if !y.years.contains(&always) && (2000..2200).contains(&always) {
            y.years.push(always);
        }
    }
    y.years.sort_unstable_by(|a, b| b.cmp(a));
    let base = format!(
        "/draws?year={year}&department={}&q={}&page=",
        encoded(&department),
        encoded(&q)
    );
    page(&Draws {
        pages: Pages::of(number, y.total, &base),
        bars: Bar::all(&y.figures.months),
        year,
        department,
        q,
        y,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_one_line_and_the_highest_fills_the_picture() {
        let months = [(1, 2, 0), (2, 3, 1), (3, 0, 0)].map(|(month, drawn, void)| MonthDraws {
            month,
            drawn,
            void,
            open: 0,
        });
        let bars = Bar::all(&months);
        assert!(
            bars.iter()
                .all(|b| b.drawn_top() + b.drawn_height == TALL + 20)
        );
        assert_eq!((bars[1].void_top(), bars[2].count_at()), (20, TALL + 15));
        assert_eq!(Bar::all(&[]).len(), 0);
    }
}
