//! The alphabet that all files share: lines, tokens, hashes. SPEC.md §2.

use crate::fault::{Fault, What};
use sha2::{Digest, Sha256};

/// Longest line of any file but `rules.json`, without its LF.
pub(crate) const LINE_MAX: usize = 8192;

/// SHA-256 of some bytes, as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// 64 lower-case hexadecimal digits.
pub(crate) fn is_hash(text: &[u8]) -> bool {
    // No early exit: the compiler turns this into a few vector instructions, and there are millions.
    text.len() == 64
        && text.iter().fold(true, |ok, &b| {
            ok & (b.wrapping_sub(b'0') < 10 || b.wrapping_sub(b'a') < 6)
        })
}

/// `[A-Za-z0-9-]{1,max}`.
pub(crate) fn is_token(text: &[u8], max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// `[a-z-]{1,32}`: a ground.
pub(crate) fn is_ground(text: &[u8]) -> bool {
    (1..=32).contains(&text.len()) && text.iter().all(|b| b.is_ascii_lowercase() || *b == b'-')
}

/// A whole number without sign or leading zero, at most `max`.
pub(crate) fn number(text: &[u8], max: u64) -> Option<u64> {
    let plain = !text.is_empty()
        && text.len() <= 19
        && text.iter().all(u8::is_ascii_digit)
        && (text[0] != b'0' || text.len() == 1);
    if !plain {
        return None;
    }
    let n = text.iter().fold(0u64, |n, &b| n * 10 + u64::from(b - b'0'));
    (n <= max).then_some(n)
}

/// A list of tokens, separated by one space, strictly ascending bytewise; empty text is the empty list.
pub(crate) fn token_list(
    text: &str,
    token_max: usize,
    list_max: usize,
) -> Result<Vec<&str>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let list: Vec<&str> = text.split(' ').collect();
    if list.len() > list_max {
        return Err(format!(
            "{} entries in a list, at most {list_max} are allowed",
            list.len()
        ));
    }
    if let Some(bad) = list.iter().find(|t| !is_token(t.as_bytes(), token_max)) {
        return Err(format!(
            "{:?} is not 1 to {token_max} of A-Z a-z 0-9 -",
            show(bad.as_bytes())
        ));
    }
    match list.windows(2).find(|w| w[0] >= w[1]) {
        Some(w) => Err(format!(
            "list is not in strict order: {:?} before {:?}",
            w[0], w[1]
        )),
        None => Ok(list),
    }
}

/// A name in `seed.txt`: 1 to 20 of `A-Z a-z 0-9 - ·` and Han characters, and not `server`.
pub fn is_name(name: &str) -> bool {
    let letter = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '-' | '·' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
    };
    (1..=20).contains(&name.chars().count()) && name.chars().all(letter) && name != "server"
}

/// Outside text, cut and escaped for a message.
pub(crate) fn show(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(48)];
    let text: String = String::from_utf8_lossy(cut)
        .chars()
        .flat_map(char::escape_debug)
        .collect();
    if cut.len() < bytes.len() {
        text + "…"
    } else {
        text
    }
}

/// `min` to 200 characters, no control characters, no white space at either end.
pub(crate) fn is_plain(text: &str, min: usize) -> bool {
    let length = text.chars().count();
    (min..=200).contains(&length) && !text.chars().any(char::is_control) && text.trim() == text
}

fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(t, s)| {
            if s == b'0' {
                t.is_ascii_digit()
            } else {
                t == s
            }
        })
}

/// `YYYY-MM-DD`, a day that there is.
pub(crate) fn is_date(text: &str) -> bool {
    let part = |from: usize, to: usize| {
        text.get(from..to)
            .and_then(|t| t.parse::<u32>().ok())
            .unwrap_or(0)
    };
    if !shaped(text, "0000-00-00") {
        return false;
    }
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// `YYYY-MM-DDTHH:MM:SS+08:00`.
pub(crate) fn is_time(text: &str) -> bool {
    shaped(text, "0000-00-00T00:00:00+08:00")
        && text.ends_with("+08:00")
        && is_date(&text[..10])
        && text[11..13] < *"24"
        && text[14..16] < *"60"
        && text[17..19] < *"60"
}

/// Seconds since 1970 of a time of China ([`is_time`]).
pub(crate) fn seconds_of(time: &str) -> Option<i64> {
    let part = |from: usize, to: usize| time.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    // Days since 1970-01-01, with years that begin in March so that a leap day is the last.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day
            - 1
            - 719_468;
    Some(days * 86_400 + part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)? - 8 * 3600)
}

