//! Rows of relations to be avoided (I3).

use super::inspectors::date;
use super::{Fault, Import, Table, TableRow, fault};
use crate::db::Tx;
use crate::error::AppError;
use crate::register::{
    AvoidanceKind, NewAvoidance, by_code, by_name, inspector_by_certificate, put_avoidance,
};

pub(super) fn run(
    tx: &mut Tx<'_>,
    import: &mut Import<'_>,
    table: &Table,
    apply: bool,
) -> Result<(), AppError> {
    let total = table.rows.len() as u64;
    for (done, row) in (1..).zip(&table.rows) {
        match judge(tx, import, row)? {
            Err(faults) => import.refuse(row, faults),
            Ok(new) if apply => {
                put_avoidance(tx, &new, import.trace.at)?;
            }
            Ok(_) => {}
        }
        (import.progress)(done, total);
    }
    Ok(())
}

fn judge(
    tx: &mut Tx<'_>,
    import: &Import<'_>,
    row: &TableRow,
) -> Result<Result<NewAvoidance, Vec<Fault>>, AppError> {
    let get = |field: &str| import.get(row, field);
    let mut faults = Vec::new();
    let inspector = inspector_by_certificate(tx, get("certificate"))?;
    if inspector.is_none() {
        faults.push(fault("certificate", "执法人员名录库中没有这个执法证号"));
    }
    if let Some(found) = &inspector {
        faults.extend(import.own("certificate", &found.department));
    }
    let (code, name, person) = (get("object_code"), get("object_name"), get("legal_person"));
    let object = match (code, name) {
        ("", "") => None,
        ("", name) => match &by_name(tx, name)?[..] {
            [one] => Some(one.id.clone()),
            [] => {
                faults.push(fault("object_name", "检查对象名录库中没有这个名称"));
                None
            }
            _ => {
                faults.push(fault(
                    "object_name",
                    "名录库中有多个同名对象，请填写统一社会信用代码",
                ));
                None
            }
        },
        (code, _) => {
            let found = by_code(tx, code)?;
            if found.is_none() {
                faults.push(fault("object_code", "检查对象名录库中没有这个代码"));
            }
            found.map(|o| o.id)
        }
    };
    if object.is_some() != person.is_empty() && faults.is_empty() {
        faults.push(fault(
            "object_code",
            "请填写检查对象，或法定代表人（负责人）姓名，二者填其一",
        ));
    }
    if get("ground").is_empty() {
        faults.push(fault("ground", "请写明回避事由"));
    }
    let kind = match get("kind") {
        "" if person.is_empty() => AvoidanceKind::Object,
        "" | "法定代表人" | "负责人" => AvoidanceKind::LegalPerson,
        "利害关系" | "检查对象" => AvoidanceKind::Object,
        "近亲属" | "亲属" => AvoidanceKind::Household,
        "曾任职" | "曾任职单位" | "原工作单位" => AvoidanceKind::FormerEmployer,
        _ => {
            faults.push(fault(
                "kind",
                "回避类型应为 利害关系、法定代表人、近亲属 或 曾任职单位",
            ));
            AvoidanceKind::Object
        }
    };
    let until = date(get("until")).unwrap_or_else(|message| {
        faults.push(fault("until", message));
        None
    });
    Ok(match inspector {
        Some(inspector) if faults.is_empty() => Ok(NewAvoidance {
            id: import.new_id(),
            inspector: inspector.id,
            kind,
            object,
            legal_person: (!person.is_empty()).then(|| person.to_owned()),
            ground: get("ground").to_owned(),
            until,
        }),
        _ => Err(faults),
    })
}
