//! Passwords: Argon2id, and what a password must be.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};

use crate::error::{AppError, FieldError};
use crate::rng::{Rng, bytes};

/// Shortest password in characters.
const SHORTEST: usize = 10;
/// Longest password in characters: longer ones only cost time.
const LONGEST: usize = 200;

/// Hashes a password (Argon2id, the crate's recommended cost; about 20 ms). Blocks.
pub(super) fn hash(password: &str, rng: &dyn Rng) -> Result<String, AppError> {
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &bytes::<16>(rng))
        .map(|hash| hash.to_string())
        .map_err(AppError::internal)
}

/// Whether this is the password. Blocks.
pub(super) fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Refuses passwords that are too short, too long, of one kind of character, or the login itself.
pub(super) fn check(password: &str, login: &str) -> Result<(), AppError> {
    let length = password.chars().count();
    let kinds = [
        password.chars().any(|c| c.is_ascii_digit()),
        password.chars().any(|c| c.is_alphabetic()),
        password.chars().any(|c| !c.is_alphanumeric()),
    ];
    let message = if length < SHORTEST {
        format!("密码至少 {SHORTEST} 个字符")
    } else if length > LONGEST {
        format!("密码最多 {LONGEST} 个字符")
    } else if kinds.iter().filter(|k| **k).count() < 2 {
        "密码须同时含有字母、数字、符号中的至少两类".to_owned()
    } else if password.to_lowercase().contains(&login.to_lowercase()) {
        "密码不能包含登录名".to_owned()
    } else {
        return Ok(());
    };
    Err(AppError::invalid(vec![FieldError::new("new", message)]))
}

/// Sixteen characters without look-alikes, in groups of four; 80 bits.
pub fn one_time_password(rng: &dyn Rng) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = bytes::<16>(rng);
    let mut password = String::with_capacity(19);
    for (index, byte) in random.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            password.push('-');
        }
        password.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    // S2
    #[test]
    fn only_the_password_matches_its_hash() {
        let stored = hash("correct horse 1", &SeededRng::new(1)).unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(matches("correct horse 1", &stored));
        assert!(!matches("correct horse 2", &stored));
        assert!(!matches("correct horse 1", "not a hash"));
    }

    // S2
    #[rstest::rstest]
    #[case::good("correct horse 1", true)]
    #[case::chinese("双随机一公开监管工作 1", true)]
    #[case::short("a1b2c3", false)]
    #[case::one_kind("abcdefghijkl", false)]
    #[case::holds_the_login("Wang2018-2026", false)]
    fn weak_passwords_are_refused(#[case] password: &str, #[case] accepted: bool) {
        assert_eq!(check(password, "wang").is_ok(), accepted);
    }

    #[test]
    fn one_time_passwords_pass_the_rules() {
        let rng = SeededRng::new(3);
        let passwords: Vec<String> = (0..50).map(|_| one_time_password(&rng)).collect();
        assert!(passwords.iter().all(|p| check(p, "admin").is_ok()));
    }
}
