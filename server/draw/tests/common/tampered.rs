//! What somebody could try with a transcript, and the first reason that it is refused with. One table for every verifier:
//! `vectors/tampered.json` is made from it.

use super::*;

const OBJECTS: &str = "objects.csv";
const INSPECTORS: &str = "inspectors.csv";
const AVOID: &str = "avoid.csv";
const EXCLUDED: &str = "excluded.csv";
const RULES: &str = "rules.json";
const MANIFEST: &str = "manifest.txt";
const SEED: &str = "seed.txt";
const RESULT: &str = "result.csv";
const SUBSTITUTIONS: &str = "substitutions.csv";
const OPENINGS: &str = "openings.csv";
const VOID: &str = "void.json";

/// What is done to a file; a file that is not there is empty before.
pub enum Edit {
    Text(fn(&str) -> String),
    Bytes(fn(&[u8]) -> Vec<u8>),
    Remove,
}

/// One manipulation.
pub struct Tampering {
    pub name: &'static str,
    /// Which golden transcript it starts from.
    pub base: &'static str,
    pub file: &'static str,
    pub edit: Edit,
    /// File, line and reason of the refusal.
    pub refused: (&'static str, u64, What),
    /// Whether manifest, commitment and what hangs on it are written anew, so that all hashes fit again.
    pub rehash: bool,
}

type Refused = (&'static str, u64, What);

fn text(
    base: &'static str,
    name: &'static str,
    file: &'static str,
    edit: fn(&str) -> String,
    refused: Refused,
) -> Tampering {
    Tampering {
        name,
        base,
        file,
        edit: Edit::Text(edit),
        refused,
        rehash: true,
    }
}

fn bytes(
    base: &'static str,
    name: &'static str,
    file: &'static str,
    edit: fn(&[u8]) -> Vec<u8>,
    refused: Refused,
) -> Tampering {
    Tampering {
        edit: Edit::Bytes(edit),
        ..text(base, name, file, str::to_owned, refused)
    }
}

fn removed(
    base: &'static str,
    name: &'static str,
    file: &'static str,
    found: Refused,
) -> Tampering {
    Tampering {
        edit: Edit::Remove,
        rehash: false,
        ..text(base, name, file, str::to_owned, found)
    }
}

/// By somebody who leaves the manifest as it is.
fn plainly(t: Tampering) -> Tampering {
    Tampering { rehash: false, ..t }
}

impl Tampering {
    /// The transcript after the manipulation.
    pub fn apply(&self, honest: &Files) -> Files {
        let mut files = Files::default();
        for (name, _) in FILES {
            let before = honest.get(name);
            let after = match &self.edit {
                _ if name != self.file => before.map(<[u8]>::to_vec),
                Edit::Text(edit) => {
                    let before = std::str::from_utf8(before.unwrap_or_default()).unwrap();
                    Some(edit(before).into_bytes())
                }
                Edit::Bytes(edit) => Some(edit(before.unwrap_or_default())),
                Edit::Remove => None,
            };
            if name == self.file {
                assert_ne!(before, after.as_deref(), "{}: nothing changes", self.name);
            }
            if let Some(bytes) = after {
                files.insert(name, bytes);
            }
        }
        let committed = [OBJECTS, INSPECTORS, AVOID, EXCLUDED, RULES].contains(&self.file);
        if self.rehash && committed {
            rehash(&mut files);
        }
        files
    }
}

fn line(text: &str, n: usize, f: impl Fn(&str) -> String) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .enumerate()
        .map(|(i, l)| if i == n { f(l) } else { l.into() })
        .collect();
    lines.join("\n")
}

fn swap(text: &str, a: usize, b: usize) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.swap(a, b);
    lines.join("\n")
}

fn twice(text: &str, n: usize) -> String {
    line(text, n, |l| format!("{l}\n{l}"))
}

fn without(text: &str, n: usize) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.remove(n);
    lines.join("\n")
}

fn nth(text: &str, n: usize) -> &str {
    text.split('\n').nth(n).unwrap()
}

/// With lines more, in their right places.
fn with(text: &str, more: &[String]) -> String {
    let mut all: Vec<&str> = text.trim_end().split('\n').collect();
    all.extend(more.iter().map(String::as_str));
    all[1..].sort_unstable();
    all.join("\n") + "\n"
}

/// A line's fields changed.
fn fields(text: &str, n: usize, f: impl Fn(&mut Vec<String>)) -> String {
    line(text, n, |l| {
        let mut all: Vec<String> = l.split(',').map(str::to_owned).collect();
        f(&mut all);
        all.join(",")
    })
}

/// Field `at` of line `n` becomes `to`.
fn field(text: &str, n: usize, at: usize, to: &str) -> String {
    fields(text, n, |all| all[at] = to.to_owned())
}

/// The chain of the substitutions from row `n` on, as it is when their author computes it anew.
fn chained(text: &str, n: usize) -> String {
    let mut lines: Vec<String> = text.trim_end().split('\n').map(str::to_owned).collect();
    for i in n..lines.len() {
        let before = lines[i - 1].rsplit(',').next().unwrap().to_owned();
        let row = lines[i].rsplit_once(',').unwrap().0.to_owned();
        lines[i] = format!(
            "{row},{}",
            sha256_hex(format!("{before}\n{row}").as_bytes())
        );
    }
    lines.join("\n") + "\n"
}

/// One row more at the end, with its number and chain.
fn row(text: &str, rest: &str) -> String {
    let n = text.lines().count();
    chained(&format!("{text}{n},{rest},{}\n", "0".repeat(64)), n)
}

const S: &str = "reserves-substitutions";
const JOINT: &str = "joint";
const GROUPS: &str = "groups";
const CENSUS: &str = "census";
const OBJECTS_ONLY: &str = "objects-only";
const DRAND: &str = "drand";
const OPENED: &str = "withheld-server-openings";
const NO_SEED: &str = "void-before-seed";
const VOIDED: &str = "void-after-seed";

/// The whole table.
pub fn tamperings() -> Vec<Tampering> {
    let mut all = rules();
    all.extend(frame());
    all.extend(pool());
    all.extend(lists());
    all.extend(chance());
    all.extend(results());
    all.extend(afterwards());
    all
}

