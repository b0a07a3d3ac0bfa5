//! Fictitious inspectors, and relations that they must avoid.

use super::{Sheet, pick};
use crate::rng::Rng;

/// Code, name, how many inspectors, units, expertise words.
type Department = (
    &'static str,
    &'static str,
    usize,
    &'static [&'static str],
    &'static [&'static str],
);

const DEPARTMENTS: [Department; 6] = [
    (
        "scjg",
        "市场监督管理局",
        54,
        &[
            "示例监管一所",
            "示例监管二所",
            "示例监管三所",
            "示例稽查大队",
        ],
        &["食品", "特种设备", "价格", "计量", "广告", "登记"],
    ),
    ("xfjy", "消防救援局", 14, &["示例消防大队"], &["消防"]),
    (
        "yjgl",
        "应急管理局",
        14,
        &["示例执法监察科"],
        &["危险化学品"],
    ),
    ("sthj", "生态环境局", 14, &["示例生态环境执法队"], &["环境"]),
    (
        "zjjs",
        "住房和建设局",
        12,
        &["示例质量安全监督站"],
        &["建筑施工"],
    ),
    (
        "rsj",
        "人力资源保障局",
        12,
        &["示例劳动监察大队"],
        &["劳动保障"],
    ),
];
const SURNAMES: [&str; 20] = [
    "赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈", "蒋", "沈", "韩", "杨", "朱", "秦",
    "许", "何", "吕", "张",
];
const GIVEN: [&str; 24] = [
    "子安", "雨桐", "嘉木", "思远", "若溪", "承泽", "清妍", "立诚", "文博", "书瑶", "景行", "知夏",
    "允中", "晓岚", "牧之", "星野", "静姝", "弘毅", "语堂", "亦凡", "念慈", "维岳", "可欣", "伯言",
];

/// Experts who assist: department by its place above, name, unit, what they know.
const EXPERTS: [(usize, &str, &str, &str); 6] = [
    (0, "陶教授", "示例食品检验院", "食品"),
    (0, "贺工", "示例特种设备检验院", "特种设备"),
    (0, "颜工", "示例计量测试院", "计量"),
    (1, "邵工", "示例消防技术中心", "消防"),
    (2, "卞教授", "示例安全技术中心", "危险化学品"),
    (3, "苗工", "示例环境监测站", "环境"),
];
/// Leave of some inspectors, by their place in the list.
const LEAVES: [(usize, &str, &str, &str); 4] = [
    (7, "2026-10-01", "2027-03-31", "借调示例专班"),
    (23, "2026-11-16", "2026-12-31", "脱产培训"),
    (58, "2026-11-01", "2027-04-30", "产假"),
    (75, "2026-09-01", "2026-09-15", "年休假"),
];
/// Members of a fixed group.
const GROUP: usize = 3;
const NUMBERS: [&str; 9] = ["一", "二", "三", "四", "五", "六", "七", "八", "九"];

/// Groups of one unit each, so that who rides together works together; who is left over is in none.
fn group(unit: usize, units: usize, place: usize, count: usize) -> String {
    let (at, of) = (place / units, (count - unit).div_ceil(units));
    let number = NUMBERS
        .get(at / GROUP)
        .filter(|_| (at / GROUP + 1) * GROUP <= of);
    let unit = NUMBERS.get(unit).filter(|_| units > 1).map_or("", |n| n);
    let dot = if unit.is_empty() { "" } else { "所" };
    number.map_or_else(String::new, |n| format!("{unit}{dot}{n}组"))
}

pub(super) fn inspectors(rng: &dyn Rng) -> Sheet {
    let mut rows = Vec::new();
    let mut n = 0;
    for (code, name, count, units, expertise) in DEPARTMENTS {
        for place in 0..count {
            let person = format!("{}{}", SURNAMES[n % 20], GIVEN[(n / 20 + n) % 24]);
            let mut known = vec![expertise[place % expertise.len()]];
            if expertise.len() > 1 {
                known.push(
                    expertise[(place + 1 + pick(rng, expertise.len() - 1)) % expertise.len()],
                );
            }
            known.dedup();
            let unit = place % units.len();
            let leave = LEAVES.iter().find(|(who, ..)| *who == n);
            let (from, until, reason) = leave.map_or(("", "", ""), |l| (l.1, l.2, l.3));
            rows.push(vec![
                person,
                if n % 3 == 0 { "女" } else { "男" }.to_owned(),
                format!("4403-示例-{:04}", n + 1),
                "2028-12-31".to_owned(),
                name.to_owned(),
                code.to_owned(),
                units[unit].to_owned(),
                "执法人员".to_owned(),
                String::new(),
                known.join("、"),
                if n % 10 == 4 { "20" } else { "" }.to_owned(),
                group(unit, units.len(), place, count),
                String::new(),
                from.to_owned(),
                until.to_owned(),
                reason.to_owned(),
                "在岗".to_owned(),
            ]);
            n += 1;
        }
    }
    for (n, (department, person, unit, knows)) in (1..).zip(EXPERTS) {
        let (code, name, ..) = DEPARTMENTS[department];
        let mut row = vec![String::new(); HEADERS.len()];
        for (header, text) in [
            ("姓名", person),
            ("执法证号", &format!("专家-示例-{n:02}")),
            ("部门", name),
            ("部门编码", code),
            ("工作单位", unit),
            ("职务", "专家"),
            ("业务专长", knows),
            ("是否专家", "是"),
            ("状态", "在岗"),
        ] {
            if let Some(at) = HEADERS.iter().position(|h| *h == header) {
                row[at] = text.to_owned();
            }
        }
        rows.push(row);
    }
    let headers = HEADERS.to_vec();
    Sheet { headers, rows }
}

const HEADERS: [&str; 17] = [
    "姓名",
    "性别",
    "执法证号",
    "执法证有效期至",
    "部门",
    "部门编码",
    "工作单位",
    "职务",
    "执法区域",
    "业务专长",
    "工作量上限",
    "固定小组",
    "是否专家",
    "休假自",
    "休假至",
    "休假事由",
    "状态",
];

/// Every twelfth inspector has a relation to an object, by one of three grounds.
pub(super) fn avoidances(inspectors: &Sheet, objects: &Sheet) -> Sheet {
    let mut rows = Vec::new();
    for (n, inspector) in inspectors.rows.iter().step_by(12).enumerate() {
        let object = &objects.rows[(n * 37) % objects.rows.len()];
        let ground = [
            "近亲属任该单位高级管理人员",
            "三年内曾在该单位任职",
            "与负责人有其他利害关系",
        ][n % 3];
        let kind = ["近亲属", "曾任职单位", "利害关系"][n % 3];
        rows.push(vec![
            inspector[2].clone(),
            object[1].clone(),
            kind.to_owned(),
            ground.to_owned(),
            "2027-12-31".to_owned(),
        ]);
    }
    Sheet {
        headers: vec![
            "执法证号",
            "统一社会信用代码",
            "回避类型",
            "回避事由",
            "回避期限至",
        ],
        rows,
    }
}
