//! The citizen ID number 公民身份号码 (GB 11643), shown only masked (S3).

use chrono::NaiveDate;

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: &[u8; 11] = b"10X98765432";

/// A number whose date and check digit are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitizenId(String);

/// What is wrong with a number. The number itself is never repeated in a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CitizenIdError {
    /// Not 18 characters.
    #[error("身份证号应为 18 位，这里是 {0} 位")]
    Length(usize),
    /// Something else than digits, or X elsewhere than at the end.
    #[error("身份证号第 {0} 位不应是该字符：前 17 位为数字，末位为数字或 X")]
    Character(usize),
    /// The date of birth does not exist.
    #[error("身份证号第 7 至 14 位不是有效的出生日期")]
    Date,
    /// The last character does not fit the others.
    #[error("身份证号校验位不符：按前 17 位，末位应为 {0}；请核对整个号码")]
    CheckDigit(char),
}

impl CitizenId {
    /// Reads a number; spaces around it and a small x are forgiven.
    pub fn parse(text: &str) -> Result<Self, CitizenIdError> {
        let id = text.trim().to_uppercase();
        let length = id.chars().count();
        if length != 18 {
            return Err(CitizenIdError::Length(length));
        }
        let mut sum = 0;
        for (index, character) in id.chars().enumerate() {
            match (character.to_digit(10), WEIGHTS.get(index)) {
                (Some(digit), Some(weight)) => sum += digit * weight,
                (Some(_), None) => {}
                (None, None) if character == 'X' => {}
                (None, _) => return Err(CitizenIdError::Character(index + 1)),
            }
        }
        // Only digits and X came through, so the text is ASCII.
        if NaiveDate::parse_from_str(&id[6..14], "%Y%m%d").is_err() {
            return Err(CitizenIdError::Date);
        }
        let expected = char::from(CHECK[(sum % 11) as usize]);
        if id.ends_with(expected) {
            Ok(Self(id))
        } else {
            Err(CitizenIdError::CheckDigit(expected))
        }
    }

    /// The number, for keeping and comparing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// First six and last four characters; for showing.
pub fn mask(id: &str) -> String {
    let characters: Vec<char> = id.chars().collect();
    if characters.len() != 18 {
        return "*".repeat(characters.len());
    }
    let show = |range: std::ops::Range<usize>| characters[range].iter().collect::<String>();
    format!("{}********{}", show(0..6), show(14..18))
}

#[cfg(test)]
mod tests {
    use super::*;

    // O1: the example of the standard, and slips
    #[rstest::rstest]
    #[case::standard("11010519491231002X", None)]
    #[case::small_x("11010519491231002x", None)]
    #[case::check_digit("110105194912310021", Some(CitizenIdError::CheckDigit('X')))]
    #[case::no_such_day("110105194902310026", Some(CitizenIdError::Date))]
    #[case::x_in_the_middle("1101051949X231002X", Some(CitizenIdError::Character(11)))]
    #[case::old_fifteen("110105491231002", Some(CitizenIdError::Length(15)))]
    #[case::chinese_digits(
        "１１０１０５１９４９１２３１００２X",
        Some(CitizenIdError::Character(1))
    )]
    fn numbers_are_verified(#[case] text: &str, #[case] error: Option<CitizenIdError>) {
        assert_eq!(CitizenId::parse(text).err(), error);
    }

    // S3
    #[test]
    fn numbers_are_shown_masked() {
        assert_eq!(mask("11010519491231002X"), "110105********002X");
        assert_eq!(mask("short"), "*****");
    }
}