#[rustfmt::skip]
fn rules() -> Vec<Tampering> {
    use What::*;
    vec![
        text(S, "a_changed_ratio", RULES, |t| t.replace("333333", "333334"), (RESULT, 2, Differs)),
        text(S, "a_larger_team", RULES, |t| t.replace("\"team\":2}", "\"team\":3}"), (RESULT, 2, Differs)),
        text(S, "a_team_of_one", RULES, |t| t.replace("\"team\":2}", "\"team\":1}"), (RULES, 0, Rule)),
        text(S, "a_ratio_above_one", RULES, |t| t.replace("333333", "1000001"), (RULES, 0, Rule)),
        text(S, "another_title", RULES, |t| t.replace("示例抽查\"}", "示例抽查二\"}"), (RESULT, 2, Differs)),
        text(S, "another_item", RULES, |t| t.replace("登记事项检查", "登记事项检察"), (RESULT, 2, Differs)),
        text(S, "spaces_in_json", RULES, |t| t.replace(",\"cells\"", ", \"cells\""), (RULES, 0, NotCanonical)),
        text(S, "lf_after_json", RULES, |t| format!("{t}\n"), (RULES, 0, NotCanonical)),
        text(S, "keys_in_another_order", RULES, |t| t.replace("\"draw\":\"示例抽查〔2026〕3号\",", "")
            .replace("\"items\":", "\"draw\":\"示例抽查〔2026〕3号\",\"items\":").replace("\"district_minimum\":0,", "")
            .replace("\"mode\":", "\"district_minimum\":0,\"mode\":"), (RULES, 0, NotCanonical)),
        text(S, "an_escaped_character", RULES, |t| t.replace("示例抽查\"}", "\\u793a例抽查\"}"), (RULES, 0, NotCanonical)),
        text(S, "a_key_twice", RULES, |t| t.replace("\"team\":2", "\"team\":2,\"team\":2"), (RULES, 1, Form)),
        text(S, "a_key_of_our_own", RULES, |t| t.replace("\"team\":2", "\"secret\":1,\"team\":2"), (RULES, 1, Form)),
        text(S, "a_key_left_out", RULES, |t| t.replace("\"district_minimum\":0,", ""), (RULES, 1, Form)),
        text(S, "no_algorithm", RULES, |t| t.replace("\"algorithm\":\"double-random/1\",", ""), (RULES, 1, Form)),
        text(S, "another_algorithm", RULES, |t| t.replace("random/1", "random/9"), (RULES, 0, Unsupported)),
        text(S, "json_cut_off", RULES, |t| t[..t.len() - 1].into(), (RULES, 1, Form)),
        text(S, "a_byte_order_mark_before_json", RULES, |t| format!("\u{feff}{t}"), (RULES, 1, Form)),
        bytes(S, "rules_that_are_no_text", RULES, |b| { let mut b = b.to_vec(); let n = b.len(); b[n - 3] = 0xff; b },
            (RULES, 0, NotText)),
        text(S, "a_number_too_large", RULES, |t| t.replace("\"reserves\":5", "\"reserves\":4294967296"), (RULES, 1, Form)),
        text(S, "a_number_with_a_point", RULES, |t| t.replace("333333", "333333.0"), (RULES, 1, Form)),
        text(S, "a_negative_number", RULES, |t| t.replace("\"reserves\":5", "\"reserves\":-5"), (RULES, 1, Form)),
        text(S, "a_number_with_a_zero_before", RULES, |t| t.replace("\"reserves\":5", "\"reserves\":05"), (RULES, 1, Form)),
        text(S, "a_number_as_text", RULES, |t| t.replace("\"reserves\":5", "\"reserves\":\"5\""), (RULES, 1, Form)),
        text(S, "a_mode_that_nobody_knows", RULES, |t| t.replace("\"double\"", "\"twofold\""), (RULES, 1, Form)),
        text(S, "a_deal_that_nobody_knows", RULES, |t| t.replace("\"person\"", "\"friend\""), (RULES, 1, Form)),
        text(S, "a_day_that_does_not_exist", RULES, |t| t.replace("2026-11-24T", "2026-02-30T"), (RULES, 0, Rule)),
        text(S, "another_time_zone", RULES, |t| t.replace("+08:00", "+09:00"), (RULES, 0, Rule)),
        text(S, "a_time_zone_that_nobody_has", RULES, |t| t.replace("+08:00", "+58:00"), (RULES, 0, Rule)),
        text(S, "public_never", RULES, |t| t.replace("2026-12-31", "never"), (RULES, 0, Rule)),
        text(S, "openings_half", RULES, |t| t.replace("\"sealed\"", "\"some\""), (RULES, 1, Form)),
        text(S, "too_few_rolls", RULES, |t| t.replace("\"rolls\":25", "\"rolls\":24"), (RULES, 0, Rule)),
        text(S, "a_coin_for_a_die", RULES, |t| t.replace("\"sides\":6", "\"sides\":2").replace("\"rolls\":25", "\"rolls\":99"),
            (RULES, 0, Rule)),
        text(S, "a_hash_in_capitals", RULES, |t| t.replace("63fbdbb2", "63FBDBB2"), (RULES, 0, Rule)),
        text(S, "cells_out_of_order", RULES, |t| t.replace("\"0002\"", "\"0004\""), (RULES, 0, Rule)),
        text(S, "items_out_of_order", RULES, |t| t.replace("SJ-001", "SJ-003"), (RULES, 0, Rule)),
        text(S, "needs_out_of_order", RULES, |t| t.replace("{\"code\":\"fire\"", "{\"code\":\"fool\""), (RULES, 0, Rule)),
        text(S, "an_item_of_another_department", RULES, |t| t.replacen("SJ-001\",\"department\":\"market\"",
            "SJ-001\",\"department\":\"fire\"", 1), (RULES, 0, Rule)),
        text(S, "a_wrong_title_and_another_chain", RULES, |t| t.replace("\"title\":\"示例抽查\"", "\"title\":\"\"")
            .replace("{\"dice\":{\"rolls\":25,\"sides\":6}}", "{\"drand\":{\"chain\":\"52\",\"round\":1}}"), (RULES, 0, Unsupported)),
        text(S, "a_wrong_draw_and_another_chain", RULES, |t| t.replace("示例抽查〔2026〕3号", "")
            .replace("{\"dice\":{\"rolls\":25,\"sides\":6}}", "{\"drand\":{\"chain\":\"52\",\"round\":1}}"), (RULES, 0, Rule)),
        text(S, "a_wrong_value_and_spaces", RULES, |t| t.replace("333333", "1000001 "), (RULES, 0, Rule)),
        text(S, "a_title_of_201_characters", RULES, |t| t.replace("\"title\":\"示例抽查\"", &format!("\"title\":\"{}\"", "抽".repeat(201))),
            (RULES, 0, Rule)),
        text(S, "half_a_character", RULES, |t| t.replace("\"title\":\"示例抽查\"", "\"title\":\"\\ud83d\""), (RULES, 1, Form)),
        text(S, "a_json_on_two_lines", RULES, |t| t.replace(",\"cells\"", ",\n\"cells\"").replace("\"team\":2", "\"team\":2,\"x\":1"),
            (RULES, 2, Form)),
        text(S, "an_empty_title", RULES, |t| t.replace("\"title\":\"示例抽查\"", "\"title\":\"\""), (RULES, 0, Rule)),
        text(S, "a_title_that_ends_with_a_space", RULES, |t| t.replace("\"title\":\"示例抽查\"", "\"title\":\"示例抽查\u{3000}\""),
            (RULES, 0, Rule)),
        text(S, "a_title_with_a_bell", RULES, |t| t.replace("\"title\":\"示例抽查\"", "\"title\":\"示例\\u0007抽查\""),
            (RULES, 0, Rule)),
        text(S, "a_source_that_was_not_rolled", RULES, |t| t.replace("{\"dice\":{\"rolls\":25,\"sides\":6}}",
            "{\"drand\":{\"chain\":\"52\",\"round\":1}}"), (RULES, 0, Unsupported)),
        text(JOINT, "a_department_twice", RULES, |t| t.replace("{\"code\":\"labour\"", "{\"code\":\"fire\""), (RULES, 0, Rule)),
        text(JOINT, "departments_in_another_order", RULES, |t| {
            let market = "{\"code\":\"market\",\"deal\":\"person\",\"experts\":1,\"name\":\"示例市 market 局\",\"team\":2},";
            t.replace(market, "").replace("\"departments\":[", &format!("\"departments\":[{market}").replace(market, ""))
                .replace("\"team\":3},", &format!("\"team\":3}},{market}")) }, (RESULT, 2, Differs)),
        text(JOINT, "six_experts", RULES, |t| t.replace("\"experts\":2", "\"experts\":6"), (RULES, 0, Rule)),
        text(JOINT, "an_expert_less", RULES, |t| t.replace("\"experts\":2", "\"experts\":1"), (RESULT, 2, Differs)),
        text(JOINT, "a_need_of_another_department", RULES, |t| t.replace("\"lift\",\"department\":\"market\"",
            "\"lift\",\"department\":\"labour\""), (RESULT, 2, Differs)),
        text(GROUPS, "dealt_by_person_after_all", RULES, |t| t.replace("\"deal\":\"group\"", "\"deal\":\"person\""),
            (RESULT, 2, Differs)),
        text("district-minimum", "a_smaller_minimum", RULES, |t| t.replace("\"district_minimum\":5", "\"district_minimum\":4"),
            (RESULT, 2, Differs)),
        text("district-minimum", "a_minimum_without_end", RULES, |t| t.replace("\"district_minimum\":5",
            "\"district_minimum\":1000001"), (RULES, 0, Rule)),
        text(CENSUS, "a_census_of_54_weeks", RULES, |t| t.replace("\"weeks\":4", "\"weeks\":54"), (RULES, 0, Rule)),
        text(CENSUS, "a_census_of_almost_all", RULES, |t| t.replacen("1000000", "999999", 1), (RULES, 0, Rule)),
        text(CENSUS, "a_census_with_reserves", RULES, |t| t.replacen("\"reserves\":0", "\"reserves\":1", 1), (RULES, 0, Rule)),
        text(CENSUS, "a_census_with_a_minimum", RULES, |t| t.replace("\"district_minimum\":0", "\"district_minimum\":1"),
            (RULES, 0, Rule)),
        text(CENSUS, "a_census_without_a_law", RULES, |t| t.replace("《示例法》", ""), (RULES, 0, Rule)),
        text(CENSUS, "a_week_less", RULES, |t| t.replace("\"weeks\":4", "\"weeks\":3"), (RESULT, 2, Differs)),
        text("inspectors-only", "single_random_without_end", RULES, |t| t.replace("2027-03-31", "2027-13-31"), (RULES, 0, Rule)),
        text(OBJECTS_ONLY, "a_team_where_nobody_is_dealt", RULES, |t| t.replace("\"team\":0", "\"team\":2"), (RULES, 0, Rule)),
        text(OBJECTS_ONLY, "double_random_without_inspectors", RULES, |t| { let at = t.find("\"mode\":").unwrap();
            let to = t.find(",\"needs\"").unwrap(); format!("{}\"mode\":\"double\"{}", &t[..at], &t[to..]) }, (RULES, 0, Rule)),
        text(DRAND, "another_chain", RULES, |t| t.replace("52db9ba7", "8990e7a9"), (RULES, 0, Unsupported)),
        text(DRAND, "a_round_that_was_known", RULES, |t| t.replace("\"round\":123", "\"round\":23"), (RULES, 0, Rule)),
        text(DRAND, "a_round_too_far", RULES, |t| t.replace("\"round\":123", "\"round\":999999"), (RULES, 0, Rule)),
        text(DRAND, "another_round", RULES, |t| t.replace("\"round\":123", "\"round\":124"), (SEED, 4, Form)),
        text(DRAND, "dice_announced", RULES, |t| { let at = t.find("{\"drand\"").unwrap();
            let to = t.find(",\"nonce_sha256\"").unwrap();
            format!("{}{{\"dice\":{{\"rolls\":25,\"sides\":6}}}}{}", &t[..at], &t[to..]) }, (SEED, 4, Form)),
    ]
}

