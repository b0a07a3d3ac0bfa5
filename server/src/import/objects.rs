//! Rows of objects (O1).

use std::collections::HashMap;

use super::{Fault, Import, Table, TableRow, fault};
use crate::db::Tx;
use crate::error::AppError;
use crate::register::{
    Object, area_by_name, by_code, identity, industry, region, save_object, words,
};

pub(super) fn run(
    tx: &mut Tx<'_>,
    import: &mut Import<'_>,
    table: &Table,
    apply: bool,
) -> Result<(), AppError> {
    let twice = lines_by_code(import, table);
    let total = table.rows.len() as u64;
    for (done, row) in (1..).zip(&table.rows) {
        match judge(tx, import, row, &twice)? {
            Err(faults) => import.refuse(row, faults),
            Ok(object) if apply => {
                let old = match &object.code {
                    Some(code) => by_code(tx, code)?,
                    None => area_by_name(tx, &object.name)?,
                };
                let states = !import.get(row, "status").is_empty();
                let object = kept(old.as_ref(), object, states, import);
                save_object(tx, old.as_ref(), &object, &import.trace)?;
            }
            Ok(_) => {}
        }
        if done % 500 == 0 || done == total {
            (import.progress)(done, total);
        }
    }
    Ok(())
}

/// Lines and names of every code in the file.
fn lines_by_code(import: &Import<'_>, table: &Table) -> HashMap<String, Vec<(u32, String)>> {
    let mut lines: HashMap<String, Vec<(u32, String)>> = HashMap::new();
    for row in &table.rows {
        let code = import.get(row, "code").trim().to_owned();
        if !code.is_empty() {
            let name = import.get(row, "name").to_owned();
            lines.entry(code).or_default().push((row.line, name));
        }
    }
    lines
}

/// What a file does not say stays as it is in the register.
fn kept(old: Option<&Object>, mut new: Object, states: bool, import: &Import<'_>) -> Object {
    let Some(old) = old else {
        new.id = import.new_id();
        return new;
    };
    let keep = |new: &mut String, old: &String| {
        if new.is_empty() {
            new.clone_from(old);
        }
    };
    new.id.clone_from(&old.id);
    keep(&mut new.address, &old.address);
    keep(&mut new.industry, &old.industry);
    keep(&mut new.responsible, &old.responsible);
    keep(&mut new.contact, &old.contact);
    keep(&mut new.credit_status, &old.credit_status);
    new.district = new.district.or_else(|| old.district.clone());
    new.risk_class = new.risk_class.or_else(|| old.risk_class.clone());
    if new.lat_e7.is_none() {
        (new.lat_e7, new.lon_e7) = (old.lat_e7, old.lon_e7);
    }
    if new.tags.is_empty() {
        new.tags.clone_from(&old.tags);
    }
    // Who was cancelled is not revived by a file that does not speak of it.
    if !states {
        new.status.clone_from(&old.status);
    }
    new
}

fn judge(
    tx: &mut Tx<'_>,
    import: &Import<'_>,
    row: &TableRow,
    twice: &HashMap<String, Vec<(u32, String)>>,
) -> Result<Result<Object, Vec<Fault>>, AppError> {
    let get = |field: &str| import.get(row, field);
    let mut faults = Vec::new();
    let name = get("name").to_owned();
    if name.is_empty() || name.chars().count() > 100 {
        faults.push(fault("name", "名称不能为空，且不超过 100 字"));
    }
    let (kind, code) = match identity(get("kind"), get("code")) {
        Ok(found) => found,
        Err(message) => {
            faults.push(fault("code", message));
            (String::new(), None)
        }
    };
    if let Some(code) = &code {
        faults.extend(repeated(
            row,
            &name,
            twice.get(code).map_or(&[][..], Vec::as_slice),
        ));
        let other = by_code(tx, code)?.filter(|o| o.name != name);
        if let Some(other) = other {
            let text = format!(
                "名录库中该代码属于“{}”；如为更名，请在对象页面办理变更后再导入",
                other.name
            );
            faults.push(fault("code", text));
        }
    }
    let district = match get("district") {
        "" => region::find_in_address(get("address")),
        text => {
            let found = region::parse_district(text);
            if found.is_none() {
                faults.push(fault(
                    "district",
                    "无此行政区：请填写区名（如“南山区”）或六位区划代码；不清楚时留空",
                ));
            }
            found
        }
    };
    let industry = match get("industry") {
        "" => "",
        text => industry::parse(text).unwrap_or_else(|| {
            faults.push(fault(
                "industry",
                "无此行业：请填写 GB/T 4754 的门类或大类代码（如 F52）或名称",
            ));
            ""
        }),
    };
    let risk_class = risk(get("risk_class")).unwrap_or_else(|message| {
        faults.push(fault("risk_class", message));
        None
    });
    let status = status(get("status")).unwrap_or_else(|message| {
        faults.push(fault("status", message));
        ""
    });
    let place = place(get("latitude"), get("longitude")).unwrap_or_else(|message| {
        faults.push(fault("latitude", message));
        None
    });
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    Ok(Ok(Object {
        id: String::new(),
        kind,
        name,
        code,
        address: get("address").to_owned(),
        district: district.map(str::to_owned),
        industry: industry.to_owned(),
        responsible: get("responsible").to_owned(),
        contact: get("contact").to_owned(),
        risk_class,
        credit_status: get("credit_status").to_owned(),
        status: status.to_owned(),
        tags: words(get("tags")),
        lat_e7: place.map(|p| p.0),
        lon_e7: place.map(|p| p.1),
    }))
}

