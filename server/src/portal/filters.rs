//! How the templates show things.

use chrono::{DateTime, Datelike, NaiveDate};

use crate::clock::china;
use crate::draw::DrawState;
use crate::draw::public::PublicDraw;
use crate::publication::{Category, PublicResult};

/// 2026年11月24日
#[askama::filter_fn]
pub fn day(date: &NaiveDate, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(format!(
        "{}年{}月{}日",
        date.year(),
        date.month(),
        date.day()
    ))
}

/// 2026年11月24日 from `2026-11-24`; what is no date as it is.
#[askama::filter_fn]
pub fn date_words(date: &str, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(date.parse::<NaiveDate>().map_or_else(
        |_| date.to_owned(),
        |d| format!("{}年{}月{}日", d.year(), d.month(), d.day()),
    ))
}

/// 2026年11月24日 09:30, China time.
#[askama::filter_fn]
pub fn moment(millis: &i64, _: &dyn askama::Values) -> askama::Result<String> {
    let at = DateTime::from_timestamp_millis(*millis)
        .unwrap_or_default()
        .with_timezone(&china());
    Ok(format!(
        "{}年{}月{}日 {}",
        at.year(),
        at.month(),
        at.day(),
        at.format("%H:%M")
    ))
}

/// The look of a category; its name stands beside it, so colour is never alone.
#[askama::filter_fn]
pub fn tone(category: &Category, _: &dyn askama::Values) -> askama::Result<&'static str> {
    Ok(match category {
        Category::NoProblem => "good",
        Category::NoActivity | Category::Other => "",
        _ => "warn",
    })
}

/// The categories of all items, each once.
#[askama::filter_fn]
pub fn categories(result: &PublicResult, _: &dyn askama::Values) -> askama::Result<Vec<Category>> {
    let mut all: Vec<Category> = result
        .items
        .iter()
        .flat_map(|i| i.results.clone())
        .collect();
    all.sort();
    all.dedup();
    Ok(all)
}

/// Where a draw stands, in words.
#[askama::filter_fn]
pub fn draw_state(draw: &PublicDraw, _: &dyn askama::Values) -> askama::Result<&'static str> {
    Ok(match draw.state {
        DrawState::Void => "已作废",
        DrawState::Dispatched => "已抽取，已派发",
        DrawState::Drawn => "已抽取",
        DrawState::Revealed => "等待最后的随机来源",
        DrawState::Closed => "见证人已截止",
        DrawState::Committed => "已封存，等待抽取",
        DrawState::Checked | DrawState::Defined => "准备中",
    })
}

/// A hash in groups of eight, to be read and photographed.
#[askama::filter_fn]
pub fn groups(hash: &str, _: &dyn askama::Values) -> askama::Result<Vec<String>> {
    let chars: Vec<char> = hash.chars().collect();
    Ok(chars.chunks(8).map(|c| c.iter().collect()).collect())
}