#[rustfmt::skip]
fn frame() -> Vec<Tampering> {
    use What::*;
    vec![
        text(S, "a_moved_object", OBJECTS, |t| with(&without(t, 9), &[nth(t, 9).replacen("0001", "0002", 1)]), (RESULT, 2, Differs)),
        text(S, "an_object_taken_out", OBJECTS, |t| without(t, 2), (RESULT, 2, Differs)),
        text(S, "an_object_with_avoidances_taken_out", OBJECTS, |t| without(t, 39), (AVOID, 41, Unknown)),
        text(S, "an_object_invented", OBJECTS, |t| with(t, &[format!("0002,{},440304,", sha256_hex(b"invented"))]),
            (RESULT, 2, Differs)),
        text(S, "an_object_twice", OBJECTS, |t| twice(t, 2), (OBJECTS, 4, Duplicate)),
        text(S, "an_object_in_two_districts", OBJECTS, |t| with(t, &[nth(t, 4).replacen(",4403", ",5403", 1)]),
            (OBJECTS, 6, Duplicate)),
        text(S, "an_object_in_two_cells", OBJECTS, |t| with(t, &[nth(t, 1).replacen("0001", "0003", 1)]), (OBJECTS, 79, Duplicate)),
        text(S, "two_objects_in_two_cells", OBJECTS, |t| with(t, &[nth(t, 1).replacen("0001", "0003", 1),
            nth(t, 2).replacen("0001", "0002", 1)]), (OBJECTS, 42, Duplicate)),
        text(S, "unsorted_objects", OBJECTS, |t| swap(t, 3, 4), (OBJECTS, 5, Unsorted)),
        text(S, "crlf", OBJECTS, |t| line(t, 5, |l| format!("{l}\r")), (OBJECTS, 6, CarriageReturn)),
        text(S, "crlf_everywhere", OBJECTS, |t| t.replace('\n', "\r\n"), (OBJECTS, 1, CarriageReturn)),
        text(S, "a_cr_within_a_line", OBJECTS, |t| line(t, 5, |l| l.replacen(',', ",\r", 1)), (OBJECTS, 6, CarriageReturn)),
        text(S, "a_trailing_space", OBJECTS, |t| line(t, 7, |l| format!("{l} ")), (OBJECTS, 8, TrailingSpace)),
        text(S, "no_lf_at_the_end", OBJECTS, |t| t.trim_end().into(), (OBJECTS, 113, NoFinalNewline)),
        text(S, "an_empty_line", OBJECTS, |t| format!("{t}\n"), (OBJECTS, 114, Form)),
        text(S, "an_empty_file", OBJECTS, |_| String::new(), (OBJECTS, 1, NoFinalNewline)),
        text(S, "a_byte_order_mark", OBJECTS, |t| format!("\u{feff}{t}"), (OBJECTS, 1, Header)),
        bytes(S, "an_object_that_is_no_text", OBJECTS, |b| { let mut b = b.to_vec(); b[200] = 0xfe; b }, (OBJECTS, 4, Form)),
        text(S, "upper_case_hex", OBJECTS, |t| line(t, 3, |l| l.to_uppercase()), (OBJECTS, 4, Form)),
        text(S, "an_unknown_cell", OBJECTS, |t| line(t, 112, |l| l.replacen("0003", "0004", 1)), (OBJECTS, 113, Unknown)),
        text(S, "a_cell_of_five_digits", OBJECTS, |t| line(t, 112, |l| l.replacen("0003", "00003", 1)), (OBJECTS, 113, Form)),
        text(S, "an_unknown_need", OBJECTS, |t| line(t, 1, |l| l.replace("fire", "five")), (OBJECTS, 2, Unknown)),
        text(S, "needs_not_ascending", OBJECTS, |t| t.replacen(",fire food\n", ",food fire\n", 1), (OBJECTS, 6, Form)),
        text(S, "a_need_twice", OBJECTS, |t| t.replacen(",fire food\n", ",fire fire\n", 1), (OBJECTS, 6, Form)),
        text(S, "a_district_without_inspectors", OBJECTS, |t| line(t, 1, |l| l.replace(",440303,", ",440399,")),
            (OBJECTS, 2, Unservable)),
        text(S, "a_district_with_an_underscore", OBJECTS, |t| line(t, 1, |l| l.replace(",440303,", ",44_303,")),
            (OBJECTS, 2, Form)),
        text(S, "an_object_moved_to_another_district", OBJECTS, |t| line(t, 2, |l| l.replace(",440305,", ",440303,")),
            (RESULT, 2, Differs)),
        text(S, "a_need_that_nobody_meets_there", OBJECTS, |t| line(t, 2, |l| format!("{l}lift")), (OBJECTS, 3, Unservable)),
        text(S, "a_need_left_out", OBJECTS, |t| line(t, 1, |l| l.replace("fire", "")), (RESULT, 2, Differs)),
        text(S, "a_field_more", OBJECTS, |t| line(t, 1, |l| format!("{l},")), (OBJECTS, 2, Form)),
        text(S, "a_field_less", OBJECTS, |t| line(t, 1, |l| l.replace(",fire", "")), (OBJECTS, 2, Form)),
        text(S, "another_header", OBJECTS, |t| t.replace("district", "area"), (OBJECTS, 1, Header)),
        text(S, "a_quoted_field", OBJECTS, |t| line(t, 1, |l| l.replace("440303", "\"440303\"")), (OBJECTS, 2, Form)),
        text(S, "a_line_just_too_long", OBJECTS, |t| line(t, 1, |l| format!("{l}{}", "x".repeat(8193 - l.len()))),
            (OBJECTS, 2, TooLarge)),
        text(S, "a_line_of_8192_bytes", OBJECTS, |t| line(t, 1, |l| format!("{l}{}", "x".repeat(8192 - l.len()))), (OBJECTS, 2, Form)),
        text(S, "a_cr_where_no_cell_is", OBJECTS, |t| line(t, 112, |l| l.replacen("0003", "000x", 1) + "\r"),
            (OBJECTS, 113, CarriageReturn)),
        text(S, "a_cr_in_an_unknown_cell", OBJECTS, |t| line(t, 112, |l| l.replacen("0003", "0004", 1) + "\r"),
            (OBJECTS, 113, CarriageReturn)),
        text(S, "an_excess_of_fields_and_a_space", OBJECTS, |t| line(t, 1, |l| format!("{l},, ")), (OBJECTS, 2, TrailingSpace)),
        text(S, "a_form_before_a_reference", OBJECTS, |t| line(t, 112, |l| l.replacen("0003", "0004", 1) + "Ü"), (OBJECTS, 113, Form)),
        text(S, "an_unknown_cell_out_of_order", OBJECTS, |t| line(t, 4, |l| l.replacen("0001", "0009", 1)), (OBJECTS, 5, Unknown)),
        text(S, "a_line_too_long", OBJECTS, |t| line(t, 1, |l| format!("{l}{}", "x".repeat(8192))), (OBJECTS, 2, TooLarge)),
        text(GROUPS, "an_object_that_no_group_can_serve", OBJECTS, |t| line(t, 2, |l| format!("{l}lift")), (OBJECTS, 3, Unservable)),
        text(CENSUS, "an_object_left_out_of_a_census", OBJECTS, |t| without(t, 5), (RESULT, 2, Differs)),
        plainly(text(S, "an_object_taken_out_without_new_manifest", OBJECTS, |t| without(t, 2), (MANIFEST, 4, Hash))),
    ]
}

