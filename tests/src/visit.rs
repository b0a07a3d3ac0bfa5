//! One visit as inspectors carry it out on their tablets: arrival, check points, photos, result,
//! sign-off. Used by the demo and the stories.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::office::text;
use crate::picture;
use crate::tablet::{Tablet, ink};

/// Arrival: certificates shown, start, method, place.
pub async fn arrive(tablet: &Tablet, task: &str, names: &str, now: i64) -> anyhow::Result<()> {
    let cells: [(&str, Value); 8] = [
        ("visit/certificates_shown_at", json!(now)),
        ("visit/certificates_shown_by", json!(names)),
        ("visit/start_at", json!(now)),
        ("visit/method", json!("on_site")),
        ("visit/lat_e7", json!(225_431_000)),
        ("visit/lon_e7", json!(1_140_579_000)),
        ("visit/accuracy_cm", json!(850)),
        ("visit/place_source", json!("gps")),
    ];
    write(tablet, task, cells).await
}

/// Answers every check point of the sheets that `mine` chooses as its kind wants it; `bad` ones as
/// non-compliant, with note and photo.
pub async fn answer(
    tablet: &Tablet,
    task: &str,
    mine: impl Fn(usize) -> bool,
    bad: impl Fn(usize) -> bool,
) -> anyhow::Result<usize> {
    let detail = tablet.get(&format!("/api/tasks/{task}")).await?;
    let mut answered = 0;
    let mut index = 0;
    for sheet in detail["sheets"].as_array().into_iter().flatten() {
        let item = text(sheet, "item")?;
        for point in sheet["points"].as_array().into_iter().flatten() {
            index += 1;
            if !mine(index) {
                continue;
            }
            let id = text(point, "point")?;
            let is_bad = bad(index) && point["answer"]["kind"] == "verdict";
            let value = fitting_answer(&point["answer"], is_bad);
            write(tablet, task, [(format!("point/{item}/{id}/answer"), value)]).await?;
            let demanded = |what: &str| {
                let demand = point[what].as_str().unwrap_or_default();
                demand == "always" || (demand == "on_non_compliant" && is_bad)
            };
            if is_bad || demanded("note") {
                let note = "第二层货架三件商品未标明价格，负责人现场确认，承诺当日补齐。";
                write(
                    tablet,
                    task,
                    [(format!("point/{item}/{id}/note"), json!(note))],
                )
                .await?;
            }
            if demanded("photo") {
                let photo = picture::shelf(index as u32)?;
                tablet
                    .photo(
                        task,
                        &format!("{item}/{id}"),
                        "检查要点现场情况",
                        "shelf.jpg",
                        photo,
                    )
                    .await?;
            }
            answered += 1;
        }
    }
    Ok(answered)
}

fn fitting_answer(kind: &Value, is_bad: bool) -> Value {
    match kind["kind"].as_str() {
        Some("number") => json!("12"),
        Some("text") => json!("现场查看属实"),
        Some("choice") => kind["options"][0].clone(),
        _ if is_bad => json!("non_compliant"),
        _ => json!("compliant"),
    }
}

/// Result, opinions, the statement that no fee was charged, and the end of the visit.
pub async fn conclude(tablet: &Tablet, task: &str, found: bool, now: i64) -> anyhow::Result<()> {
    let detail = tablet.get(&format!("/api/tasks/{task}")).await?;
    let category = if found {
        "ordered_to_correct"
    } else {
        "no_problem"
    };
    for sheet in detail["sheets"].as_array().into_iter().flatten() {
        let item = text(sheet, "item")?;
        write(
            tablet,
            task,
            [(format!("result/{item}/{category}"), json!(true))],
        )
        .await?;
    }
    let opinion = if found {
        "责令当场改正，三日内复查。"
    } else {
        "未发现问题，建议保持。"
    };
    let cells: [(&str, Value); 6] = [
        ("fee/none", json!(true)),
        ("handling/opinion", json!(opinion)),
        ("party/name", json!("示例负责人")),
        ("party/capacity", json!("现场负责人")),
        ("party/opinion", json!("无异议。")),
        ("visit/end_at", json!(now)),
    ];
    write(tablet, task, cells).await
}

/// Both inspectors and the party sign on this tablet; returns the seal's fingerprint.
pub async fn sign(
    tablet: &Tablet,
    task: &str,
    signers: &[(String, String)],
    excluded: Value,
) -> anyhow::Result<String> {
    let missing = tablet.get(&format!("/api/tasks/{task}/missing")).await?;
    ensure!(missing["can_sign"] == true, "still missing: {missing}");
    sign_now(tablet, task, signers, excluded).await
}

/// The same, whoever is waited for if he is not `excluded`.
pub async fn sign_now(
    tablet: &Tablet,
    task: &str,
    signers: &[(String, String)],
    excluded: Value,
) -> anyhow::Result<String> {
    let path = format!("/api/tasks/{task}/sign-off");
    tablet.post(&path, json!({ "excluded": excluded })).await?;
    let party =
        json!({ "kind": "signed", "name": "示例负责人", "capacity": "现场负责人", "ink": ink(1) });
    tablet.post(&format!("{path}/party"), party).await?;
    let mut last = Value::Null;
    for (n, (person, pin)) in (2..).zip(signers) {
        let body = json!({ "person": person, "pin": pin, "ink": ink(n) });
        last = tablet.post(&format!("{path}/inspectors"), body).await?;
    }
    text(&last["seal"], "fingerprint")
}

/// Writes cells in one durable edit.
pub async fn write<P: Into<String>, const N: usize>(
    tablet: &Tablet,
    task: &str,
    cells: [(P, Value); N],
) -> anyhow::Result<()> {
    let cells: Vec<(String, Value)> = cells.into_iter().map(|(p, v)| (p.into(), v)).collect();
    tablet.write(task, &cells).await.map(|_| ())
}
