//! What a record still lacks: a pure function of check sheets and cells (F2, F5).

use sync::cells::CATEGORIES;
use sync::facts::{CheckPoint, Demand, TaskFacts};
use sync::inspection_code as code;
use sync::record::View;

use super::labels;
use crate::api::record::{Missing, Place, Progress, Step, StepProgress};

/// A place for a person or a photo.
fn at(step: Step, path: Option<&str>) -> Place {
    Place {
        step,
        path: path.map(str::to_owned),
        item: None,
        point: None,
        photo: None,
        person: None,
    }
}

fn missing(code: &str, text: impl Into<String>, blocks: bool, place: Place) -> Missing {
    Missing {
        code: code.into(),
        text: text.into(),
        blocks,
        place,
    }
}

/// Everything that the cells lack, in the order of the steps. What depends on the tablet (photos that
/// are not here, colleagues who are not done) is added by the caller.
pub fn missing_cells(facts: &TaskFacts, view: &View) -> Vec<Missing> {
    let mut rows = arrival(view);
    for sheet in &facts.sheets {
        for point in &sheet.points {
            rows.extend(check_point(view, &sheet.item, &sheet.name, point));
        }
    }
    rows.extend(result(facts, view));
    rows.extend(opinion(view));
    rows.extend(code_due(facts, view));
    for path in view.conflicts() {
        let text = format!(
            "{}：两人填写不同，请选定一个。",
            labels::cell(path, facts, view)
        );
        rows.push(missing("conflict", text, true, labels::place(path)));
    }
    rows
}

fn arrival(view: &View) -> Vec<Missing> {
    let mut rows = Vec::new();
    let mut need = |there: bool, code: &str, text: &str, path: &str| {
        if !there {
            rows.push(missing(code, text, true, at(Step::Arrival, Some(path))));
        }
    };
    let shown = view.int("visit/certificates_shown_at").is_some();
    need(
        shown,
        "arrival_missing",
        "尚未记录出示执法证件。",
        "visit/certificates_shown_at",
    );
    need(
        view.int("visit/start_at").is_some(),
        "arrival_missing",
        "尚未记录检查开始时间。",
        "visit/start_at",
    );
    need(
        !view.text("visit/method").is_empty(),
        "arrival_missing",
        "尚未选择检查方式。",
        "visit/method",
    );
    need(
        place_known(view),
        "place_missing",
        "尚未定位；没有信号时请填写地点说明。",
        "visit/lat_e7",
    );
    if view.is_true("visit/place_mock") {
        rows.push(missing(
            "place_mock",
            "定位来自模拟位置，将随记录保存。",
            false,
            at(Step::Arrival, Some("visit/place_mock")),
        ));
    }
    rows
}

/// The inspection code: nobody is kept from signing by a network that failed, but the reason is
/// asked for while the people are still together (X2).
fn code_due(facts: &TaskFacts, view: &View) -> Vec<Missing> {
    let mut rows = Vec::new();
    let mut warn = |name: &str, text: &str, path: &str| {
        rows.push(missing(name, text, false, at(Step::Arrival, Some(path))));
    };
    let text = view.text("code/text");
    if code::reason_missing(view) {
        warn(
            "code_missing",
            "检查前没有扫描检查码：请扫码，或注明原因并在检查结束后 10 日内补录。",
            "code/text",
        );
    }
    if code::compare(text, &facts.object.code) == code::Match::Other {
        warn(
            "code_other",
            "检查码与检查对象不一致，请核对是否扫错。",
            "code/text",
        );
    }
    rows
}

fn place_known(view: &View) -> bool {
    let located = view.int("visit/lat_e7").is_some() && view.int("visit/lon_e7").is_some();
    located
        || !view.text("visit/place_note").trim().is_empty()
        || matches!(view.text("visit/method"), "written" | "online")
}

fn check_point(view: &View, item: &str, sheet: &str, point: &CheckPoint) -> Vec<Missing> {
    let mut rows = Vec::new();
    let base = format!("point/{item}/{}", point.id);
    let answer = view.text(&format!("{base}/answer"));
    let mut need = |code: &str, what: &str, path: String| {
        let mut place = labels::place(&path);
        place.path = Some(path);
        rows.push(missing(
            code,
            format!("{sheet} · 检查要点 {}：{what}", point.no),
            true,
            place,
        ));
    };
    if !point.accepts(answer) {
        need("answer_missing", "尚未作出结论。", format!("{base}/answer"));
        return rows;
    }
    if point.note.applies(answer) && view.text(&format!("{base}/note")).trim().is_empty() {
        need("note_missing", "需要填写说明。", format!("{base}/note"));
    }
    if point.photo.applies(answer) && photos_of(view, item, &point.id) == 0 {
        need("photo_missing", "需要拍照。", format!("{base}/answer"));
    }
    rows
}

/// Photos of a check point that nobody has withdrawn.
fn photos_of(view: &View, item: &str, point: &str) -> usize {
    let wanted = format!("{item}/{point}");
    view.standing("photo")
        .iter()
        .filter(|id| view.text(&format!("photo/{id}/point")) == wanted)
        .count()
}

fn has_result(view: &View, item: &str) -> bool {
    CATEGORIES
        .iter()
        .any(|c| view.is_true(&format!("result/{item}/{c}")))
}