#[rustfmt::skip]
fn pool() -> Vec<Tampering> {
    use What::*;
    vec![
        text(S, "an_inspector_taken_out", INSPECTORS, |t| without(t, 14), (AVOID, 68, Unknown)),
        text(S, "an_inspector_invented", INSPECTORS, |t| with(t, &[nth(t, 1).replacen(&nth(t, 1)[..64], &sha256_hex(b"new"), 1)]),
            (RESULT, 2, Differs)),
        text(S, "an_inspector_twice", INSPECTORS, |t| twice(t, 3), (INSPECTORS, 5, Duplicate)),
        text(S, "unsorted_inspectors", INSPECTORS, |t| swap(t, 1, 2), (INSPECTORS, 3, Unsorted)),
        text(S, "more_capacity", INSPECTORS, |t| field(t, 1, 7, "9"), (RESULT, 2, Differs)),
        text(S, "too_much_capacity", INSPECTORS, |t| field(t, 1, 7, "1000001"), (INSPECTORS, 2, Form)),
        text(S, "capacity_with_a_zero", INSPECTORS, |t| field(t, 1, 7, "02"), (INSPECTORS, 2, Form)),
        text(S, "capacity_below_zero", INSPECTORS, |t| field(t, 1, 7, "-1"), (INSPECTORS, 2, Form)),
        text(S, "unsorted_districts", INSPECTORS, |t| field(t, 1, 5, "440305 440303"), (INSPECTORS, 2, Form)),
        text(S, "two_spaces", INSPECTORS, |t| field(t, 1, 5, "440303  440305"), (INSPECTORS, 2, Form)),
        text(S, "a_district_more", INSPECTORS, |t| field(t, 1, 5, "440303 440304 440305"), (RESULT, 2, Differs)),
        text(S, "an_expertise_that_nobody_asks_for", INSPECTORS, |t| field(t, 1, 6, "dance"), (INSPECTORS, 2, Unknown)),
        text(S, "an_unknown_department", INSPECTORS, |t| field(t, 2, 1, "fire"), (INSPECTORS, 3, Unknown)),
        text(S, "a_role_of_our_own", INSPECTORS, |t| field(t, 2, 2, "leader"), (INSPECTORS, 3, Form)),
        text(S, "an_inspector_without_unit", INSPECTORS, |t| field(t, 2, 3, ""), (INSPECTORS, 3, Form)),
        text(S, "an_inspector_made_an_expert", INSPECTORS, |t| field(t, 1, 2, "expert"), (RESULT, 2, Differs)),
        text(S, "crlf_in_the_pool", INSPECTORS, |t| t.replace('\n', "\r\n"), (INSPECTORS, 1, CarriageReturn)),
        text(S, "a_trailing_space_in_the_pool", INSPECTORS, |t| line(t, 3, |l| format!("{l} ")), (INSPECTORS, 4, TrailingSpace)),
        text(S, "a_trailing_space_before_the_header_is_seen", INSPECTORS, |t| line(&t.replace("unit,", "team,"), 3,
            |l| format!("{l} ")), (INSPECTORS, 4, TrailingSpace)),
        text(S, "no_lf_at_the_end_of_the_pool", INSPECTORS, |t| t.trim_end().into(), (INSPECTORS, 15, NoFinalNewline)),
        bytes(S, "a_pool_that_is_no_text", INSPECTORS, |b| { let mut b = b.to_vec(); b[300] = 0xff; b }, (INSPECTORS, 4, NotText)),
        text(S, "letters_of_other_scripts", INSPECTORS, |t| field(t, 2, 3, "单位"), (INSPECTORS, 3, Form)),
        text(S, "a_line_too_long_in_the_pool", INSPECTORS, |t| line(t, 3, |l| format!("{l}{}", "0".repeat(8192))),
            (INSPECTORS, 4, TooLarge)),
        bytes(S, "a_pool_that_is_no_text_after_a_cr", INSPECTORS, |b| { let mut b = b.to_vec(); b[90] = b'\r'; b[300] = 0xff; b },
            (INSPECTORS, 4, NotText)),
        text(S, "a_space_before_a_cr", INSPECTORS, |t| line(&line(t, 2, |l| format!("{l} ")), 5, |l| format!("{l}\r")),
            (INSPECTORS, 3, TrailingSpace)),
        text(S, "an_inspector_unknown_and_out_of_order", INSPECTORS, |t| swap(&field(t, 2, 1, "fire"), 1, 2),
            (INSPECTORS, 2, Unknown)),
        text(JOINT, "an_expert_in_a_group", INSPECTORS, |t| field(t, 4, 4, "g5"), (INSPECTORS, 5, Form)),
        text(JOINT, "an_expert_made_an_inspector", INSPECTORS, |t| field(t, 4, 2, "inspector"), (RESULT, 2, Differs)),
        text(JOINT, "an_inspector_of_another_department", INSPECTORS, |t| field(t, 1, 1, "market"), (RESULT, 2, Differs)),
        text(GROUPS, "somebody_moved_to_another_group", INSPECTORS, |t| field(t, 1, 4, "g1"), (OBJECTS, 37, Unservable)),
        text(GROUPS, "groups_dissolved", INSPECTORS, |t| t.lines().enumerate().map(|(i, l)| {
            let mut f: Vec<&str> = l.split(',').collect(); if i > 0 { f[4] = ""; } f.join(",") + "\n" }).collect(),
            (OBJECTS, 2, Unservable)),
        text(OBJECTS_ONLY, "nonsense_where_nobody_is_dealt", INSPECTORS, |t| format!("{t}nonsense\n"), (INSPECTORS, 2, Rule)),
        text(OBJECTS_ONLY, "an_inspector_where_nobody_is_dealt", INSPECTORS,
            |t| format!("{t}{},market,inspector,unit-1,,440304,,20\n", sha256_hex(b"somebody")), (INSPECTORS, 2, Rule)),
    ]
}

