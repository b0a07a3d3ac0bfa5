//! Rows of items with their check sheets (L1, L4): one row for each check point, the item's own
//! columns on its first row or on all.

use std::collections::HashMap;

use sync::facts::{AnswerKind, CheckPoint, Demand};

use super::inspectors::department;
use super::{Fault, Import, Table, TableRow, fault};
use crate::db::Tx;
use crate::error::AppError;
use crate::item::{ItemFacts, Put, problems, put};
use crate::register::{departments, put_department, words};

pub(super) fn run(
    tx: &mut Tx<'_>,
    import: &mut Import<'_>,
    table: &Table,
    apply: bool,
) -> Result<(), AppError> {
    let mut known = departments(tx)?;
    let total = table.rows.len() as u64;
    let mut done = 0;
    for rows in by_item(import, table) {
        let mut wrong = Vec::new();
        let (facts, mut faults) = facts(import, rows[0], &mut known);
        let mut points = Vec::new();
        for row in &rows {
            let mut own = Vec::new();
            points.push(point(import, row, points.len() as u32 + 1, &mut own));
            if !own.is_empty() {
                wrong.push((*row, own));
            }
        }
        for problem in problems(&facts, &points) {
            let field = match problem.field.as_str() {
                "name" => "name",
                "basis" => "basis",
                "points" => "point_content",
                _ => "code",
            };
            faults.push(fault(field, problem.message));
        }
        if !faults.is_empty() {
            wrong.push((rows[0], faults));
        }
        if wrong.is_empty() {
            if apply {
                if let Some(department) = known.iter().find(|d| d.code == facts.department) {
                    put_department(tx, department)?;
                }
                let new_id = import.new_id();
                let (by, reason) = (&import.trace.actor_name, &import.trace.reason);
                put(
                    tx,
                    &Put {
                        new_id: &new_id,
                        facts: &facts,
                        points: &points,
                        at: import.trace.at,
                        by,
                        reason,
                    },
                )?;
            }
        } else {
            // An item is taken whole or not at all.
            let bad: Vec<u32> = wrong.iter().map(|(row, _)| row.line).collect();
            for (row, faults) in wrong {
                import.refuse(row, faults);
            }
            for row in rows.iter().filter(|r| !bad.contains(&r.line)) {
                let text = format!("同一事项的第 {} 行有误，改正后整个事项一并导入", bad[0]);
                import.refuse(row, vec![fault("code", text)]);
            }
        }
        done += rows.len() as u64;
        (import.progress)(done, total);
    }
    Ok(())
}

/// Rows of one item, in the order of the file; a row without a code belongs to the item above it.
fn by_item<'t>(import: &Import<'_>, table: &'t Table) -> Vec<Vec<&'t TableRow>> {
    let mut items: Vec<Vec<&TableRow>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for row in &table.rows {
        let code = import.get(row, "code");
        let place = match code {
            "" => items.len().checked_sub(1),
            code => places.get(code).copied(),
        };
        match place.and_then(|i| items.get_mut(i)) {
            Some(rows) => rows.push(row),
            None => {
                places.insert(code, items.len());
                items.push(vec![row]);
            }
        }
    }
    items
}

fn facts(
    import: &Import<'_>,
    row: &TableRow,
    known: &mut Vec<crate::register::Department>,
) -> (ItemFacts, Vec<Fault>) {
    let get = |field: &str| import.get(row, field).to_owned();
    let mut faults = Vec::new();
    let department = department(&get("department"), &get("department_code"), known);
    let department = department.unwrap_or_else(|message| {
        faults.push(fault("department", message));
        String::new()
    });
    if !department.is_empty() {
        faults.extend(import.own("department", &department));
    }
    let basis = get("basis")
        .split(['；', ';', '\n'])
        .map(str::trim)
        .filter(|b| !b.is_empty())
        .map(str::to_owned)
        .collect();
    let priority = match get("priority").as_str() {
        "" | "否" | "一般" | "一般检查事项" => false,
        "是" | "重点" | "重点检查事项" => true,
        _ => {
            faults.push(fault("priority", "应为 重点 或 一般"));
            false
        }
    };
    let facts = ItemFacts {
        code: get("code"),
        name: get("name"),
        department,
        basis,
        object_kind: get("object_kind"),
        content: get("content"),
        method: get("method"),
        ratio: get("ratio"),
        frequency: get("frequency"),
        level: get("level"),
        power_code: get("power_code"),
        needs: words(&get("needs")),
        priority,
        valid_from: String::new(),
        valid_until: String::new(),
    };
    (facts, faults)
}

fn point(import: &Import<'_>, row: &TableRow, no: u32, faults: &mut Vec<Fault>) -> CheckPoint {
    let get = |field: &str| import.get(row, field).to_owned();
    let content = get("point_content");
    if content.is_empty() || content.chars().count() > 300 {
        faults.push(fault("point_content", "检查要点不能为空，且不超过 300 字"));
    }
    let options = get("options");
    let answer = match get("answer").as_str() {
        "" | "判断" | "符合/不符合" | "符合/不符合/不适用" => AnswerKind::Verdict,
        "数值" | "数字" => AnswerKind::Number { unit: options },
        "文字" | "文本" => AnswerKind::Text,
        "选择" | "单选" => {
            let options: Vec<String> = options
                .split(['、', '|', '；', ';'])
                .map(|o| o.trim().to_owned())
                .filter(|o| !o.is_empty())
                .collect();
            if options.len() < 2 {
                faults.push(fault("options", "选择类要点至少要有两个选项，用顿号分开"));
            }
            AnswerKind::Choice { options }
        }
        _ => {
            faults.push(fault("answer", "答案类型应为 判断、数值、文字 或 选择"));
            AnswerKind::Verdict
        }
    };
    let mut demand = |field: &'static str, usual: Demand| match get(field).as_str() {
        "" => usual,
        "必须" | "必拍" | "必填" => Demand::Always,
        "不符合时" | "不符合时必须" | "不符合时必拍" | "不符合时必填" => {
            Demand::OnNonCompliant
        }
        "可选" | "选拍" | "选填" => Demand::Optional,
        "不需要" | "无" => Demand::Never,
        _ => {
            faults.push(fault(field, "应为 必须、不符合时、可选 或 不需要"));
            usual
        }
    };
    let (photo, note) = (
        demand("photo", Demand::Optional),
        demand("note", Demand::OnNonCompliant),
    );
    CheckPoint {
        id: format!("p{no}"),
        no,
        content,
        basis: get("point_basis"),
        requirement: get("requirement"),
        method: get("point_method"),
        answer,
        photo,
        note,
    }
}
