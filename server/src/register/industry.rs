//! Industries by GB/T 4754-2017, sections and divisions, from `server/data/industries.txt`.

use std::sync::LazyLock;

/// `F52 零售业`: code and name, as it is kept and shown, so that a prefix is a filter.
static INDUSTRIES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("../../data/industries.txt")
        .lines()
        .filter(|l| !l.starts_with('#'))
        .collect()
});

/// All sections and divisions, each as `code name`.
pub fn all() -> &'static [&'static str] {
    &INDUSTRIES
}

/// What a person wrote, as `code name`: a code with or without its letter, down to four digits
/// (which leads to its division), a name, or both.
pub fn parse(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let code: String = text
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_uppercase();
    let by_name = |name: &str| INDUSTRIES.iter().find(|i| name_of(i) == name).copied();
    if code.is_empty() {
        // A few divisions are called like their section; the section says enough.
        return by_name(text);
    }
    let digits = code.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = &code[..code.len() - digits.len()];
    if letters.len() > 1 || digits.len() == 1 || digits.len() > 4 {
        return None;
    }
    let division = digits.get(..2).unwrap_or_default();
    INDUSTRIES
        .iter()
        .find(|industry| {
            let known = code_of(industry);
            known.starts_with(letters)
                && known.len() == usize::from(!division.is_empty()) * 2 + 1
                && known.ends_with(division)
        })
        .copied()
}

fn code_of(industry: &str) -> &str {
    industry.split(' ').next().unwrap_or_default()
}

/// The name alone of a `code name`; what has no code is a name already.
pub(super) fn name_of(industry: &str) -> &str {
    industry.split_once(' ').map_or(industry, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    // O1
    #[rstest::rstest]
    #[case::division("F52", Some("F52 零售业"))]
    #[case::digits_alone("52", Some("F52 零售业"))]
    #[case::down_to_a_class("5211", Some("F52 零售业"))]
    #[case::section("H", Some("H 住宿和餐饮业"))]
    #[case::name("餐饮业", Some("H62 餐饮业"))]
    #[case::both("H62 餐饮业", Some("H62 餐饮业"))]
    #[case::small_letter("h62", Some("H62 餐饮业"))]
    #[case::letter_and_digits_disagree("A52", None)]
    #[case::nothing_of_the_kind("火锅", None)]
    #[case::empty("", None)]
    fn what_people_write_is_understood(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn the_standard_has_20_sections_and_97_divisions() {
        let sections = all().iter().filter(|i| code_of(i).len() == 1).count();
        assert_eq!((sections, all().len() - sections), (20, 97));
    }
}
