//! Rows of inspectors (I1).

use std::collections::HashMap;

use chrono::NaiveDate;

use super::{Fault, Import, Table, TableRow, fault};
use crate::db::Tx;
use crate::error::AppError;
use crate::register::{
    Department, Inspector, Leave, departments, inspector_by_certificate, put_department, put_leave,
    region, save_inspector, words,
};

pub(super) fn run(
    tx: &mut Tx<'_>,
    import: &mut Import<'_>,
    table: &Table,
    apply: bool,
) -> Result<(), AppError> {
    let mut known = departments(tx)?;
    let mut first: HashMap<String, u32> = HashMap::new();
    let total = table.rows.len() as u64;
    for (done, row) in (1..).zip(&table.rows) {
        let mut faults = Vec::new();
        let inspector = judge(import, row, &mut known, &mut faults);
        let line = *first
            .entry(inspector.certificate.clone())
            .or_insert(row.line);
        if line != row.line {
            faults.push(fault(
                "certificate",
                format!("与第 {line} 行的执法证号重复"),
            ));
        }
        // Both where the inspector is and where they come to.
        let old = inspector_by_certificate(tx, &inspector.certificate)?;
        let departments = old.iter().chain([&inspector]).map(|i| &i.department);
        let foreign = departments
            .filter(|d| !d.is_empty())
            .find_map(|d| import.own("department", d));
        faults.extend(foreign);
        if !faults.is_empty() {
            import.refuse(row, faults);
        } else if apply {
            save(tx, import, row, inspector, &known)?;
        }
        (import.progress)(done, total);
    }
    Ok(())
}

fn save(
    tx: &mut Tx<'_>,
    import: &Import<'_>,
    row: &TableRow,
    mut new: Inspector,
    known: &[Department],
) -> Result<(), AppError> {
    if let Some(department) = known.iter().find(|d| d.code == new.department) {
        put_department(tx, department)?;
    }
    let old = inspector_by_certificate(tx, &new.certificate)?;
    new.id = old
        .as_ref()
        .map_or_else(|| import.new_id(), |o| o.id.clone());
    if let Some(old) = &old {
        keep(&mut new, old, |field| !import.get(row, field).is_empty());
    }
    save_inspector(tx, old.as_ref(), &new, &import.trace)?;
    if let Ok(Some((from, until, reason))) = leave(import, row) {
        let leave = Leave {
            id: import.new_id(),
            inspector: new.id,
            from,
            until,
            reason,
            created_by_name: import.trace.actor_name.clone(),
        };
        put_leave(tx, &leave, import.trace.at)?;
    }
    Ok(())
}

/// First day, last day and why of the leave in a row, if there is one; or the field that is wrong.
type RowLeave = Option<(String, Option<String>, String)>;

fn leave(import: &Import<'_>, row: &TableRow) -> Result<RowLeave, (&'static str, String)> {
    let get = |field: &str| import.get(row, field);
    let from = date(get("leave_from")).map_err(|m| ("leave_from", m))?;
    let until = date(get("leave_until")).map_err(|m| ("leave_until", m))?;
    match (from, until) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(("leave_from", "填写了休假截止日期，还须填写开始日期".into())),
        (Some(from), Some(until)) if until < from => {
            Err(("leave_until", "休假截止日期不能早于开始日期".into()))
        }
        (Some(from), until) => {
            let reason = match get("leave_reason") {
                "" => "休假",
                text => text,
            };
            Ok(Some((from, until, reason.chars().take(200).collect())))
        }
    }
}

/// What a file does not say stays as it is in the register: who left is not brought back by a list
/// without that column.
fn keep(new: &mut Inspector, old: &Inspector, says: impl Fn(&str) -> bool) {
    fn field<T: Clone>(said: bool, new: &mut T, old: &T) {
        if !said {
            new.clone_from(old);
        }
    }
    field(says("sex"), &mut new.sex, &old.sex);
    field(
        says("certificate_until"),
        &mut new.certificate_until,
        &old.certificate_until,
    );
    field(says("unit"), &mut new.unit, &old.unit);
    field(says("post"), &mut new.post, &old.post);
    field(says("districts"), &mut new.districts, &old.districts);
    field(says("expertise"), &mut new.expertise, &old.expertise);
    field(says("languages"), &mut new.languages, &old.languages);
    field(says("capacity"), &mut new.capacity, &old.capacity);
    field(says("group"), &mut new.group, &old.group);
    field(says("expert"), &mut new.expert, &old.expert);
    field(says("status"), &mut new.status, &old.status);
}

