//! The unified social credit code 统一社会信用代码 (GB 32100-2015).

use std::fmt;

/// Digits and letters without I, O, S, V, Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Weights of the first seventeen characters: powers of 3 modulo 31.
const WEIGHTS: [u32; 17] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
];

/// A code whose check digit is right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreditCode(String);

/// What is wrong with a code, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditCodeError {
    /// Not 18 characters.
    #[error("统一社会信用代码应为 18 位，这里是 {0} 位")]
    Length(usize),
    /// A character that the standard does not use. Position from 1.
    #[error(
        "统一社会信用代码第 {position} 位不应是“{found}”：只用数字和大写字母，不含 I、O、S、V、Z"
    )]
    Character {
        /// From 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// The last character does not fit the others.
    #[error(
        "统一社会信用代码校验位不符：按前 17 位，末位应为 {expected}，这里是 {found}；请核对整个代码"
    )]
    CheckDigit {
        /// What the first seventeen characters ask for.
        expected: char,
        /// What stands there.
        found: char,
    },
}

impl CreditCode {
    /// Reads a code; spaces around it and small letters are forgiven.
    pub fn parse(text: &str) -> Result<Self, CreditCodeError> {
        let code = text.trim().to_uppercase();
        let length = code.chars().count();
        if length != 18 {
            return Err(CreditCodeError::Length(length));
        }
        let mut sum = 0;
        for (index, found) in code.chars().enumerate() {
            let value = value_of(found).ok_or(CreditCodeError::Character {
                position: index + 1,
                found,
            })?;
            sum += WEIGHTS.get(index).map_or(0, |weight| weight * value);
        }
        let expected = check_character(sum);
        match code.chars().next_back() {
            Some(found) if found != expected => {
                Err(CreditCodeError::CheckDigit { expected, found })
            }
            _ => Ok(Self(code)),
        }
    }

    /// Completes seventeen characters with their check digit; `None` when they are not seventeen
    /// of the alphabet.
    pub fn complete(first_seventeen: &str) -> Option<Self> {
        if first_seventeen.chars().count() != 17 {
            return None;
        }
        let mut sum = 0;
        for (character, weight) in first_seventeen.chars().zip(WEIGHTS) {
            sum += value_of(character)? * weight;
        }
        Some(Self(format!("{first_seventeen}{}", check_character(sum))))
    }

    /// The eighteen characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn value_of(character: char) -> Option<u32> {
    let position = ALPHABET.iter().position(|c| char::from(*c) == character)?;
    u32::try_from(position).ok()
}

fn check_character(sum: u32) -> char {
    char::from(ALPHABET[((31 - sum % 31) % 31) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    // O1
    #[rstest::rstest]
    #[case::in_order("91350100M000100Y43", None)]
    #[case::small_letters_and_spaces(" 91350100m000100y43 ", None)]
    #[case::wrong_check_digit(
        "91350100M000100Y44",
        Some(CreditCodeError::CheckDigit { expected: '3', found: '4' })
    )]
    #[case::letter_not_used(
        "91350100I000100Y43",
        Some(CreditCodeError::Character { position: 9, found: 'I' })
    )]
    #[case::too_short("91350100M000100Y4", Some(CreditCodeError::Length(17)))]
    #[case::chinese("统一社会信用代码", Some(CreditCodeError::Length(8)))]
    #[case::empty("", Some(CreditCodeError::Length(0)))]
    fn codes_are_verified(#[case] text: &str, #[case] error: Option<CreditCodeError>) {
        assert_eq!(CreditCode::parse(text).err(), error);
    }

    // O1: GB 32100 promises that one wrong character is always found
    #[test]
    fn every_single_slip_is_found() {
        let good = CreditCode::complete("91440300MA5EXAMPL")
            .unwrap()
            .to_string();
        for position in 0..18 {
            for other in ALPHABET.iter().map(|c| char::from(*c)) {
                let mut slip: Vec<char> = good.chars().collect();
                if slip[position] == other {
                    continue;
                }
                slip[position] = other;
                let slip: String = slip.into_iter().collect();
                assert!(CreditCode::parse(&slip).is_err(), "{slip}");
            }
        }
    }
}