#[rustfmt::skip]
fn lists() -> Vec<Tampering> {
    use What::*;
    vec![
        text(S, "an_avoidance_taken_out", AVOID, |t| without(t, 5), (RESULT, 2, Differs)),
        text(S, "an_avoidance_of_nobody", AVOID, |t| line(t, 1, |l| l.replace(&l[..60], &"0".repeat(60))), (AVOID, 2, Unknown)),
        text(S, "an_avoidance_of_nothing", AVOID, |t| line(t, 1, |l| format!("{}{}", &l[..65], "0".repeat(64))), (AVOID, 2, Unknown)),
        text(S, "an_avoidance_twice", AVOID, |t| twice(t, 4), (AVOID, 6, Duplicate)),
        text(S, "unsorted_avoidances", AVOID, |t| swap(t, 1, 2), (AVOID, 3, Unsorted)),
        text(S, "an_avoidance_with_its_ground", AVOID, |t| line(t, 2, |l| format!("{l},relative")), (AVOID, 3, Form)),
        text(S, "crlf_in_avoidances", AVOID, |t| t.replace('\n', "\r\n"), (AVOID, 1, CarriageReturn)),
        text(S, "an_exclusion_taken_out", EXCLUDED, |t| without(t, 2), (RESULT, 2, Differs)),
        text(S, "an_exclusion_without_ground", EXCLUDED, |t| line(t, 1, |l| l[..l.len() - 8].into()), (EXCLUDED, 2, Form)),
        text(S, "a_ground_with_capitals", EXCLUDED, |t| t.replacen("on-leave", "On-Leave", 1), (EXCLUDED, 2, Form)),
        text(S, "an_exclusion_of_another_kind", EXCLUDED, |t| t.replacen("inspector,", "expert,", 1), (EXCLUDED, 2, Form)),
        text(S, "an_exclusion_twice", EXCLUDED, |t| line(t, 3, |l| format!("{l}\n{}-more", l)), (EXCLUDED, 5, Duplicate)),
        text(S, "an_exclusion_twice_and_out_of_order", EXCLUDED, |t| line(t, 3, |l| format!("{l}\n{}a", &l[..l.rfind(',').unwrap() + 1])),
            (EXCLUDED, 5, Duplicate)),
        text(S, "an_avoidance_unknown_and_out_of_order", AVOID, |t| swap(&line(t, 2, |l| l.replace(&l[..60], &"0".repeat(60))), 1, 2),
            (AVOID, 2, Unknown)),
        text(S, "unsorted_exclusions", EXCLUDED, |t| swap(t, 3, 4), (EXCLUDED, 5, Unsorted)),
        text(S, "somebody_listed_and_excluded", INSPECTORS, |t| with(t,
            &["030a8fbe892fc83e18fcbd08b8e0c684cef83252400a6a05e18746034257959d,market,inspector,unit-1,,440303,,1".into()]),
            (EXCLUDED, 2, Duplicate)),
        text(S, "an_inspector_excluded_as_object", EXCLUDED, |t| with(t, &[format!("object,{},not-active",
            "089c6080348c7880bb5fab10dd02e827e7f298f65c05e7f37cda828ae765876c")]), (RESULT, 2, Differs)),
        plainly(text(S, "a_manifest_of_four_lines", MANIFEST, |t| without(t, 2), (MANIFEST, 0, Form))),
        text(S, "a_manifest_of_six_lines", MANIFEST, |t| format!("{t}{}  seed.txt\n", "0".repeat(64)), (MANIFEST, 0, Form)),
        text(S, "a_manifest_without_lf", MANIFEST, |t| t.trim_end().into(), (MANIFEST, 5, NoFinalNewline)),
        text(S, "a_manifest_in_another_order", MANIFEST, |t| swap(t, 1, 2), (MANIFEST, 2, Form)),
        text(S, "a_manifest_with_one_space", MANIFEST, |t| t.replace("  excluded", " excluded"), (MANIFEST, 2, Form)),
        text(S, "a_manifest_with_crlf", MANIFEST, |t| t.replace('\n', "\r\n"), (MANIFEST, 1, CarriageReturn)),
        text(S, "a_hash_of_something_else", MANIFEST, |t| line(t, 3, |l| l.replace(&l[..8], "00000000")), (MANIFEST, 4, Hash)),
        text(S, "a_manifest_of_six_lines_with_a_space", MANIFEST, |t| format!("{t}{}  seed.txt \n", "0".repeat(64)),
            (MANIFEST, 6, TrailingSpace)),
        text(S, "a_manifest_in_capitals", MANIFEST, |t| line(t, 4, |l| format!("{}{}", l[..64].to_uppercase(), &l[64..])),
            (MANIFEST, 5, Form)),
        removed(S, "no_avoidances_file", AVOID, (AVOID, 0, Missing)),
        removed(S, "no_manifest", MANIFEST, (MANIFEST, 0, Missing)),
        removed(S, "no_seed", SEED, (SEED, 0, Missing)),
        removed(S, "no_substitutions_file", SUBSTITUTIONS, (SUBSTITUTIONS, 0, Missing)),
        removed(VOIDED, "a_void_draw_without_its_result", RESULT, (RESULT, 0, Missing)),
        removed(NO_SEED, "no_longer_void", VOID, (RESULT, 0, Missing)),
    ]
}

