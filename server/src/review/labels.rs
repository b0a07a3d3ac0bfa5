//! The cells of a record in the words of the office.

use ::sync::cells::Value;
use ::sync::facts::CheckSheet;
use chrono::DateTime;

use crate::clock::china;
use crate::publication::Category;

/// Where a cell is, in Chinese.
pub fn label(path: &str, sheets: &[CheckSheet]) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["point", item, point, word] => {
            let what = if *word == "note" {
                "备注"
            } else {
                "检查结果"
            };
            format!("{} {what}", point_name(sheets, item, point))
        }
        ["result", item, "note"] => format!("{} 结果说明", sheet_name(sheets, item)),
        ["result", item, code] => {
            let category = Category::ALL.into_iter().find(|c| c.code() == *code);
            let name = category.map_or_else(|| (*code).to_owned(), |c| c.name().to_owned());
            format!("{} 结果“{name}”", sheet_name(sheets, item))
        }
        [collection, _, word] => match entry_words(collection, word) {
            Some((thing, word)) => format!("{thing}：{word}"),
            None => server_label(&parts).unwrap_or_else(|| path.to_owned()),
        },
        _ => single_label(path)
            .map(str::to_owned)
            .or_else(|| server_label(&parts))
            .unwrap_or_else(|| path.to_owned()),
    }
}

fn sheet_name<'a>(sheets: &'a [CheckSheet], item: &'a str) -> &'a str {
    sheets
        .iter()
        .find(|s| s.item == item)
        .map_or(item, |s| &s.name)
}

fn point_name(sheets: &[CheckSheet], item: &str, point: &str) -> String {
    let sheet = sheets.iter().find(|s| s.item == item);
    match sheet.and_then(|s| s.point(point)) {
        Some(p) => format!("第 {} 项 {}", p.no, p.content),
        None => format!("{item} {point}"),
    }
}

fn single_label(path: &str) -> Option<&'static str> {
    Some(match path {
        "visit/certificates_shown_at" => "出示执法证时间",
        "visit/certificates_shown_by" => "出示执法证人员",
        "visit/start_at" => "检查开始",
        "visit/end_at" => "检查结束",
        "visit/method" => "检查方式",
        "visit/lat_e7" => "检查地点纬度",
        "visit/lon_e7" => "检查地点经度",
        "visit/accuracy_cm" => "定位精度",
        "visit/place_source" => "定位来源",
        "visit/place_mock" => "模拟定位",
        "visit/place_note" => "地点说明",
        "code/text" => "检查码",
        "code/how" => "检查码录入方式",
        "code/read_at" => "检查码录入时间",
        "code/late" => "未先扫码原因",
        "code/reason" => "未先扫码说明",
        "fee/none" => "未收取任何费用",
        "handling/opinion" => "处理意见",
        "handling/measure" => "处理措施",
        "handling/deadline" => "整改期限",
        "party/opinion" => "被检查对象意见",
        "party/name" => "被检查对象代表",
        "party/capacity" => "代表身份",
        "party/phone" => "代表电话",
        _ => return None,
    })
}

fn entry_words(collection: &str, word: &str) -> Option<(&'static str, &'static str)> {
    let thing = match collection {
        "photo" => "照片",
        "clip" => "录像录音",
        "document" => "查阅资料",
        "statement" => "陈述",
        "sample" => "抽样",
        "cost" => "第三方费用",
        "witness" => "见证人",
        _ => return None,
    };
    let word = match word {
        "sha256" => "原文件指纹",
        "size" => "原文件大小",
        "media" => "文件类型",
        "point" => "所属检查要点",
        "caption" => "说明",
        "taken_at" => "拍摄时间",
        "added_at" => "加入时间",
        "width" | "height" => "尺寸",
        "lat_e7" | "lon_e7" => "拍摄地点",
        "kind" => "内容类别",
        "recorded_at" => "录制时间",
        "duration_ms" => "时长",
        "withdrawn" => "撤回",
        "title" => "名称",
        "note" => "备注",
        "speaker" => "陈述人",
        "capacity" => "身份",
        "text" => "内容",
        "name" => "名称",
        "quantity" => "数量",
        "entrusted_by" => "委托方",
        "purpose" => "用途",
        "amount_fen" => "金额",
        "ink" => "手写签名",
        w if w.starts_with("rendition") => "显示图",
        w if w.starts_with("thumbnail") => "缩略图",
        _ => return None,
    };
    Some((thing, word))
}

