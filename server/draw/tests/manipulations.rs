//! What somebody could try with a transcript, and the first reason that each is refused with. (D2)
//!
//! Each manipulation is tried twice: as it stands, and by somebody who also writes manifest and commitment anew, so
//! that all hashes fit again and only the draw itself can give them away.

mod common;

use draw::*;
use rstest::rstest;

/// What is changed, in which file.
type Edit = fn(&str) -> String;

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

#[rstest]
// rules.json
#[case::a_changed_ratio("rules.json", |t: &str| t.replace("333333", "333334"), "result.csv", 2, What::Differs)]
#[case::a_larger_team("rules.json", |t: &str| t.replace("\"team\":2}", "\"team\":3}"), "result.csv", 2, What::Differs)]
#[case::a_team_of_one("rules.json", |t: &str| t.replace("\"team\":2}", "\"team\":1}"), "rules.json", 0, What::Rule)]
#[case::a_ratio_above_one("rules.json", |t: &str| t.replace("333333", "1000001"), "rules.json", 0, What::Rule)]
#[case::another_title("rules.json", |t: &str| t.replace("示例抽查\"}", "示例抽查二\"}"), "result.csv", 2, What::Differs)]
#[case::spaces_in_json("rules.json", |t: &str| t.replace(",\"cells\"", ", \"cells\""), "rules.json", 0, What::NotCanonical)]
#[case::lf_after_json("rules.json", |t: &str| format!("{t}\n"), "rules.json", 0, What::NotCanonical)]
#[case::a_key_twice("rules.json", |t: &str| t.replace("\"team\":2", "\"team\":2,\"team\":2"), "rules.json", 1, What::Form)]
#[case::a_key_of_our_own("rules.json", |t: &str| t.replace("\"team\":2", "\"secret\":1,\"team\":2"), "rules.json", 1, What::Form)]
#[case::another_algorithm("rules.json", |t: &str| t.replace("random/1", "random/9"), "rules.json", 0, What::Unsupported)]
#[case::a_last_source_of_the_future("rules.json",
    |t: &str| t.replace("{\"dice\":{\"rolls\":25,\"sides\":6}}", "{\"drand\":{\"chain\":\"52\",\"round\":1}}"),
    "rules.json", 0, What::Unsupported)]
#[case::too_few_rolls("rules.json", |t: &str| t.replace("\"rolls\":25", "\"rolls\":24"), "rules.json", 0, What::Rule)]
#[case::cells_out_of_order("rules.json", |t: &str| t.replace("\"0002\"", "\"0004\""), "rules.json", 0, What::Rule)]
// objects.csv
#[case::a_moved_object("objects.csv", |t: &str| { let l = nth(t, 9); let l = l.replacen("0001", "0002", 1);
    let mut all: Vec<String> = without(t, 9).trim_end().split('\n').map(str::to_owned).collect();
    all.push(l); all[1..].sort(); all.join("\n") + "\n" }, "result.csv", 2, What::Differs)]
#[case::an_object_taken_out("objects.csv", |t: &str| without(t, 2), "result.csv", 2, What::Differs)]
#[case::an_object_with_avoidances_taken_out("objects.csv", |t: &str| without(t, 39), "avoid.csv", 41, What::Unknown)]
#[case::an_object_twice("objects.csv", |t: &str| twice(t, 2), "objects.csv", 4, What::Duplicate)]
#[case::an_object_in_two_cells("objects.csv", |t: &str| { let l = nth(t, 1).replacen("0001", "0003", 1);
    let mut all: Vec<String> = t.trim_end().split('\n').map(str::to_owned).collect();
    all.push(l); all[1..].sort(); all.join("\n") + "\n" }, "objects.csv", 79, What::Duplicate)]
