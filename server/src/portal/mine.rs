//! `/draws/{id}/mine`: an object looks itself up with what stands on its notice or slip (X1).

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use super::pages::{HTML, missing};
use super::{answer, filters, pace};
use crate::device::normal_code;
use crate::draw::notice::NoticeMode;
use crate::draw::openings::mine::Told;
use crate::draw::openings::mine_facts::{Found, Held, Listed, look_up};
use crate::draw::public::{self, PublicDraw};
use crate::error::AppError;
use crate::extract::{Path, Query};
use crate::publication::public_code;
use crate::state::AppState;

/// What was typed, or stands in the QR code.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    id: String,
    #[serde(default)]
    salt: String,
    #[serde(default)]
    code: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// A citizen ID was typed, which no transcript holds.
    CitizenId,
    /// The id is no id.
    Id,
    /// The salt is no salt.
    Salt,
    /// Nobody in this draw has this id with this salt.
    Unknown,
    /// Too many questions.
    TooOften,
}

impl Wrong {
    fn words(self) -> &'static str {
        match self {
            Self::CitizenId => {
                "请不要输入身份证号。个人的编号是凭条上由字母和数字组成的一串，与身份证号无关。"
            }
            Self::Id => {
                "编号只由字母、数字和连字符组成，最多 64 位。请照通知书或凭条上的“编号”填写。"
            }
            Self::Salt => {
                "随机码须为 64 位，只含数字 0-9 和字母 a-f。请照通知书或凭条填写，或者直接扫码。"
            }
            Self::Unknown => {
                "编号和随机码对不上这次抽取的任何名单。请核对是不是抄错了，是不是这一次抽取的通知书或凭条。"
            }
            Self::TooOften => "查询太频繁，请过一分钟再试。",
        }
    }
}

/// Reads what was asked; nothing was asked where both fields are empty.
fn read(asked: &Asked) -> Option<Result<Held, Wrong>> {
    let tight = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
    let (id, salt) = (tight(&asked.id), tight(&asked.salt).to_lowercase());
    if id.is_empty() && salt.is_empty() {
        return None;
    }
    let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    Some(if public_code(&id) != id {
        Err(Wrong::CitizenId)
    } else if !(1..=64).contains(&id.len()) || !id.bytes().all(token) {
        Err(Wrong::Id)
    } else if salt.len() != 64 || !salt.bytes().all(hex) {
        Err(Wrong::Salt)
    } else {
        let code = normal_code(&asked.code);
        Ok(Held { id, salt, code })
    })
}

#[derive(Template)]
#[template(path = "mine.html")]
struct Mine {
    d: PublicDraw,
    wrong: Option<&'static str>,
    found: Option<Found>,
    /// What goes back into the form; never a citizen ID.
    id: String,
    salt: String,
    code: String,
}

impl Mine {
    fn excluded(&self) -> bool {
        let listed = self.found.as_ref().map(|f| &f.listed);
        matches!(listed, Some(Listed::Excluded { .. }))
    }
}

pub(super) async fn mine(
    State(state): State<AppState>,
    Path(draw): Path<String>,
    Query(asked): Query<Asked>,
    parts: Parts,
) -> Result<Response, AppError> {
    let now = state.now();
    let mut held = read(&asked);
    let address = pace::address(&state.config, &parts);
    if held.is_some() && !state.pace.may(&address, now) {
        held = Some(Err(Wrong::TooOften));
    }
    let asked_for = held.as_ref().and_then(|h| h.as_ref().ok()).cloned();
    // One at a time: a list may hold millions.
    let _turn = match &asked_for {
        Some(_) => Some(state.lookups.acquire().await.map_err(AppError::internal)?),
        None => None,
    };
    let seen = state
        .db
        .read(move |tx| {
            let sealed = |d: &PublicDraw| d.commitment.is_some();
            let Some(d) = public::draw(tx, &draw, now)?.filter(sealed) else {
                return Ok(None);
            };
            let found = match &asked_for {
                Some(held) => look_up(tx, &d, held)?,
                None => None,
            };
            Ok(Some((d, found)))
        })
        .await?;
    let Some((d, found)) = seen else {
        return Ok(missing());
    };
    let wrong = match &held {
        Some(Err(wrong)) => Some(*wrong),
        Some(Ok(_)) if found.is_none() => Some(Wrong::Unknown),
        _ => None,
    };
    let (id, salt, code) = match held {
        Some(Ok(held)) => (held.id, held.salt, held.code),
        Some(Err(Wrong::CitizenId)) | None => Default::default(),
        Some(Err(_)) => (asked.id, asked.salt, asked.code),
    };
    let status = match wrong {
        Some(Wrong::TooOften) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::OK,
    };
    let page = Mine {
        d,
        wrong: wrong.map(Wrong::words),
        found,
        id,
        salt,
        code,
    };
    let html = page.render().map_err(AppError::internal)?;
    let mut response = answer(status, HTML, html);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    // The address holds the salt: no other page shall be told of it.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // X1, S3: what was typed is read kindly, and a citizen ID goes nowhere.
    #[rstest]
    #[case::nothing("", "", None)]
    #[case::as_printed("91440300MA5A0001XX", "0123 4567", Some(Some(Wrong::Salt)))]
    #[case::half("91440300MA5A0001XX", "", Some(Some(Wrong::Salt)))]
    #[case::no_id("", &"a".repeat(64), Some(Some(Wrong::Id)))]
    #[case::markup("<b>", &"a".repeat(64), Some(Some(Wrong::Id)))]
    #[case::citizen("11010519491231002X", &"a".repeat(64), Some(Some(Wrong::CitizenId)))]
    #[case::right("91440300MA5A0001XX", &"A".repeat(64), Some(None))]
    #[case::with_spaces(" 91440300 MA5A0001XX", &format!(" {}\n", "a b".repeat(32)), Some(None))]
    fn what_was_typed_is_read(
        #[case] id: &str,
        #[case] salt: &str,
        #[case] expected: Option<Option<Wrong>>,
    ) {
        let asked = Asked {
            id: id.into(),
            salt: salt.into(),
            code: "abcd-efgh".into(),
        };
        let read = read(&asked);
        assert_eq!(read.as_ref().map(|r| r.as_ref().err().copied()), expected);
        if let Some(Ok(held)) = read {
            assert_eq!(held.salt.len(), 64);
            assert_eq!((held.id.len(), held.code.as_str()), (18, "ABCDEFGH"));
        }
    }
}
