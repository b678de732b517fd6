//! Passwords: the rules for them and their argon2id hashes. Slow on purpose: call on a blocking thread.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use super::MetaError;

const SHORTEST: usize = 10;

/// What guessers try first, long enough to pass the other rules. Digits and signs around a word change
/// nothing: they are tried, too.
const GUESSED_FIRST: [&str; 14] = [
    "password",
    "passwort",
    "passw0rd",
    "p@ssw0rd",
    "headcount",
    "administrator",
    "letmein",
    "welcome",
    "iloveyou",
    "qwertyuiop",
    "qwertzuiop",
    "qwerty",
    "1q2w3e4r5t",
    "changeme",
];

/// Beyond this a password only costs hashing time.
const LONGEST_BYTES: usize = 1000;

/// Checks a new password and hashes it: argon2id, 19 MiB, two passes, one lane (OWASP's first
/// choice), random salt.
///
/// # Errors
/// `Invalid` says which rule the password breaks.
pub fn hash(password: &str, email: &str) -> Result<String, MetaError> {
    if password.chars().count() < SHORTEST {
        return Err(MetaError::Invalid(format!(
            "a password has at least {SHORTEST} characters"
        )));
    }
    if password.len() > LONGEST_BYTES {
        return Err(MetaError::Invalid(format!(
            "a password has at most {LONGEST_BYTES} bytes"
        )));
    }
    if password.eq_ignore_ascii_case(email) {
        let text = "the e-mail address is no password";
        return Err(MetaError::Invalid(text.to_owned()));
    }
    let first = password.chars().next();
    if password.chars().all(|character| Some(character) == first) {
        let text = "a password is more than one character repeated";
        return Err(MetaError::Invalid(text.to_owned()));
    }
    if is_guessed_first(password) {
        let text = "this password is among those that are tried first";
        return Err(MetaError::Invalid(text.to_owned()));
    }
    hash_unchecked(password)
}

/// Whether a password is digits in a row, or a word of the list with digits and signs around it.
fn is_guessed_first(password: &str) -> bool {
    let small = password.to_lowercase();
    let bytes = small.as_bytes();
    let in_a_row = |step: u8| {
        let mut pairs = bytes.windows(2);
        // 9 is followed by 0 on every keyboard.
        pairs.all(|pair| pair[0].is_ascii_digit() && (pair[0] - b'0' + step) % 10 + b'0' == pair[1])
    };
    let bare = small.trim_matches(|letter: char| !letter.is_alphabetic());
    in_a_row(1)
        || in_a_row(9)
        || GUESSED_FIRST.contains(&bare)
        || GUESSED_FIRST.contains(&small.as_str())
}

/// Whether `password` belongs to `hash`. With no hash it takes as long and says no, so that the
/// time of an answer does not tell which accounts exist.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    if password.len() > LONGEST_BYTES {
        return false;
    }
    let parsed = hash.and_then(|hash| PasswordHash::new(hash).ok());
    let Some(parsed) = parsed else {
        // The result is of no use: only its time matters.
        let _ = std::hint::black_box(hash_unchecked(password));
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &parsed)
        .is_ok()
}

fn hash_unchecked(password: &str) -> Result<String, MetaError> {
    let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| MetaError::Hash(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_accepts_its_password_only() {
        let kept = hash("correct horse battery", "a@b.example").unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert!(verify("correct horse battery", Some(&kept)));
        assert!(!verify("correct horse batterz", Some(&kept)));
        assert!(!verify("correct horse battery", None));
        assert!(!verify("correct horse battery", Some("not a hash")));
        let other = hash("correct horse battery", "a@b.example").unwrap();
        assert_ne!(kept, other, "each hash has its own salt");
    }

    #[test]
    fn weak_passwords_are_refused_with_the_rule() {
        let cases = [
            ("short", "at least 10"),
            ("aaaaaaaaaaaa", "repeated"),
            ("Somebody@b.example", "e-mail address"),
            ("Password2026!", "tried first"),
            ("p@ssw0rd123", "tried first"),
            ("1Q2W3E4R5T", "tried first"),
            ("1234567890", "tried first"),
            ("0987654321", "tried first"),
        ];
        for (password, rule) in cases {
            let error = hash(password, "somebody@b.example")
                .unwrap_err()
                .to_string();
            assert!(error.contains(rule), "{error}");
        }
        for fine in [
            "welcome to the headcount",
            "1234567891011",
            "4 passwords, 1 horse",
        ] {
            assert!(hash(fine, "x@y.example").is_ok(), "{fine}");
        }
        assert!(hash(&"ab".repeat(600), "x@y.example").is_err());
    }
}
