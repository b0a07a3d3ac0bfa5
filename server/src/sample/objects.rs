//! Fictitious objects over the ten districts.

use super::{Sheet, pick};
use crate::register::credit_code::CreditCode;
use crate::register::region;
use crate::rng::Rng;

const WORDS: [&str; 24] = [
    "晨光", "海韵", "云帆", "嘉禾", "瑞丰", "明德", "星河", "绿洲", "鹏程", "南岭", "百汇", "和顺",
    "锦绣", "汇通", "致远", "金穗", "蓝湾", "启明", "盛泰", "福临", "宏图", "清源", "安泰", "新禾",
];
/// What it is called, its industry, its tags.
const TRADES: [(&str, &str, &str); 14] = [
    ("便利店", "F52", "食品经营"),
    ("百货商行", "F52", "商品零售"),
    ("超市有限公司", "F52", "食品经营、商品零售"),
    ("餐饮管理有限公司", "H62", "餐饮"),
    ("小吃店", "H62", "餐饮"),
    ("酒店有限公司", "H61", "公众聚集场所"),
    ("加油站", "F52", "危险化学品、加油站"),
    ("化工有限公司", "C26", "危险化学品"),
    ("物业管理有限公司", "K70", "电梯使用"),
    ("建筑工程有限公司", "E47", "建筑工地"),
    ("广告有限公司", "L72", "广告经营"),
    ("电子科技有限公司", "C39", "排污单位"),
    ("教育咨询有限公司", "P83", "公众聚集场所"),
    ("贸易有限公司", "F51", ""),
];

pub(super) fn sheet(rng: &dyn Rng, count: u32) -> Sheet {
    let districts = region::districts(region::CITY);
    let mut rows = Vec::new();
    for n in 0..count {
        let district = &districts[pick(rng, districts.len())];
        let (trade, industry, tags) = TRADES[pick(rng, TRADES.len())];
        let name = format!(
            "深圳市示例{}{}（第{}号）",
            WORDS[pick(rng, WORDS.len())],
            trade,
            n + 1
        );
        // Some rows are as registers really are: without a district, or no longer active.
        let no_district = n % 97 == 96;
        let known = n % 13 != 12;
        let status = if n % 61 == 60 { "注销" } else { "正常" };
        let district_name = if no_district { "" } else { district.name };
        let address = if no_district {
            format!("示例路{}号", n % 900 + 1)
        } else {
            format!("深圳市{}示例街道示例路{}号", district.name, n % 900 + 1)
        };
        let risk = [
            "A", "B", "B", "B", "B", "B", "B", "A", "C", "C", "C", "C", "B", "B", "B", "B", "B",
            "A", "C", "D",
        ];
        // Registers know where most objects are, not all.
        let (latitude, longitude) = if known {
            let (lat, lon) = (480_000 + n % 350 * 397, 830_000 + n % 400 * 401);
            (format!("22.{lat:06}"), format!("113.{lon:06}"))
        } else {
            Default::default()
        };
        rows.push(vec![
            name,
            code(district.code, n),
            address,
            district_name.to_owned(),
            industry.to_owned(),
            format!("示例负责人{}", n % 4_000 + 1),
            format!("0755-0000{:04}", n % 10_000),
            risk[pick(rng, risk.len())].to_owned(),
            status.to_owned(),
            tags.to_owned(),
            latitude,
            longitude,
        ]);
    }
    let headers = vec![
        "企业名称",
        "统一社会信用代码",
        "地址",
        "所属区",
        "行业",
        "负责人",
        "联系电话",
        "风险等级",
        "状态",
        "标签",
        "纬度",
        "经度",
    ];
    Sheet { headers, rows }
}

/// A code with right check digits (GB 11714, GB 32100) whose organisation part begins with `00E`,
/// which no registrar has given out.
fn code(district: &str, n: u32) -> String {
    let organisation = match n {
        0..10_000 => format!("00EX{n:04}"),
        _ => format!("00E{n:05}"),
    };
    let value = |c: char| c.to_digit(36).unwrap_or(0);
    let weights = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = organisation
        .chars()
        .zip(weights)
        .map(|(c, w)| value(c) * w)
        .sum();
    let check = match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    };
    let first = format!("91{district}{organisation}{check}");
    CreditCode::complete(&first).map_or(first, |code| code.as_str().to_owned())
}