fn result(facts: &TaskFacts, view: &View) -> Vec<Missing> {
    let mut rows = Vec::new();
    if !view.is_true("fee/none") {
        rows.push(missing(
            "fee_missing",
            "尚未声明未向当事人收取费用。",
            true,
            at(Step::Result, Some("fee/none")),
        ));
    }
    for sheet in &facts.sheets {
        let item = &sheet.item;
        let path = format!("result/{item}");
        let place = || Place {
            item: Some(item.clone()),
            ..at(Step::Result, Some(&path))
        };
        if !has_result(view, item) {
            rows.push(missing(
                "result_missing",
                format!("{}：尚未选择检查结果。", sheet.name),
                true,
                place(),
            ));
        }
        let alone = view.is_true(&format!("{path}/no_problem"));
        let others = CATEGORIES
            .iter()
            .skip(1)
            .any(|c| *c != "other" && view.is_true(&format!("{path}/{c}")));
        if alone && others {
            rows.push(missing(
                "result_contradicts",
                format!("{}：“未发现问题”与其他结果同时选中。", sheet.name),
                true,
                place(),
            ));
        }
        let found = sheet
            .points
            .iter()
            .any(|p| view.text(&format!("point/{item}/{}/answer", p.id)) == "non_compliant");
        if alone && found {
            rows.push(missing(
                "result_contradicts",
                format!(
                    "{}：有“不符合”的检查要点，但结果为“未发现问题”。",
                    sheet.name
                ),
                true,
                place(),
            ));
        }
        let noted = !view.text(&format!("{path}/note")).trim().is_empty();
        if view.is_true(&format!("{path}/other")) && !noted {
            rows.push(missing(
                "note_missing",
                format!("{}：选择“其他情况”需要说明。", sheet.name),
                true,
                place(),
            ));
        }
    }
    rows
}

fn opinion(view: &View) -> Vec<Missing> {
    let mut rows = Vec::new();
    if view.text("handling/opinion").trim().is_empty() {
        rows.push(missing(
            "opinion_missing",
            "尚未填写处理意见。",
            true,
            at(Step::Opinion, Some("handling/opinion")),
        ));
    }
    match (view.int("visit/start_at"), view.int("visit/end_at")) {
        (_, None) => rows.push(missing(
            "end_missing",
            "尚未记录检查结束时间。",
            true,
            at(Step::Opinion, Some("visit/end_at")),
        )),
        (Some(start), Some(end)) if end < start => {
            rows.push(missing(
                "end_before_start",
                "结束时间早于开始时间。",
                true,
                at(Step::Opinion, Some("visit/end_at")),
            ));
        }
        _ => {}
    }
    if view.text("party/opinion").trim().is_empty() {
        rows.push(missing(
            "party_opinion_missing",
            "尚未填写当事人意见；没有意见可写“无异议”。",
            false,
            at(Step::Opinion, Some("party/opinion")),
        ));
    }
    rows
}

fn point_done(view: &View, item: &str, point: &CheckPoint) -> bool {
    check_point(view, item, "", point).is_empty()
}

/// Progress over the check points and the steps. `signed` of `signers` have signed.
pub fn progress(facts: &TaskFacts, view: &View, signed: u32, signers: u32) -> Progress {
    let mut next_open_point = None;
    let (mut points_done, mut points_total) = (0, 0);
    for sheet in &facts.sheets {
        for point in &sheet.points {
            points_total += 1;
            if point_done(view, &sheet.item, point) {
                points_done += 1;
            } else if next_open_point.is_none() {
                next_open_point = Some(format!("{}/{}", sheet.item, point.id));
            }
        }
    }
    let truths = |list: &[bool]| {
        (
            list.iter().filter(|t| **t).count() as u32,
            list.len() as u32,
        )
    };
    let arrival = truths(&[
        view.int("visit/certificates_shown_at").is_some(),
        view.int("visit/start_at").is_some(),
        !view.text("visit/method").is_empty(),
        place_known(view),
    ]);
    let evidence: usize = ["document", "statement", "sample", "cost", "witness"]
        .iter()
        .map(|k| view.standing(k).len())
        .sum();
    let results: Vec<bool> = facts
        .sheets
        .iter()
        .map(|s| has_result(view, &s.item))
        .chain([view.is_true("fee/none")])
        .collect();
    let opinion = truths(&[
        !view.text("handling/opinion").trim().is_empty(),
        view.int("visit/end_at").is_some(),
    ]);
    let conflicts = view.conflicts();
    let step = |step, (done, total)| StepProgress {
        step,
        done,
        total,
        conflicts: conflicts
            .iter()
            .filter(|p| labels::place(p).step == step)
            .count() as u32,
    };
    Progress {
        points_done,
        points_total,
        next_open_point,
        steps: vec![
            step(Step::Arrival, arrival),
            step(Step::Points, (points_done, points_total)),
            step(Step::Evidence, (evidence as u32, evidence as u32)),
            step(Step::Result, truths(&results)),
            step(Step::Opinion, opinion),
            step(Step::SignOff, (signed, signers)),
        ],
        conflicts: conflicts.len() as u32,
    }
}

/// What the sheet says about photos and notes, for tests and screens.
pub fn demand_word(demand: Demand) -> crate::api::tasks::DemandView {
    use crate::api::tasks::DemandView;
    match demand {
        Demand::Never => DemandView::Never,
        Demand::Optional => DemandView::Optional,
        Demand::OnNonCompliant => DemandView::OnNonCompliant,
        Demand::Always => DemandView::Always,
    }
}
