//! What the public may see of an object's number: a company's credit code whole, a citizen's
//! number (GB 11643) never (S3).

use chrono::NaiveDate;

/// The number as it is published. The first six and the last digit of a citizen's number stay, so
/// that its holder can recognise it.
pub fn public_code(code: &str) -> String {
    let code = code.trim();
    if !is_citizen_number(code) {
        return code.to_owned();
    }
    let chars: Vec<char> = code.chars().collect();
    let masked = chars.iter().enumerate().map(|(i, c)| {
        if i < 6 || i + 1 == chars.len() {
            *c
        } else {
            '*'
        }
    });
    masked.collect()
}

/// Whether this reads as a citizen's number of 18 places or of the old 15. The check digit is not
/// asked: a mistyped number must not be shown either. A credit code never has a date there: its
/// places 7 and 8 end the code of a district.
fn is_citizen_number(code: &str) -> bool {
    let bytes = code.as_bytes();
    let digits = |b: &[u8]| b.iter().all(u8::is_ascii_digit);
    let day = |text: String| NaiveDate::parse_from_str(&text, "%Y%m%d").is_ok();
    match bytes {
        [start @ .., last] if start.len() == 17 => {
            digits(start)
                && (last.is_ascii_digit() || matches!(last, b'x' | b'X'))
                && matches!(&start[6..8], b"18" | b"19" | b"20")
                && day(code[6..14].to_owned())
        }
        _ => bytes.len() == 15 && digits(bytes) && day(format!("19{}", &code[6..12])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S3, U3
    #[rstest::rstest]
    #[case::company("91440300MA5EXAMPL1", "91440300MA5EXAMPL1")]
    #[case::company_of_digits_only("914403007654321098", "914403007654321098")]
    #[case::citizen("110101199003077758", "110101***********8")]
    #[case::citizen_with_x("11010119900307773X", "110101***********X")]
    #[case::citizen_of_fifteen("110101900307775", "110101********5")]
    #[case::masked_already("1101**********7758", "1101**********7758")]
    #[case::no_number("", "")]
    #[case::not_ascii(
        "示例企业编号一二三四五六七八九十甲",
        "示例企业编号一二三四五六七八九十甲"
    )]
    fn a_number_is_published(#[case] code: &str, #[case] shown: &str) {
        assert_eq!(public_code(code), shown);
    }
}