#[case::unsorted_objects("objects.csv", |t: &str| swap(t, 3, 4), "objects.csv", 5, What::Unsorted)]
#[case::crlf("objects.csv", |t: &str| line(t, 5, |l| format!("{l}\r")), "objects.csv", 6, What::CarriageReturn)]
#[case::crlf_everywhere("objects.csv", |t: &str| t.replace('\n', "\r\n"), "objects.csv", 1, What::CarriageReturn)]
#[case::a_trailing_space("objects.csv", |t: &str| line(t, 7, |l| format!("{l} ")), "objects.csv", 8, What::TrailingSpace)]
#[case::no_lf_at_the_end("objects.csv", |t: &str| t.trim_end().into(), "objects.csv", 113, What::NoFinalNewline)]
#[case::an_empty_line("objects.csv", |t: &str| format!("{t}\n"), "objects.csv", 114, What::Form)]
#[case::upper_case_hex("objects.csv", |t: &str| line(t, 3, |l| l.to_uppercase()), "objects.csv", 4, What::Form)]
#[case::an_unknown_cell("objects.csv", |t: &str| line(t, 112, |l| l.replacen("0003", "0004", 1)), "objects.csv", 113, What::Unknown)]
#[case::an_unknown_need("objects.csv", |t: &str| line(t, 1, |l| l.replace("fire", "five")), "objects.csv", 2, What::Unknown)]
#[case::a_district_without_inspectors("objects.csv",
    |t: &str| line(t, 1, |l| l.replace(",440303,", ",440399,")), "objects.csv", 2, What::Unservable)]
#[case::another_header("objects.csv", |t: &str| t.replace("district", "area"), "objects.csv", 1, What::Header)]
#[case::an_empty_file("objects.csv", |_: &str| String::new(), "objects.csv", 1, What::NoFinalNewline)]
#[case::a_quoted_field("objects.csv", |t: &str| line(t, 1, |l| l.replace("440303", "\"440303\"")), "objects.csv", 2, What::Form)]
// inspectors.csv
#[case::an_inspector_taken_out("inspectors.csv", |t: &str| without(t, 14), "avoid.csv", 68, What::Unknown)]
#[case::an_inspector_twice("inspectors.csv", |t: &str| twice(t, 3), "inspectors.csv", 5, What::Duplicate)]
#[case::unsorted_inspectors("inspectors.csv", |t: &str| swap(t, 1, 2), "inspectors.csv", 3, What::Unsorted)]
#[case::more_capacity("inspectors.csv", |t: &str| line(t, 1, |l| format!("{}9", &l[..l.len() - 1])), "result.csv", 2, What::Differs)]
#[case::capacity_with_a_zero("inspectors.csv", |t: &str| line(t, 1, |l| l.replace(",2", ",02")), "inspectors.csv", 2, What::Form)]
#[case::unsorted_districts("inspectors.csv",
    |t: &str| line(t, 1, |l| l.replace("440303 440305", "440305 440303")), "inspectors.csv", 2, What::Form)]
#[case::two_spaces("inspectors.csv", |t: &str| line(t, 1, |l| l.replace(' ', "  ")), "inspectors.csv", 2, What::Form)]
// avoid.csv
#[case::an_avoidance_taken_out("avoid.csv", |t: &str| without(t, 5), "result.csv", 2, What::Differs)]
#[case::an_avoidance_of_nobody("avoid.csv", |t: &str| line(t, 1, |l| l.replace(&l[..60], &"0".repeat(60))), "avoid.csv", 2, What::Unknown)]
#[case::unsorted_avoidances("avoid.csv", |t: &str| swap(t, 1, 2), "avoid.csv", 3, What::Unsorted)]
// excluded.csv
#[case::an_exclusion_taken_out("excluded.csv", |t: &str| without(t, 2), "result.csv", 2, What::Differs)]
#[case::an_exclusion_without_ground("excluded.csv", |t: &str| line(t, 1, |l| l[..65].into()), "excluded.csv", 2, What::Form)]
// seed.txt: seldom the manipulation itself shows, but its seed is another
#[case::a_roll_turned("seed.txt", |t: &str| t.replace("dice 6 1 2 3", "dice 6 1 2 4"), "result.csv", 2, What::Differs)]
#[case::a_roll_more("seed.txt", |t: &str| format!("{} 4\n", t.trim_end()), "seed.txt", 5, What::Form)]
#[case::a_seven("seed.txt", |t: &str| t.replace("dice 6 1 2 3", "dice 6 1 2 7"), "seed.txt", 5, What::Form)]
#[case::lines_reordered("seed.txt", |t: &str| swap(t, 1, 2), "result.csv", 2, What::Differs)]
#[case::server_before_witnesses("seed.txt", |t: &str| swap(t, 2, 3), "seed.txt", 4, What::Form)]
#[case::a_reveal_that_does_not_match("seed.txt", |t: &str| t.replace("k7Qd", "k8Qd"), "seed.txt", 2, What::Reveal)]
#[case::a_witness_renamed("seed.txt", |t: &str| t.replace("李代表", "张代表"), "seed.txt", 2, What::Reveal)]
#[case::a_witness_taken_out("seed.txt", |t: &str| without(t, 1), "result.csv", 2, What::Differs)]
#[case::a_witness_twice("seed.txt", |t: &str| twice(t, 1), "seed.txt", 3, What::Duplicate)]
#[case::a_name_with_markup("seed.txt", |t: &str| t.replace("李代表", "<b>"), "seed.txt", 2, What::Form)]
#[case::another_nonce("seed.txt", |t: &str| t.replace(common::NONCE, &"0".repeat(64)), "seed.txt", 4, What::Reveal)]
#[case::the_nonce_withheld("seed.txt", |t: &str| t.replace(&format!(" {}", common::NONCE), "").replace("\nserver", "\nwithheld server"),
    "seed.txt", 0, What::Entropy)]
