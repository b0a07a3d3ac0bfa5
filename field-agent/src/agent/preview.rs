//! The record as it will read 《双随机抽查记录表》.

use sync::cells::{CATEGORIES, Value};
use sync::record::View;

use sync::inspection_code as code;
use sync::place::{self, Point};

use super::record::to_scalar;
use super::tasks::Circumstances;
use super::{Agent, Loaded, labels};
use crate::api::Problem;
use crate::api::sign::{Preview, PreviewAuthor, PreviewRow, PreviewSection};

/// A time in China, as people write it.
fn time(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms.saturating_add(8 * 3_600_000)).map_or_else(
        || "时间有误".to_owned(),
        |t| t.format("%Y年%m月%d日 %H:%M").to_string(),
    )
}

fn row(label: impl Into<String>, value: impl Into<String>) -> PreviewRow {
    PreviewRow {
        label: label.into(),
        value: value.into(),
        note: None,
        tone: "neutral".into(),
        photos: Vec::new(),
        raw: None,
        by: Vec::new(),
        ink: None,
    }
}

fn time_row(record: &Loaded, view: &View, label: &str, path: &str) -> PreviewRow {
    let mut line = row(label, view.int(path).map_or_else(|| "—".to_owned(), time));
    line.by = authors(record, view, path);
    line
}

fn text_row(record: &Loaded, view: &View, label: &str, path: &str) -> PreviewRow {
    let text = view.text(path);
    let mut line = row(label, if text.is_empty() { "—" } else { text });
    line.by = authors(record, view, path);
    line
}

impl Agent {
    /// The readable record.
    pub fn preview(&self, me: &str, task: &str) -> Result<Preview, Problem> {
        self.with_record(me, task, |open, id| {
            let around = Circumstances::of(&open.db, task)?;
            let record = open.record(id)?;
            // What was signed is what is read: later changes stand beside it (design §5).
            let sealed = match around.seal(record) {
                Ok(seal) => record.doc.view_at(&seal.subject.heads).ok(),
                Err(_) => None,
            };
            Ok(readable(record, sealed.as_ref().unwrap_or(&record.view)))
        })
    }
}

/// The record as it reads with the cells of `view`.
pub(super) fn readable(record: &Loaded, view: &View) -> Preview {
    let mut sections = vec![
        object(record, view),
        visit(record, view),
        inspection_code(record, view),
    ];
    sections.extend(sheets(record, view));
    sections.push(evidence(record, view));
    sections.push(results(record, view));
    sections.push(opinions(record, view));
    sections.retain(|s| !s.rows.is_empty());
    Preview {
        title: "双随机抽查记录表".into(),
        number: record.facts.number.clone(),
        sections,
    }
}

/// Who wrote what stands in a cell, each once.
fn authors(record: &Loaded, view: &View, path: &str) -> Vec<PreviewAuthor> {
    let mut by: Vec<PreviewAuthor> = Vec::new();
    for written in view.cells.get(path).into_iter().flatten() {
        let person = record.person_of(&written.actor);
        if person.is_empty() || by.iter().any(|a| a.person == person) {
            continue;
        }
        by.push(PreviewAuthor {
            person: person.to_owned(),
            name: record.name_of(person),
            at: written.at,
            relieved: record.status_of(person) == "relieved",
        });
    }
    by
}

fn section(title: &str, rows: Vec<PreviewRow>) -> PreviewSection {
    PreviewSection {
        title: title.into(),
        rows,
    }
}

fn object(record: &Loaded, view: &View) -> PreviewSection {
    let object = &record.facts.object;
    let team = record
        .roster
        .members
        .iter()
        .map(|m| format!("{}（{}）", m.name, m.certificate));
    let mut rows = vec![
        row("检查对象", object.name.as_str()),
        row("统一社会信用代码", object.code.as_str()),
        row("地址", object.address.as_str()),
        row("负责人", object.responsible.as_str()),
        row("检查机关", record.facts.department_name.as_str()),
        row("检查人员", team.collect::<Vec<_>>().join("、")),
    ];
    // Whoever was relieved in the middle answers for what they wrote (X5).
    let mut gone: Vec<String> = view
        .entries("team")
        .into_iter()
        .filter(|p| !record.roster.members.iter().any(|m| m.person == **p))
        .map(|p| format!("{}（已替换，此前的记录以其名义保留）", record.name_of(p)))
        .collect();
    gone.sort();
    if !gone.is_empty() {
        rows.push(row("原检查人员", gone.join("、")));
    }
    section("检查对象与检查人员", rows)
}