fn judge(
    import: &Import<'_>,
    row: &TableRow,
    known: &mut Vec<Department>,
    faults: &mut Vec<Fault>,
) -> Inspector {
    let get = |field: &str| import.get(row, field);
    let name = get("name").to_owned();
    if name.is_empty() || name.chars().count() > 40 {
        faults.push(fault("name", "姓名不能为空，且不超过 40 字"));
    }
    let certificate = get("certificate").to_owned();
    if certificate.is_empty() || certificate.chars().count() > 40 {
        faults.push(fault(
            "certificate",
            "执法证号不能为空：没有有效执法证的人员不能参加抽取",
        ));
    }
    let sex = match get("sex") {
        "" => "",
        "男" => "male",
        "女" => "female",
        _ => {
            faults.push(fault("sex", "性别应为 男 或 女"));
            ""
        }
    };
    let until = date(get("certificate_until")).unwrap_or_else(|message| {
        faults.push(fault("certificate_until", message));
        None
    });
    let department = department(get("department"), get("department_code"), known);
    let department = department.unwrap_or_else(|message| {
        faults.push(fault("department", message));
        String::new()
    });
    let mut districts = Vec::new();
    for word in words(get("districts")) {
        match region::parse_district(&word) {
            Some(code) => districts.push(code.to_owned()),
            None if word == "全市" => {}
            None => faults.push(fault(
                "districts",
                format!("无此行政区“{word}”：请填写区名，多个用顿号分开；全市可留空"),
            )),
        }
    }
    districts.sort();
    let capacity = match get("capacity") {
        "" => None,
        text => match text.parse::<u32>() {
            Ok(n) if (1..=1000).contains(&n) => Some(n),
            _ => {
                faults.push(fault("capacity", "工作量上限应为 1 至 1000 的整数，或留空"));
                None
            }
        },
    };
    let status = match get("status") {
        "" | "在岗" | "正常" | "在职" => "active",
        "休假" | "请假" | "借调" => "on_leave",
        "离岗" | "离职" | "调离" | "退休" => "left",
        _ => {
            faults.push(fault("status", "状态应为 在岗、休假 或 离岗"));
            "active"
        }
    };
    let (group, expert) = (get("group"), matches!(get("expert"), "是" | "专家"));
    if group.chars().count() > 40 || (expert && !group.is_empty()) {
        faults.push(fault(
            "group",
            "固定小组名称不超过 40 字；专家不编入固定小组",
        ));
    }
    if let Err((field, message)) = leave(import, row) {
        faults.push(fault(field, message));
    }
    Inspector {
        id: String::new(),
        name,
        sex: sex.to_owned(),
        certificate,
        certificate_until: until,
        department,
        unit: get("unit").to_owned(),
        post: get("post").to_owned(),
        districts,
        expertise: words(get("expertise")),
        languages: words(get("languages")),
        capacity,
        group: group.to_owned(),
        expert,
        status: status.to_owned(),
    }
}

/// The code of a department that is known by name or code, or new with both.
pub(super) fn department(
    name: &str,
    code: &str,
    known: &mut Vec<Department>,
) -> Result<String, String> {
    if let Some(found) = known
        .iter()
        .find(|d| d.code == code || (code.is_empty() && (d.name == name || d.code == name)))
    {
        return if code.is_empty() || name.is_empty() || found.name == name {
            Ok(found.code.clone())
        } else {
            Err(format!("部门编码 {code} 属于“{}”", found.name))
        };
    }
    let fits = (2..=32).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits || name.is_empty() {
        return Err(
            "未知部门：请先建立该部门，或在“部门编码”列填写 2 至 32 位小写字母、数字或 -".into(),
        );
    }
    if known.iter().any(|d| d.name == name) {
        return Err(format!("部门“{name}”已有另一个编码"));
    }
    let level = if name.contains('区') {
        "district"
    } else {
        "city"
    };
    known.push(Department {
        code: code.to_owned(),
        name: name.to_owned(),
        level: level.to_owned(),
    });
    Ok(code.to_owned())
}

/// A date as people write it, as `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    // A certificate without end is valid; one without a date is not known to be.
    if text == "长期" {
        return Ok(Some("9999-12-31".to_owned()));
    }
    let plain = text.replace(['年', '月', '/', '.'], "-").replace('日', "");
    NaiveDate::parse_from_str(&plain, "%Y-%m-%d")
        .map(|d| Some(d.to_string()))
        .map_err(|_| "日期应写作 2026-12-31".to_owned())
}