/// The checks that every line of every file passes first, in this order.
pub(crate) fn check_line(file: &'static str, line: u64, text: &[u8]) -> Result<(), Fault> {
    if text.contains(&b'\r') {
        return Err(Fault::new(
            file,
            line,
            What::CarriageReturn,
            "lines end with LF alone",
        ));
    }
    if text.ends_with(b" ") {
        return Err(Fault::new(
            file,
            line,
            What::TrailingSpace,
            "space at the end of the line",
        ));
    }
    if text.len() > LINE_MAX {
        return Err(Fault::new(
            file,
            line,
            What::TooLarge,
            format!("line longer than {LINE_MAX} bytes"),
        ));
    }
    Ok(())
}

/// The lines of a file that is held as text, each with its number from 1.
pub(crate) fn lines<'a>(file: &'static str, bytes: &'a [u8]) -> Result<Vec<(u64, &'a str)>, Fault> {
    lines_from(file, bytes, 0)
}

/// The same, up to the first below the header that is shorter than `shortest` bytes, which cannot be a good one: so
/// there are never many more of them than a file of its size can rightly have. All lines are checked.
fn lines_from<'a>(
    file: &'static str,
    bytes: &'a [u8],
    shortest: usize,
) -> Result<Vec<(u64, &'a str)>, Fault> {
    end_of_file(file, bytes)?;
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = line_at(bytes, e.valid_up_to());
        Fault::new(file, line, What::NotText, "not UTF-8")
    })?;
    let mut out = Vec::new();
    let mut more = true;
    for (n, line) in (1..).zip(text[..text.len() - 1].split('\n')) {
        check_line(file, n, line.as_bytes())?;
        if more {
            out.push((n, line));
            more = n == 1 || line.len() >= shortest;
        }
    }
    Ok(out)
}

/// The lines below the header of a file whose every line has a hash. Behind one that is too short for that, which the
/// reader refuses, there may be more.
pub(crate) fn rows<'a>(
    file: &'static str,
    bytes: &'a [u8],
    header: &str,
) -> Result<Vec<(u64, &'a str)>, Fault> {
    let mut all = lines_from(file, bytes, 64)?;
    if all[0].1 != header {
        return Err(Fault::new(
            file,
            1,
            What::Header,
            format!("the header is {header:?}"),
        ));
    }
    all.remove(0);
    Ok(all)
}

/// Exactly `N` comma-separated fields.
pub(crate) fn fields<'a, const N: usize>(
    file: &'static str,
    line: u64,
    text: &'a str,
) -> Result<[&'a str; N], Fault> {
    let parts: Vec<&str> = text.split(',').take(N + 1).collect();
    parts.try_into().map_err(|parts: Vec<&str>| {
        let found = if parts.len() > N {
            "more".to_owned()
        } else {
            parts.len().to_string()
        };
        Fault::new(
            file,
            line,
            What::Form,
            format!("{N} fields expected, {found} found"),
        )
    })
}

pub(crate) fn end_of_file(file: &'static str, bytes: &[u8]) -> Result<(), Fault> {
    if bytes.last() == Some(&b'\n') {
        return Ok(());
    }
    Err(Fault::new(
        file,
        line_at(bytes, bytes.len()),
        What::NoFinalNewline,
        "the last line must end with LF",
    ))
}

/// Number of the line that holds the byte at `offset`.
pub(crate) fn line_at(bytes: &[u8], offset: usize) -> u64 {
    1 + bytes[..offset.min(bytes.len())]
        .iter()
        .filter(|b| **b == b'\n')
        .count() as u64
}

/// That `next` comes after `last`, where `key` is what must be unique.
pub(crate) fn in_order(
    file: &'static str,
    line: u64,
    last: Option<&str>,
    next: &str,
) -> Result<(), Fault> {
    match last.map(|last| last.cmp(next)) {
        None | Some(std::cmp::Ordering::Less) => Ok(()),
        Some(std::cmp::Ordering::Equal) => Err(Fault::new(
            file,
            line,
            What::Duplicate,
            format!("{} stands twice", show(next.as_bytes())),
        )),
        Some(std::cmp::Ordering::Greater) => Err(Fault::new(
            file,
            line,
            What::Unsorted,
            format!("{} is out of order", show(next.as_bytes())),
        )),
    }
}
