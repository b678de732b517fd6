//! Passwords: the rules for them and their argon2id hashes. Slow on purpose: call on a blocking thread.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use super::MetaError;

const SHORTEST: usize = 10;

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
    hash_unchecked(password)
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
        ];
        for (password, rule) in cases {
            let error = hash(password, "somebody@b.example")
                .unwrap_err()
                .to_string();
            assert!(error.contains(rule), "{error}");
        }
        assert!(hash(&"ab".repeat(600), "x@y.example").is_err());
    }
}