#[case::something_after_the_dice("seed.txt", |t: &str| format!("{t}dice 6 1\n"), "seed.txt", 6, What::Form)]
#[case::another_commitment("seed.txt", |t: &str| line(t, 0, |_| format!("commitment {}", "0".repeat(64))), "seed.txt", 1, What::Commitment)]
// result.csv
#[case::a_swapped_reserve("result.csv", |t: &str| swap(t, 28, 29), "result.csv", 29, What::Differs)]
#[case::another_team("result.csv", |t: &str| line(t, 1, |l| { let at = l.len() - 129;
    format!("{}{} {}", &l[..at], &l[at + 65..], &l[at..at + 64]) }), "result.csv", 2, What::Differs)]
#[case::an_object_left_out("result.csv", |t: &str| without(t, 4), "result.csv", 5, What::Differs)]
#[case::an_object_added("result.csv", |t: &str| format!("{t}{}\n", nth(t, 1)), "result.csv", 38, What::Differs)]
#[case::the_end_cut_off("result.csv", |t: &str| without(t, 36), "result.csv", 37, What::Differs)]
// substitutions.csv
#[case::a_free_choice("substitutions.csv", |t: &str| line(t, 1, |l| { let f: Vec<&str> = l.split(',').collect();
    l.replace(f[4], f[3]) }), "substitutions.csv", 2, What::Differs)]
#[case::another_ground("substitutions.csv", |t: &str| t.replacen("ill", "leave", 1), "substitutions.csv", 2, What::Differs)]
#[case::a_substitution_taken_out("substitutions.csv", |t: &str| without(t, 1), "substitutions.csv", 2, What::Differs)]
#[case::a_row_that_must_follow_left_out("substitutions.csv", |t: &str| without(t, 3), "substitutions.csv", 4, What::Differs)]
fn is_refused(
    #[case] file: &'static str,
    #[case] edit: Edit,
    #[case] found_in: &str,
    #[case] at: u64,
    #[case] what: What,
) {
    let case = common::cases()
        .into_iter()
        .find(|c| c.name == "reserves-substitutions")
        .unwrap();
    let honest = case.files();
    let before = std::str::from_utf8(honest.get(file).unwrap()).unwrap();
    let after = edit(before);
    assert_ne!(before, after, "the manipulation changes something");
    let mut files = honest.clone();
    files.insert(file, after.into_bytes());

    let committed = honest
        .transcript()
        .unwrap()
        .committed
        .named()
        .iter()
        .any(|(name, _)| *name == file);
    if committed {
        let fault = verify(&files.transcript().unwrap()).unwrap_err();
        assert_eq!(
            (fault.file, fault.what),
            ("manifest.txt", What::Hash),
            "{fault}"
        );
        common::rehash(&mut files);
    }
    let fault = verify(&files.transcript().unwrap()).unwrap_err();
    assert_eq!(
        (fault.file, fault.line, fault.what),
        (found_in, at, what),
        "{fault}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let whole = common::cases()[0].files();
    for (name, _) in &FILES[..9] {
        let mut files = Files::default();
        for (other, _) in FILES.iter().filter(|(other, _)| other != name) {
            if let Some(bytes) = whole.get(other) {
                files.insert(other, bytes.to_vec());
            }
        }
        let fault = files.transcript().unwrap_err();
        assert_eq!((fault.file, fault.what), (*name, What::Missing));
    }
}