/// Distance and direction from the object's registered location, where that is known.
fn away(record: &Loaded, view: &View) -> String {
    let object = &record.facts.object;
    let registered = Point::of(object.lat_e7, object.lon_e7);
    let here = Point::of(view.int("visit/lat_e7"), view.int("visit/lon_e7"));
    registered.zip(here).map_or_else(String::new, |(from, to)| {
        let seen = place::seen_from(from, to);
        match seen.metres {
            0 => "，与登记位置一致".to_owned(),
            m => format!("，在登记位置{}方向 {m} 米", seen.direction.name()),
        }
    })
}

/// The inspection code as it stands now: entered after the seal it is no part of what was signed, and
/// says so (X2).
fn inspection_code(record: &Loaded, signed: &View) -> PreviewSection {
    let view = &record.view;
    let text = view.text("code/text");
    let mut rows = Vec::new();
    if !text.is_empty() {
        let compared = match code::compare(text, &record.facts.object.code) {
            code::Match::Same => "与检查对象一致",
            code::Match::Other => "与检查对象不一致",
            code::Match::Unknown => "须人工核对",
        };
        let mut line = row("检查码", text);
        let how = labels::code_how(view.text("code/how"));
        let at = view.int("code/read_at").map(time).unwrap_or_default();
        let later = if signed.text("code/text") == text {
            ""
        } else {
            " · 签署后补录"
        };
        line.note = Some(format!("{compared} · {how} {at}{later}"));
        line.tone = match code::compare(text, &record.facts.object.code) {
            code::Match::Same => "good",
            code::Match::Other => "bad",
            code::Match::Unknown => "neutral",
        }
        .into();
        line.by = authors(record, view, "code/text");
        rows.push(line);
    }
    let late = view.text("code/late");
    if !late.is_empty() {
        let mut line = row("未先扫码原因", labels::code_late(late));
        line.note = Some(view.text("code/reason").to_owned()).filter(|n| !n.is_empty());
        line.by = authors(record, view, "code/late");
        rows.push(line);
    }
    section("检查码", rows)
}

fn visit(record: &Loaded, view: &View) -> PreviewSection {
    let place = match (view.int("visit/lat_e7"), view.int("visit/lon_e7")) {
        (Some(lat), Some(lon)) => {
            let source = labels::place_source(view.text("visit/place_source"));
            let accuracy = view
                .int("visit/accuracy_cm")
                .map_or_else(String::new, |cm| {
                    format!("，精度约 {} 米", cm.div_euclid(100).max(1))
                });
            let mock = if view.is_true("visit/place_mock") {
                "，疑似模拟定位"
            } else {
                ""
            };
            format!(
                "{:.5}, {:.5}（{source}{accuracy}{mock}）{}",
                lat as f64 / 1e7,
                lon as f64 / 1e7,
                away(record, view)
            )
        }
        _ => "未定位".into(),
    };
    let mut place = row("地点", place);
    place.by = authors(record, view, "visit/lat_e7");
    if view.is_true("visit/place_mock") {
        place.tone = "bad".into();
    }
    place.note = Some(view.text("visit/place_note").to_owned()).filter(|n| !n.is_empty());
    let mut shown = time_row(record, view, "出示执法证件", "visit/certificates_shown_at");
    shown.note =
        Some(view.text("visit/certificates_shown_by").to_owned()).filter(|n| !n.is_empty());
    let rows = vec![
        shown,
        time_row(record, view, "开始时间", "visit/start_at"),
        time_row(record, view, "结束时间", "visit/end_at"),
        row("检查方式", labels::method(view.text("visit/method"))),
        place,
    ];
    section("检查经过", rows)
}

fn sheets(record: &Loaded, view: &View) -> Vec<PreviewSection> {
    let photos = view.standing("photo");
    let of_sheet = |sheet: &sync::facts::CheckSheet| {
        let rows = sheet.points.iter().map(|point| {
            let base = format!("point/{}/{}", sheet.item, point.id);
            let answer = view.text(&format!("{base}/answer"));
            let wanted = format!("{}/{}", sheet.item, point.id);
            let unit = match &point.answer {
                sync::facts::AnswerKind::Number { unit } if answer != "not_applicable" => {
                    format!(" {unit}")
                }
                _ => String::new(),
            };
            let value = if answer.is_empty() {
                "未作结论".to_owned()
            } else {
                format!("{}{unit}", labels::answer(answer))
            };
            let tone = match answer {
                "compliant" => "good",
                "non_compliant" => "bad",
                _ => "neutral",
            };
            PreviewRow {
                label: format!("{}. {}", point.no, point.content),
                value,
                note: Some(view.text(&format!("{base}/note")).to_owned()).filter(|n| !n.is_empty()),
                tone: tone.into(),
                photos: photos
                    .iter()
                    .filter(|id| view.text(&format!("photo/{id}/point")) == wanted)
                    .map(|id| (*id).to_owned())
                    .collect(),
                raw: view.get(&format!("{base}/answer")).map(to_scalar),
                by: authors(record, view, &format!("{base}/answer")),
                ink: None,
            }
        });
        section(&sheet.name, rows.collect())
    };
    record.facts.sheets.iter().map(of_sheet).collect()
}