/// Latitude and longitude in decimal degrees (WGS-84), as 1e-7 degrees; both or neither.
fn place(latitude: &str, longitude: &str) -> Result<Option<(i64, i64)>, &'static str> {
    if latitude.is_empty() && longitude.is_empty() {
        return Ok(None);
    }
    match (e7(latitude, 90), e7(longitude, 180)) {
        (Some(lat), Some(lon)) => Ok(Some((lat, lon))),
        _ => Err("经纬度应为十进制度数（WGS-84），如 22.5431 和 114.0579，两者都填或都不填"),
    }
}

fn e7(text: &str, most: i64) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || !plain(whole) || !plain(fraction) {
        return None;
    }
    // More than seven decimals are below a centimetre.
    let fraction: String = fraction.chars().chain("0000000".chars()).take(7).collect();
    let value = whole.parse::<i64>().ok()? * 10_000_000 + fraction.parse::<i64>().ok()?;
    (value <= most * 10_000_000).then_some(sign * value)
}

/// One code on several rows: nobody can say which name is right, so all are refused; the same row
/// twice is refused but for the first.
fn repeated(row: &TableRow, name: &str, lines: &[(u32, String)]) -> Option<Fault> {
    let others: Vec<String> = lines
        .iter()
        .filter(|(line, other)| *line != row.line && other != name)
        .map(|(line, other)| format!("第 {line} 行“{other}”"))
        .collect();
    if !others.is_empty() {
        let text = format!(
            "同一代码还出现在{}，名称不同，无法判断哪个正确；请核对后只保留正确的一行",
            others.join("、")
        );
        return Some(fault("code", text));
    }
    let first = lines
        .iter()
        .find(|(line, other)| *line < row.line && other == name)?;
    Some(fault("code", format!("与第 {} 行重复", first.0)))
}

fn risk(text: &str) -> Result<Option<String>, String> {
    let class = match text.trim_end_matches(['类', '级']) {
        "" => return Ok(None),
        "A" | "a" | "低" | "低风险" => "A",
        "B" | "b" | "一般" | "中低" | "一般风险" => "B",
        "C" | "c" | "较高" | "较高风险" => "C",
        "D" | "d" | "高" | "高风险" => "D",
        _ => return Err("风险等级应为 A、B、C、D（低、一般、较高、高）或留空".into()),
    };
    Ok(Some(class.to_owned()))
}

fn status(text: &str) -> Result<&'static str, String> {
    match text {
        "" | "正常" | "存续" | "开业" | "在业" | "登记成立" | "存续（在营、开业、在册）" => {
            Ok("active")
        }
        "迁出" | "迁移" => Ok("moved"),
        "吊销" | "已吊销" | "吊销，未注销" => Ok("revoked"),
        "注销" | "已注销" => Ok("cancelled"),
        _ => Err("状态应为 正常、迁出、吊销 或 注销".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // O1: location when known
    #[rstest::rstest]
    #[case::both("22.5431", "114.0579", Ok(Some((225_431_000, 1_140_579_000))))]
    #[case::many_decimals("22.543109876", "114", Ok(Some((225_431_098, 1_140_000_000))))]
    #[case::south_west("-0.5", "-70.25", Ok(Some((-5_000_000, -702_500_000))))]
    #[case::neither("", "", Ok(None))]
    #[case::one_alone("22.5", "", Err(()))]
    #[case::off_the_earth("90.0000001", "0", Err(()))]
    #[case::words("北纬22", "114", Err(()))]
    fn a_location_is_read(
        #[case] latitude: &str,
        #[case] longitude: &str,
        #[case] expected: Result<Option<(i64, i64)>, ()>,
    ) {
        assert_eq!(place(latitude, longitude).map_err(|_| ()), expected);
    }
}