#[rustfmt::skip]
fn chance() -> Vec<Tampering> {
    use What::*;
    vec![
        // Seldom the manipulation itself shows, but its seed is another.
        text(S, "a_roll_turned", SEED, |t| t.replace("dice 6 1 2 3", "dice 6 1 2 4"), (RESULT, 2, Differs)),
        text(S, "two_rolls_swapped", SEED, |t| t.replace("dice 6 1 2 3", "dice 6 2 1 3"), (RESULT, 2, Differs)),
        text(S, "a_roll_more", SEED, |t| format!("{} 4\n", t.trim_end()), (SEED, 5, Form)),
        text(S, "a_roll_less", SEED, |t| format!("{}\n", &t[..t.len() - 3]), (SEED, 5, Form)),
        text(S, "a_seven", SEED, |t| t.replace("dice 6 1 2 3", "dice 6 1 2 7"), (SEED, 5, Form)),
        text(S, "a_zero", SEED, |t| t.replace("dice 6 1 2 3", "dice 6 1 2 0"), (SEED, 5, Form)),
        text(S, "a_roll_with_a_zero_before", SEED, |t| t.replace("dice 6 1 2 3", "dice 6 1 2 03"), (SEED, 5, Form)),
        text(S, "other_dice", SEED, |t| t.replace("dice 6", "dice 8"), (SEED, 5, Form)),
        text(S, "lines_reordered", SEED, |t| swap(t, 1, 2), (RESULT, 2, Differs)),
        text(S, "server_before_witnesses", SEED, |t| swap(t, 2, 3), (SEED, 4, Form)),
        text(S, "a_reveal_that_does_not_match", SEED, |t| t.replace("k7Qd", "k8Qd"), (SEED, 2, Reveal)),
        text(S, "a_witness_renamed", SEED, |t| t.replace("李代表", "张代表"), (SEED, 2, Reveal)),
        text(S, "a_witness_taken_out", SEED, |t| without(t, 1), (RESULT, 2, Differs)),
        text(S, "a_witness_made_silent", SEED, |t| t.replace("witness 李代表", "withheld 李代表").replace(" k7Qd-2026-spring", ""),
            (RESULT, 2, Differs)),
        text(S, "a_witness_twice", SEED, |t| twice(t, 1), (SEED, 3, Duplicate)),
        text(S, "a_name_with_markup", SEED, |t| t.replace("李代表", "<b>"), (SEED, 2, Form)),
        text(S, "a_name_too_long", SEED, |t| t.replace("李代表", &"李".repeat(21)), (SEED, 2, Form)),
        text(S, "a_value_too_short", SEED, |t| t.replace("k7Qd-2026-spring", "k7Qd"), (SEED, 2, Form)),
        text(S, "silent_and_yet_telling", SEED, |t| t.replace("witness 李代表", "withheld 李代表"), (SEED, 2, Form)),
        text(S, "two_spaces_in_the_seed", SEED, |t| t.replace("witness 李代表 ", "witness 李代表  "), (SEED, 2, Form)),
        text(S, "a_trailing_space_in_the_seed", SEED, |t| format!("{} \n", t.trim_end()), (SEED, 5, TrailingSpace)),
        text(S, "crlf_in_the_seed", SEED, |t| t.replace('\n', "\r\n"), (SEED, 1, CarriageReturn)),
        text(S, "no_lf_at_the_end_of_the_seed", SEED, |t| t.trim_end().into(), (SEED, 5, NoFinalNewline)),
        bytes(S, "a_seed_that_is_no_text", SEED, |b| { let mut b = b.to_vec(); b[84] = 0xff; b }, (SEED, 2, NotText)),
        text(S, "another_nonce", SEED, |t| t.replace(NONCE, &"0".repeat(64)), (SEED, 4, Reveal)),
        text(S, "another_hash_of_the_server", SEED, |t| t.replace("server 63fbdbb2", "server 00000000"), (SEED, 4, Reveal)),
        text(OPENED, "another_hash_of_the_silent_server", SEED, |t| t.replace("server 63fbdbb2", "server 00000000"),
            (SEED, 2, Reveal)),
        text(S, "the_nonce_withheld", SEED, |t| t.replace(&format!(" {NONCE}"), "").replace("\nserver", "\nwithheld server"),
            (SEED, 0, Entropy)),
        text(S, "something_after_the_dice", SEED, |t| format!("{t}dice 6 1\n"), (SEED, 6, Form)),
        text(S, "no_dice", SEED, |t| without(t, 4), (SEED, 4, Form)),
        text(S, "another_commitment", SEED, |t| line(t, 0, |_| format!("commitment {}", "0".repeat(64))), (SEED, 1, Commitment)),
        text(S, "a_commitment_that_is_no_hash", SEED, |t| line(t, 0, |l| l[..l.len() - 1].into()), (SEED, 1, Form)),
        text(S, "a_nonce_that_is_no_hash", SEED, |t| line(t, 3, |l| l[..l.len() - 1].into()), (SEED, 4, Form)),
        text(S, "a_hash_of_the_server_that_is_none", SEED, |t| t.replace("server 63fb", "server 63F"), (SEED, 4, Form)),
        text(OPENED, "a_hash_of_the_silent_server_that_is_none", SEED, |t| t.replace("server 63fb", "server 63"), (SEED, 2, Form)),
        text(S, "201_witnesses", SEED, |t| line(t, 0, |l| (0..201).fold(l.to_owned(), |all, n| format!("{all}\nwithheld W{n} {}", "0".repeat(64)))),
            (SEED, 202, TooLarge)),
        text(S, "no_commitment", SEED, |t| without(t, 0), (SEED, 1, Form)),
        text(DRAND, "a_wrong_drand_signature", SEED, |t| t.replace("b75c69d0", "b75c69d1"), (SEED, 4, Drand)),
        text(DRAND, "a_signature_of_another_round", SEED, |t| t.replace(SIGNATURE,
            "a84a3bfd2f4a4df4ea2bc5d7a3fae9b4c1b07bf6ef1cb7e6a1f2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718"), (SEED, 4, Drand)),
        text(DRAND, "no_point_of_the_curve", SEED, |t| t.replace(SIGNATURE, &format!("c{}", "0".repeat(95))), (SEED, 4, Drand)),
        text(DRAND, "a_signature_in_capitals", SEED, |t| t.replace(SIGNATURE, &SIGNATURE.to_uppercase()), (SEED, 4, Form)),
        text(DRAND, "a_signature_cut_short", SEED, |t| format!("{}\n", &t[..t.len() - 2]), (SEED, 4, Form)),
        text(DRAND, "another_round_in_the_seed", SEED, |t| t.replace("drand 123", "drand 124"), (SEED, 4, Form)),
        text(DRAND, "dice_for_drand", SEED, |t| { let at = t.find("drand").unwrap(); format!("{}dice 6 1 2 3\n", &t[..at]) },
            (SEED, 4, Form)),
        text(VOIDED, "void_of_another_draw", VOID, |t| t.replace("14193feb", "14193fec"), (VOID, 0, Commitment)),
        text(VOIDED, "void_without_reason", VOID, |t| t.replace("名录有误，依法重新组织", ""), (VOID, 0, Rule)),
        text(VOIDED, "void_on_no_day", VOID, |t| t.replace("2026-11-24", "2026-11-31"), (VOID, 0, Rule)),
        text(VOIDED, "void_in_another_time_zone", VOID, |t| t.replace("+08:00", "+08:11"), (VOID, 0, Rule)),
        text(VOIDED, "void_with_a_space", VOID, |t| t.replace("{\"at", "{ \"at"), (VOID, 0, NotCanonical)),
        text(VOIDED, "void_with_a_key_more", VOID, |t| t.replace("{\"at", "{\"and\":1,\"at"), (VOID, 1, Form)),
        text(VOIDED, "void_and_a_result_changed", RESULT, |t| swap(t, 3, 4), (RESULT, 4, Differs)),
        text(NO_SEED, "void_of_another_draw_before_the_seed", VOID, |t| t.replace("50d187fd", "50d187fe"), (VOID, 0, Commitment)),
        text(NO_SEED, "a_seed_alone", SEED, |_| "commitment\n".into(), (RESULT, 0, Missing)),
        text("plain", "declared_void_by_a_stranger", VOID, |_| format!(
            "{{\"at\":\"2026-11-24T10:00:00+08:00\",\"commitment\":\"{}\",\"reason\":\"作废\"}}", "0".repeat(64)),
            (VOID, 0, Commitment)),
    ]
}