fn evidence(record: &Loaded, view: &View) -> PreviewSection {
    let mut rows = Vec::new();
    let mut add = |kind: &str, label: &str, value: &str, notes: [&str; 2]| {
        for id in view.standing(kind) {
            let text = |field: &str| view.text(&format!("{kind}/{id}/{field}"));
            let mut line = row(label, text(value));
            let notes: Vec<&str> = notes
                .iter()
                .map(|field| text(field))
                .filter(|note| !note.is_empty())
                .collect();
            line.note = Some(notes.join(" · ")).filter(|n| !n.is_empty());
            line.by = authors(record, view, &format!("{kind}/{id}/{value}"));
            line.ink = serde_json::from_str(text("ink")).ok();
            rows.push(line);
        }
    };
    add("document", "查阅资料", "title", ["note", ""]);
    add("statement", "陈述", "text", ["speaker", "capacity"]);
    add("sample", "样品", "name", ["quantity", "note"]);
    add("witness", "见证人", "name", ["capacity", ""]);
    for id in view.standing("cost") {
        let fen = view.int(&format!("cost/{id}/amount_fen")).unwrap_or(0);
        let mut line = row(
            "第三方费用",
            format!("{}.{:02} 元", fen / 100, (fen % 100).abs()),
        );
        line.note = Some(format!(
            "{}：{}",
            view.text(&format!("cost/{id}/entrusted_by")),
            view.text(&format!("cost/{id}/purpose"))
        ));
        rows.push(line);
    }
    for id in view.standing("clip") {
        let text = |field: &str| view.text(&format!("clip/{id}/{field}"));
        let sound = text("media").starts_with("audio/");
        let mut line = row(
            if sound { "录音" } else { "录像" },
            labels::clip_kind(text("kind")),
        );
        let length = view.int(&format!("clip/{id}/duration_ms")).map(|ms| {
            let seconds = ms / 1000;
            format!("{}:{:02}", seconds / 60, seconds % 60)
        });
        let notes = [Some(text("caption").to_owned()), length];
        let notes: Vec<String> = notes
            .into_iter()
            .flatten()
            .filter(|n| !n.is_empty())
            .collect();
        line.note = Some(notes.join(" · ")).filter(|n| !n.is_empty());
        line.by = authors(record, view, &format!("clip/{id}/sha256"));
        rows.push(line);
    }
    let loose: Vec<String> = view
        .standing("photo")
        .iter()
        .filter(|id| view.text(&format!("photo/{id}/point")).is_empty())
        .map(|id| (*id).to_owned())
        .collect();
    if !loose.is_empty() {
        let mut line = row("其他照片", format!("{} 张", loose.len()));
        line.photos = loose;
        rows.push(line);
    }
    section("证据与见证", rows)
}

fn results(record: &Loaded, view: &View) -> PreviewSection {
    let mut rows = Vec::new();
    for sheet in &record.facts.sheets {
        let chosen: Vec<&str> = CATEGORIES
            .iter()
            .filter(|c| view.is_true(&format!("result/{}/{c}", sheet.item)))
            .map(|c| labels::category(c))
            .collect();
        let clean = view.is_true(&format!("result/{}/no_problem", sheet.item));
        let mut line = row(
            sheet.name.as_str(),
            if chosen.is_empty() {
                "未选择".to_owned()
            } else {
                chosen.join("；")
            },
        );
        line.note = Some(view.text(&format!("result/{}/note", sheet.item)).to_owned())
            .filter(|n| !n.is_empty());
        line.tone = if clean {
            "good"
        } else if chosen.is_empty() {
            "neutral"
        } else {
            "bad"
        }
        .into();
        rows.push(line);
    }
    let fee = match view.get("fee/none") {
        Some(Value::Bool(true)) => "本次检查未向当事人收取任何费用",
        _ => "未声明",
    };
    rows.push(row("收费情况", fee));
    section("检查结果", rows)
}

fn opinions(record: &Loaded, view: &View) -> PreviewSection {
    let party = [
        view.text("party/name"),
        view.text("party/capacity"),
        view.text("party/phone"),
    ];
    let mut rows = vec![
        text_row(record, view, "处理意见", "handling/opinion"),
        text_row(record, view, "处理措施", "handling/measure"),
        text_row(record, view, "整改期限", "handling/deadline"),
        text_row(record, view, "当事人意见", "party/opinion"),
    ];
    let party: Vec<&str> = party.into_iter().filter(|t| !t.is_empty()).collect();
    if !party.is_empty() {
        rows.push(row("当事人代表", party.join(" · ")));
    }
    section("意见", rows)
}
