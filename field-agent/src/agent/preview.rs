//! The record as it will read 《双随机抽查记录表》.

use sync::cells::{CATEGORIES, Value};
use sync::record::View;

use super::record::to_scalar;
use super::{Agent, Loaded, labels};
use crate::api::Problem;
use crate::api::sign::{Preview, PreviewRow, PreviewSection};

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
    }
}

fn time_row(view: &View, label: &str, path: &str) -> PreviewRow {
    row(label, view.int(path).map_or_else(|| "—".to_owned(), time))
}

fn text_row(view: &View, label: &str, path: &str) -> PreviewRow {
    let text = view.text(path);
    row(label, if text.is_empty() { "—" } else { text })
}

impl Agent {
    /// The readable record.
    pub fn preview(&self, me: &str, task: &str) -> Result<Preview, Problem> {
        self.with_record(me, task, |open, id| Ok(compose(open.record(id)?)))
    }
}

/// The record as `record.view` has it.
pub(super) fn compose(record: &Loaded) -> Preview {
    let mut sections = vec![object(record), visit(record)];
    sections.extend(sheets(record));
    sections.push(evidence(record));
    sections.push(results(record));
    sections.push(opinions(record));
    sections.retain(|s| !s.rows.is_empty());
    Preview {
        title: "双随机抽查记录表".into(),
        number: record.facts.number.clone(),
        sections,
    }
}

fn section(title: &str, rows: Vec<PreviewRow>) -> PreviewSection {
    PreviewSection {
        title: title.into(),
        rows,
    }
}

fn object(record: &Loaded) -> PreviewSection {
    let object = &record.facts.object;
    let team = record
        .roster
        .members
        .iter()
        .map(|m| format!("{}（{}）", m.name, m.certificate));
    let rows = vec![
        row("检查对象", object.name.as_str()),
        row("统一社会信用代码", object.code.as_str()),
        row("地址", object.address.as_str()),
        row("负责人", object.responsible.as_str()),
        row("检查机关", record.facts.department_name.as_str()),
        row("检查人员", team.collect::<Vec<_>>().join("、")),
    ];
    section("检查对象与检查人员", rows)
}

fn visit(record: &Loaded) -> PreviewSection {
    let view = &record.view;
    let place = match (view.int("visit/lat_e7"), view.int("visit/lon_e7")) {
        (Some(lat), Some(lon)) => {
            let source = labels::place_source(view.text("visit/place_source"));
            let accuracy = view
                .int("visit/accuracy_cm")
                .map_or_else(String::new, |cm| {
                    format!("，精度约 {} 米", cm.div_euclid(100).max(1))
                });
            format!(
                "{:.5}, {:.5}（{source}{accuracy}）",
                lat as f64 / 1e7,
                lon as f64 / 1e7
            )
        }
        _ => "未定位".into(),
    };
    let mut place = row("地点", place);
    place.note = Some(view.text("visit/place_note").to_owned()).filter(|n| !n.is_empty());
    let mut shown = time_row(view, "出示执法证件", "visit/certificates_shown_at");
    shown.note =
        Some(view.text("visit/certificates_shown_by").to_owned()).filter(|n| !n.is_empty());
    let rows = vec![
        shown,
        time_row(view, "开始时间", "visit/start_at"),
        time_row(view, "结束时间", "visit/end_at"),
        row("检查方式", labels::method(view.text("visit/method"))),
        place,
    ];
    section("检查经过", rows)
}

fn sheets(record: &Loaded) -> Vec<PreviewSection> {
    let view = &record.view;
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
            }
        });
        section(&sheet.name, rows.collect())
    };
    record.facts.sheets.iter().map(of_sheet).collect()
}

fn evidence(record: &Loaded) -> PreviewSection {
    let view = &record.view;
    let mut rows = Vec::new();
    let mut add = |kind: &str, label: &str, value: &str, note: &str| {
        for id in view.standing(kind) {
            let text = |field: &str| view.text(&format!("{kind}/{id}/{field}"));
            let mut line = row(label, text(value));
            line.note = Some(text(note).to_owned()).filter(|n| !n.is_empty());
            rows.push(line);
        }
    };
    add("document", "查阅资料", "title", "note");
    add("statement", "陈述", "text", "speaker");
    add("sample", "样品", "name", "quantity");
    add("witness", "见证人", "name", "capacity");
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

fn results(record: &Loaded) -> PreviewSection {
    let view = &record.view;
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

fn opinions(record: &Loaded) -> PreviewSection {
    let view = &record.view;
    let party = [
        view.text("party/name"),
        view.text("party/capacity"),
        view.text("party/phone"),
    ];
    let mut rows = vec![
        text_row(view, "处理意见", "handling/opinion"),
        text_row(view, "处理措施", "handling/measure"),
        text_row(view, "整改期限", "handling/deadline"),
        text_row(view, "当事人意见", "party/opinion"),
    ];
    let party: Vec<&str> = party.into_iter().filter(|t| !t.is_empty()).collect();
    if !party.is_empty() {
        rows.push(row("当事人代表", party.join(" · ")));
    }
    section("意见", rows)
}
