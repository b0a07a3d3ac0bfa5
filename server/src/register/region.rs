//! Regions by GB/T 2260, from `server/data/regions.txt`, with the zones that it does not know.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A district 区 (county level).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct District {
    /// Six digits.
    pub code: &'static str,
    /// As in the standard.
    pub name: &'static str,
}

static REGIONS: LazyLock<Vec<District>> = LazyLock::new(|| {
    include_str!("../../data/regions.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some(District {
                code: words.next()?,
                name: words.next()?,
            })
        })
        .collect()
});

static BY_CODE: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    REGIONS
        .iter()
        .map(|region| (region.code, region.name))
        .collect()
});

/// Names that districts had before they became districts; older addresses still use them.
const FORMER: [(&str, &str); 3] = [
    ("光明新区", "440311"),
    ("坪山新区", "440310"),
    ("龙华新区", "440309"),
];

/// Name of a province, city or district.
pub fn name(code: &str) -> Option<&'static str> {
    BY_CODE.get(code).copied()
}

/// The districts of a city, by the first four digits of its code.
pub fn districts(city: &str) -> Vec<District> {
    REGIONS
        .iter()
        .filter(|r| r.code.starts_with(city) && !r.code.ends_with("00"))
        .copied()
        .collect()
}

/// First four digits of the code of the city that the register is about.
pub const CITY: &str = "4403";

static OURS: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    districts(CITY)
        .into_iter()
        .map(|d| (d.name, d.code))
        .chain(FORMER)
        .collect()
});

/// The district that a person wrote: a code, a name, or a former name.
pub fn parse_district(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if let Some((code, _)) = BY_CODE.get_key_value(text) {
        return (!code.ends_with("00")).then_some(*code);
    }
    OURS.iter()
        .find(|(name, _)| *name == text || name.trim_end_matches('区') == text)
        .map(|d| d.1)
}

/// The district of our city whose name stands first in an address; `None` when there is none, and
/// nothing is guessed from streets or buildings.
pub fn find_in_address(address: &str) -> Option<&'static str> {
    OURS.iter()
        .filter_map(|(name, code)| address.find(name).map(|position| (position, *code)))
        .min()
        .map(|(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    // O1
    #[rstest::rstest]
    #[case::plain("深圳市罗湖区深南东路1086号", Some("440303"))]
    #[case::without_city_sign("深圳罗湖区水库南35号", Some("440303"))]
    #[case::former_name("深圳市光明新区公明街道", Some("440311"))]
    #[case::zone_outside_the_standard("深圳市大鹏新区葵涌街道", Some("440371"))]
    #[case::first_of_two("深圳市南山区科技园（另设福田区分部）", Some("440305"))]
    #[case::cooperation_zone("深圳市前海深港合作区前湾一路1号", None)]
    #[case::bonded_zone("深圳市福田保税区桃花路", None)]
    #[case::other_city("广州市天河区", None)]
    #[case::empty("", None)]
    fn the_district_is_found_in_the_address(#[case] address: &str, #[case] code: Option<&str>) {
        assert_eq!(find_in_address(address), code);
    }

    #[rstest::rstest]
    #[case::code("440305", Some("440305"))]
    #[case::name("南山区", Some("440305"))]
    #[case::short_name(" 南山 ", Some("440305"))]
    #[case::new_zone("大鹏新区", Some("440371"))]
    #[case::a_city_is_no_district("440300", None)]
    #[case::unknown("西丽", None)]
    fn what_people_write_is_understood(#[case] text: &str, #[case] code: Option<&str>) {
        assert_eq!(parse_district(text), code);
    }

    #[test]
    fn shenzhen_has_nine_districts_and_a_new_zone() {
        assert_eq!(districts(CITY).len(), 10);
    }
}