#[rustfmt::skip]
fn results() -> Vec<Tampering> {
    use What::*;
    vec![
        text(S, "a_swapped_reserve", RESULT, |t| swap(t, 28, 29), (RESULT, 29, Differs)),
        text(S, "another_leader", RESULT, |t| fields(t, 1, |f| { let team: Vec<&str> = f[6].split(' ').collect();
            f[6] = format!("{} {}", team[1], team[0]); }), (RESULT, 2, Differs)),
        text(S, "another_inspector", RESULT, |t| line(t, 2, |l| l.replace(&l[l.len() - 65..l.len() - 1],
            &nth(t, 1)[nth(t, 1).len() - 65..nth(t, 1).len() - 1])), (RESULT, 3, Differs)),
        text(S, "an_object_left_out", RESULT, |t| without(t, 4), (RESULT, 5, Differs)),
        text(S, "an_object_added", RESULT, |t| format!("{t}{}\n", nth(t, 1)), (RESULT, 38, Differs)),
        text(S, "the_end_cut_off", RESULT, |t| without(t, 36), (RESULT, 37, Differs)),
        text(S, "no_lf_at_the_end_of_the_result", RESULT, |t| t.trim_end().into(), (RESULT, 37, Differs)),
        text(S, "an_empty_line_after_the_result", RESULT, |t| format!("{t}\n"), (RESULT, 38, Differs)),
        text(S, "crlf_in_the_result", RESULT, |t| t.replace('\n', "\r\n"), (RESULT, 1, Differs)),
        text(S, "an_empty_result", RESULT, |_| String::new(), (RESULT, 1, Differs)),
        text(S, "another_ticket", RESULT, |t| fields(t, 6, |f| f[3] = "0".repeat(64)), (RESULT, 7, Differs)),
        text(S, "a_result_in_another_order", RESULT, |t| swap(t, 1, 5), (RESULT, 2, Differs)),
        text(CENSUS, "another_week", RESULT, |t| field(t, 20, 5, "0"), (RESULT, 21, Differs)),
        text(JOINT, "experts_swapped", RESULT, |t| fields(t, 1, |f| { let all: Vec<&str> = f[7].split(' ').collect();
            f[7] = all.iter().rev().copied().collect::<Vec<_>>().join(" "); }), (RESULT, 2, Differs)),
        text(JOINT, "an_expert_left_out", RESULT, |t| fields(t, 2, |f| f[7] = f[7][..64].to_owned()), (RESULT, 3, Differs)),
        text(JOINT, "departments_swapped", RESULT, |t| fields(t, 3, |f| { let all: Vec<&str> = f[6].split(' ').collect();
            f[6] = [&all[2..], &all[..2]].concat().join(" "); }), (RESULT, 4, Differs)),
        text(GROUPS, "another_order_within_a_group", RESULT, |t| fields(t, 1, |f| { let mut all: Vec<&str> = f[6].split(' ').collect();
            all.swap(1, 2); f[6] = all.join(" "); }), (RESULT, 2, Differs)),
        text(OBJECTS_ONLY, "a_team_out_of_nowhere", RESULT, |t| field(t, 1, 6, &sha256_hex(b"somebody")), (RESULT, 2, Differs)),
    ]
}