/// Cells that only the server writes, and declarations of a round.
fn server_label(parts: &[&str]) -> Option<String> {
    Some(match parts {
        ["round", n, "opened_at"] => format!("第 {n} 轮开始"),
        ["round", n, "remarks"] => format!("第 {n} 轮退回意见"),
        ["round", n, "late"] => format!("第 {n} 轮纳入的迟到修改"),
        ["done", n, _] => format!("第 {n} 轮本人部分完成"),
        ["team", ..] => "检查组".to_owned(),
        ["facts", ..] => "任务信息".to_owned(),
        ["item" | "form", ..] | ["v"] => "检查表".to_owned(),
        _ => return None,
    })
}

/// A cell's value as people read it. Answers stay in their own words, which the reader's language
/// has names for.
pub fn shown(path: &str, value: &Value) -> String {
    match value {
        Value::Bool(true) => "是".to_owned(),
        Value::Bool(false) => "否".to_owned(),
        // Strokes say nothing as text; the ink itself is shown with its witness.
        Value::Str(_) if path.ends_with("/ink") => "（手写）".to_owned(),
        Value::Str(text) => text.clone(),
        Value::Int(n) if path.ends_with("_at") || path.starts_with("done/") => {
            let time = DateTime::from_timestamp_millis(*n).map(|t| t.with_timezone(&china()));
            time.map_or_else(
                || n.to_string(),
                |t| t.format("%Y-%m-%d %H:%M:%S").to_string(),
            )
        }
        Value::Int(n) if path.ends_with("_e7") => {
            format!(
                "{}{}.{:07}",
                if *n < 0 { "-" } else { "" },
                n.unsigned_abs() / 10_000_000,
                n.unsigned_abs() % 10_000_000
            )
        }
        Value::Int(n) if path.ends_with("_cm") => format!("{}.{:02} 米", n / 100, (n % 100).abs()),
        Value::Int(n) if path.ends_with("_fen") => format!("{}.{:02} 元", n / 100, (n % 100).abs()),
        Value::Int(n) => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::sample;

    // V1: who wrote what
    #[rstest::rstest]
    #[case("point/SP-01/p1/answer", "第 1 项 亮照经营 检查结果")]
    #[case("point/SP-01/p1/note", "第 1 项 亮照经营 备注")]
    #[case("result/SP-01/no_problem", "食品销售检查 结果“未发现问题”")]
    #[case("visit/start_at", "检查开始")]
    #[case("photo/00112233445566ff/caption", "照片：说明")]
    #[case("round/2/remarks", "第 2 轮退回意见")]
    #[case("done/1/p-1", "第 1 轮本人部分完成")]
    #[case("facts/number", "任务信息")]
    #[case("team/p-1/name", "检查组")]
    fn a_cell_has_a_name(#[case] path: &str, #[case] name: &str) {
        assert_eq!(label(path, &sample::facts().sheets), name);
    }

    #[rstest::rstest]
    #[case("visit/start_at", Value::Int(1_764_000_000_000), "2025-11-25 00:00:00")]
    #[case("fee/none", Value::Bool(true), "是")]
    #[case("visit/lat_e7", Value::Int(225_312_345), "22.5312345")]
    #[case("visit/lon_e7", Value::Int(-5), "-0.0000005")]
    #[case("cost/00112233445566ff/amount_fen", Value::Int(12_345), "123.45 元")]
    #[case("point/SP-01/p1/answer", Value::Str("compliant".into()), "compliant")]
    fn a_value_is_shown(#[case] path: &str, #[case] value: Value, #[case] text: &str) {
        assert_eq!(shown(path, &value), text);
    }
}
