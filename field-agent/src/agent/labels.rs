//! Names of cells and values in the words of the office.

use sync::facts::TaskFacts;
use sync::record::View;

use crate::api::record::{Place, Step};

/// The nine result categories (U3).
pub fn category(code: &str) -> &'static str {
    match code {
        "no_problem" => "未发现问题",
        "not_published" => "未按规定公示应当公示的信息",
        "false_information" => "公示信息隐瞒真实情况、弄虚作假",
        "unreachable" => "通过登记的住所（经营场所）无法联系",
        "ordered_to_correct" => "发现问题已责令改正",
        "uncooperative" => "不配合检查情节严重",
        "no_activity" => "未发现开展本次抽查涉及的经营活动",
        "pending" => "发现问题待后续处理",
        _ => "其他情况",
    }
}

/// An answer to a check point.
pub fn answer(code: &str) -> &str {
    match code {
        "compliant" => "符合",
        "non_compliant" => "不符合",
        "not_applicable" => "不适用",
        other => other,
    }
}

/// How the inspection was made.
pub fn method(code: &str) -> &str {
    match code {
        "on_site" => "实地检查",
        "written" => "书面检查",
        "online" => "网络监测",
        other => other,
    }
}

/// Why the inspection code was not scanned before the check (X2).
pub fn code_late(code: &str) -> &str {
    match code {
        "network" => "网络故障",
        "system" => "系统故障",
        "emergency" => "情况紧急",
        "other" => "其他原因",
        other => other,
    }
}

/// How the inspection code was read.
pub fn code_how(code: &str) -> &str {
    match code {
        "camera" => "扫码",
        "picture" => "从图片识别",
        "typed" => "人工录入",
        other => other,
    }
}

/// Where the place came from.
pub fn place_source(code: &str) -> &str {
    match code {
        "gps" => "卫星定位",
        "network" => "网络定位",
        "manual" => "人工填写",
        other => other,
    }
}

/// The name of a cell, such as 食品销售 · 检查要点 3 · 答案.
pub fn cell(path: &str, facts: &TaskFacts, view: &View) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["point", item, point, field] => {
            let sheet = facts.sheets.iter().find(|s| s.item == *item);
            let no = sheet
                .and_then(|s| s.point(point))
                .map_or_else(|| (*point).to_owned(), |p| p.no.to_string());
            let name = sheet.map_or(*item, |s| s.name.as_str());
            let field = if *field == "answer" {
                "结论"
            } else {
                "说明"
            };
            format!("{name} · 检查要点 {no} · {field}")
        }
        ["result", item, what] => {
            let name = facts
                .sheets
                .iter()
                .find(|s| s.item == *item)
                .map_or(*item, |s| s.name.as_str());
            let what = if *what == "note" {
                "说明"
            } else {
                category(what)
            };
            format!("{name} · 检查结果 · {what}")
        }
        ["done", _, person] => format!(
            "{} · 本人部分完成",
            view.text(&format!("team/{person}/name"))
        ),
        [
            kind @ ("photo" | "clip" | "document" | "statement" | "sample" | "cost" | "witness"),
            _,
            field,
        ] => {
            format!("{} · {}", collection(kind), entry_field(kind, field))
        }
        _ => plain(path).to_owned(),
    }
}

fn collection(kind: &str) -> &'static str {
    match kind {
        "photo" => "照片",
        "clip" => "录像录音",
        "document" => "查阅资料",
        "statement" => "陈述",
        "sample" => "样品",
        "cost" => "第三方费用",
        _ => "见证人",
    }
}

fn entry_field<'a>(kind: &str, field: &'a str) -> &'a str {
    match field {
        "title" | "name" => "名称",
        "note" | "place_note" => "说明",
        "caption" => "说明",
        "point" => "所属检查要点",
        "speaker" => "陈述人",
        "capacity" => "身份",
        "text" => "内容",
        "quantity" => "数量",
        "entrusted_by" => "委托单位",
        "purpose" => "用途",
        "amount_fen" => "金额（分）",
        "ink" => "手写签名",
        "withdrawn" => "撤回",
        _ if kind == "photo" => "照片信息",
        "kind" if kind == "clip" => "内容类别",
        _ if kind == "clip" => "文件信息",
        other => other,
    }
}

/// What a clip shows, as the office says it.
pub fn clip_kind(word: &str) -> &str {
    match word {
        "entry" => "进入现场",
        "identity" => "核实身份",
        "certificates" => "出示证件",
        "check" => "检查过程",
        "refusal" => "拒绝情形",
        other => other,
    }
}

fn plain(path: &str) -> &str {
    match path {
        "visit/certificates_shown_at" => "出示执法证件时间",
        "visit/certificates_shown_by" => "出示执法证件人员",
        "visit/start_at" => "检查开始时间",
        "visit/end_at" => "检查结束时间",
        "visit/method" => "检查方式",
        "visit/lat_e7" => "地点纬度",
        "visit/lon_e7" => "地点经度",
        "visit/accuracy_cm" => "定位精度",
        "visit/place_source" => "定位来源",
        "visit/place_mock" => "模拟定位",
        "visit/place_note" => "地点说明",
        "code/text" => "检查码",
        "code/how" => "检查码录入方式",
        "code/read_at" => "检查码录入时间",
        "code/late" => "未先扫码原因",
        "code/reason" => "未先扫码说明",
        "fee/none" => "未收取费用",
        "handling/opinion" => "处理意见",
        "handling/measure" => "处理措施",
        "handling/deadline" => "整改期限",
        "party/opinion" => "当事人意见",
        "party/name" => "当事人代表",
        "party/capacity" => "当事人代表身份",
        "party/phone" => "当事人电话",
        other => other,
    }
}

/// Where a cell is on screen.
pub fn place(path: &str) -> Place {
    let parts: Vec<&str> = path.split('/').collect();
    let mut place = Place {
        step: Step::Arrival,
        path: Some(path.to_owned()),
        item: None,
        point: None,
        photo: None,
        person: None,
    };
    match parts.as_slice() {
        ["point", item, point, ..] => {
            place.step = Step::Points;
            place.item = Some((*item).to_owned());
            place.point = Some((*point).to_owned());
        }
        ["photo", photo, ..] => {
            place.step = Step::Points;
            place.photo = Some((*photo).to_owned());
        }
        [
            "clip" | "document" | "statement" | "sample" | "cost" | "witness",
            ..,
        ] => place.step = Step::Evidence,
        ["result", item, ..] => {
            place.step = Step::Result;
            place.item = Some((*item).to_owned());
        }
        ["fee", ..] => place.step = Step::Result,
        ["handling" | "party", ..] => place.step = Step::Opinion,
        ["visit", "end_at"] => place.step = Step::Opinion,
        ["done", _, person] => {
            place.step = Step::SignOff;
            place.person = Some((*person).to_owned());
        }
        _ => {}
    }
    place
}