#[rustfmt::skip]
fn afterwards() -> Vec<Tampering> {
    use What::*;
    vec![
        text(S, "a_free_choice", SUBSTITUTIONS, |t| fields(t, 1, |f| f[4] = f[3].clone()), (SUBSTITUTIONS, 2, Differs)),
        text(S, "a_free_choice_with_a_new_chain", SUBSTITUTIONS, |t| { let other = nth(t, 8).split(',').nth(4).unwrap().to_owned();
            chained(&field(t, 1, 4, &other), 1) }, (SUBSTITUTIONS, 2, Differs)),
        text(S, "another_ground", SUBSTITUTIONS, |t| t.replacen("ill", "leave", 1), (SUBSTITUTIONS, 2, Differs)),
        text(S, "a_substitution_taken_out", SUBSTITUTIONS, |t| without(t, 1), (SUBSTITUTIONS, 2, Differs)),
        text(S, "a_row_that_must_follow_left_out", SUBSTITUTIONS, |t| without(t, 3), (SUBSTITUTIONS, 4, Differs)),
        text(S, "the_last_substitution_taken_out_but_its_row", SUBSTITUTIONS, |t| without(t, 9), (SUBSTITUTIONS, 10, Differs)),
        text(S, "a_reserve_of_our_choice", SUBSTITUTIONS, |t| { let other = nth(t, 6).split(',').nth(4).unwrap().to_owned();
            field(t, 5, 4, &other) }, (SUBSTITUTIONS, 6, Differs)),
        text(S, "dropped_while_a_reserve_is_left", SUBSTITUTIONS, |t| fields(t, 5, |f| { f[1] = "drop".into(); f[4] = String::new(); }),
            (SUBSTITUTIONS, 6, Differs)),
        text(S, "replaced_where_no_reserve_is_left", SUBSTITUTIONS, |t| field(t, 10, 1, "replace"), (SUBSTITUTIONS, 11, Differs)),
        text(S, "an_unknown_kind", SUBSTITUTIONS, |t| field(t, 1, 1, "swap"), (SUBSTITUTIONS, 2, Form)),
        text(S, "an_object_of_no_frame", SUBSTITUTIONS, |t| field(t, 1, 2, &"0".repeat(64)), (SUBSTITUTIONS, 2, Differs)),
        text(S, "relief_of_somebody_else", SUBSTITUTIONS, |t| { let other = nth(t, 1).split(',').nth(4).unwrap().to_owned();
            field(t, 1, 3, &other) }, (SUBSTITUTIONS, 2, Differs)),
        text(S, "relief_of_nobody", SUBSTITUTIONS, |t| field(t, 1, 3, &"0".repeat(64)), (SUBSTITUTIONS, 2, Differs)),
        text(S, "a_row_that_follows_from_nothing", SUBSTITUTIONS, |t| { let o = nth(t, 9).split(',').nth(4).unwrap().to_owned();
            row(t, &format!("replace,{o},,,follow")) }, (SUBSTITUTIONS, 12, Differs)),
        text(S, "an_addition_of_our_choice", SUBSTITUTIONS, |t| { let f: Vec<String> = nth(t, 8).split(',').map(str::to_owned).collect();
            row(t, &format!("add,{},,{},ill", f[2], f[4])) }, (SUBSTITUTIONS, 12, Form)),
        text(S, "replaced_once_more", SUBSTITUTIONS, |t| { let o = nth(t, 5).split(',').nth(2).unwrap().to_owned();
            row(t, &format!("replace,{o},,,closed")) }, (SUBSTITUTIONS, 12, Differs)),
        text(S, "not_the_next_reserve_passed", SUBSTITUTIONS, |t| { let o = nth(t, 4).split(',').nth(2).unwrap().to_owned();
            row(t, &format!("pass,{o},,,closed")) }, (SUBSTITUTIONS, 12, Differs)),
        text(S, "a_number_left_out", SUBSTITUTIONS, |t| chained(&field(t, 2, 0, "3"), 2), (SUBSTITUTIONS, 3, Differs)),
        text(S, "a_ground_in_capitals", SUBSTITUTIONS, |t| field(t, 1, 5, "Ill"), (SUBSTITUTIONS, 2, Differs)),
        text(S, "another_header_of_substitutions", SUBSTITUTIONS, |t| t.replace("ground", "reason"), (SUBSTITUTIONS, 1, Header)),
        text(S, "an_empty_substitutions_file", SUBSTITUTIONS, |_| String::new(), (SUBSTITUTIONS, 1, NoFinalNewline)),
        text(S, "crlf_in_substitutions", SUBSTITUTIONS, |t| line(t, 4, |l| format!("{l}\r")), (SUBSTITUTIONS, 5, CarriageReturn)),
        text(S, "a_field_more_in_a_substitution", SUBSTITUTIONS, |t| line(t, 4, |l| format!("{l},")), (SUBSTITUTIONS, 5, Form)),
        text(S, "a_number_that_is_none", SUBSTITUTIONS, |t| field(t, 1, 0, "one"), (SUBSTITUTIONS, 2, Differs)),
        text(S, "an_object_that_is_no_hash", SUBSTITUTIONS, |t| field(t, 1, 2, "shop"), (SUBSTITUTIONS, 2, Differs)),
        text(S, "a_chain_in_capitals", SUBSTITUTIONS, |t| fields(t, 1, |f| f[6] = f[6].to_uppercase()), (SUBSTITUTIONS, 2, Differs)),
        text(S, "an_avoidance_after_the_object_was_replaced", SUBSTITUTIONS, |t| { let (o, i) =
            (nth(t, 5).split(',').nth(2).unwrap().to_owned(), nth(t, 1).split(',').nth(3).unwrap().to_owned());
            row(t, &format!("avoid,{o},{i},,relative")) }, (SUBSTITUTIONS, 12, Differs)),
        text(S, "a_field_used_that_must_be_empty", SUBSTITUTIONS, |t| { let i = nth(t, 1).split(',').nth(3).unwrap().to_owned();
            chained(&field(t, 5, 3, &i), 5) }, (SUBSTITUTIONS, 6, Differs)),
        text(S, "a_chain_broken", SUBSTITUTIONS, |t| field(t, 7, 6, &"0".repeat(64)), (SUBSTITUTIONS, 8, Differs)),
        text(JOINT, "an_addition_left_out", SUBSTITUTIONS, |t| chained(&without(t, 20), 20), (SUBSTITUTIONS, 21, Differs)),
        text(JOINT, "an_expert_from_elsewhere", SUBSTITUTIONS, |t| { let other = nth(t, 9).split(',').nth(3).unwrap().to_owned();
            chained(&field(t, 10, 4, &other), 10) }, (SUBSTITUTIONS, 11, Differs)),
        text(JOINT, "relieved_in_another_order", SUBSTITUTIONS, |t| chained(&swap(t, 6, 7), 6), (SUBSTITUTIONS, 7, Differs)),
        text(OBJECTS_ONLY, "relief_where_nobody_was_dealt", SUBSTITUTIONS, |t| { let o = nth(t, 2).split(',').nth(4).unwrap().to_owned();
            row(t, &format!("relief,{o},{},,ill", "0".repeat(64))) }, (SUBSTITUTIONS, 4, Differs)),
        text(OPENED, "another_salt", OPENINGS, |t| field(t, 1, 2, &"0".repeat(64)), (OPENINGS, 2, Unknown)),
        text(OPENED, "another_name_behind_an_id", OPENINGS, |t| line(t, 1, |l| l.replacen("inspector,inspector-0", "inspector,boss", 1)),
            (OPENINGS, 2, Unknown)),
        text(OPENED, "an_opening_twice", OPENINGS, |t| twice(t, 2), (OPENINGS, 4, Duplicate)),
        text(OPENED, "an_opening_twice_with_another_salt", OPENINGS, |t| line(t, 2, |l| format!("{l}\n{}{}", &l[..l.len() - 64],
            "0".repeat(64))), (OPENINGS, 4, Unknown)),
        text(OPENED, "an_unknown_opening_out_of_order", OPENINGS, |t| swap(&field(t, 2, 2, &"0".repeat(64)), 2, 3), (OPENINGS, 4, Unknown)),
        text(OPENED, "unsorted_openings", OPENINGS, |t| swap(t, 2, 3), (OPENINGS, 4, Unsorted)),
        text(OPENED, "an_inspector_opened_as_object", OPENINGS, |t| line(t, 1, |l| l.replacen("inspector,", "object,", 1)),
            (OPENINGS, 2, Unknown)),
        text(OPENED, "an_opening_of_another_kind", OPENINGS, |t| line(t, 1, |l| l.replacen("inspector,", "expert,", 1)),
            (OPENINGS, 2, Form)),
        text(OPENED, "an_id_with_a_space", OPENINGS, |t| line(t, 2, |l| l.replacen("inspector-", "inspector ", 1)),
            (OPENINGS, 3, Form)),
    ]
}
