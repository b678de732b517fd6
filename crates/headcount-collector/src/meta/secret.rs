//! Random identifiers and tokens, and the hash they are kept by. No database here.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::MetaError;

const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
// Without - and _ a double click selects the whole token.
const LETTERS_AND_DIGITS: &[u8] = URL_SAFE
    .first_chunk::<62>()
    .expect("64 characters")
    .as_slice();
const CAPITALS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const DIGITS: &[u8] = b"0123456789";

/// 32 characters of 62 are 190 bits: beyond guessing, so a plain hash keeps them safe.
const TOKEN_CHARACTERS: usize = 32;

/// A fresh token: `prefix` and 32 random letters and digits.
pub(super) fn token(prefix: &str) -> Result<String, MetaError> {
    Ok(format!(
        "{prefix}{}",
        random(LETTERS_AND_DIGITS, TOKEN_CHARACTERS)?
    ))
}

/// A key to sign with, as Standard Webhooks writes them: `whsec_` and 32 random bytes in base64.
pub(super) fn signing_key() -> Result<String, MetaError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("whsec_{}", BASE64_STANDARD.encode(bytes)))
}

/// A tracking ID as Google made them: `UA-<8 digits>-1`.
pub(super) fn tracking_id() -> Result<String, MetaError> {
    let first = random(b"123456789", 1)?;
    Ok(format!("UA-{first}{}-1", random(DIGITS, 7)?))
}

/// A measurement ID as Google makes them: `G-` and ten capitals and digits.
pub(super) fn measurement_id() -> Result<String, MetaError> {
    Ok(format!("G-{}", random(CAPITALS_AND_DIGITS, 10)?))
}

/// An API secret as Google makes them: 22 url-safe characters. The first is a letter or digit, so
/// that no command line takes it for a flag.
pub(super) fn api_secret() -> Result<String, MetaError> {
    let first = random(LETTERS_AND_DIGITS, 1)?;
    Ok(format!("{first}{}", random(URL_SAFE, 21)?))
}

/// A code to write down: 20 small letters and digits without look-alikes, 99 bits, in groups of five.
pub(super) fn recovery_code() -> Result<String, MetaError> {
    const READABLE: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let letters = random(READABLE, 20)?;
    Ok(format!(
        "{}-{}-{}-{}",
        &letters[..5],
        &letters[5..10],
        &letters[10..15],
        &letters[15..]
    ))
}

/// What a token is kept and looked up by.
pub(super) fn hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

fn random(alphabet: &[u8], length: usize) -> Result<String, MetaError> {
    // Bytes past the last whole multiple are thrown away, so that no letter is likelier.
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes)?;
        let letters = bytes.iter().map(|byte| usize::from(*byte));
        let wanted = length - text.len();
        let letters = letters.filter(|byte| *byte < fair).take(wanted);
        text.extend(letters.map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_its_shape() {
        let tracking = tracking_id().unwrap();
        assert_eq!(tracking.len(), "UA-12345678-1".len());
        assert!(tracking.starts_with("UA-") && tracking.ends_with("-1"));
        let measurement = measurement_id().unwrap();
        assert_eq!(measurement.len(), 12);
        assert!(
            measurement[2..]
                .bytes()
                .all(|b| CAPITALS_AND_DIGITS.contains(&b))
        );
        let secret = api_secret().unwrap();
        assert_eq!(secret.len(), 22);
        assert!(secret.bytes().all(|b| URL_SAFE.contains(&b)));
        let token = token("hc_").unwrap();
        assert_eq!(token.len(), 35);
        assert!(token[3..].bytes().all(|b| b.is_ascii_alphanumeric()));
    }

    #[test]
    fn every_letter_of_an_alphabet_comes_up() {
        let text = random(CAPITALS_AND_DIGITS, 4000).unwrap();
        for letter in CAPITALS_AND_DIGITS {
            assert!(text.as_bytes().contains(letter));
        }
    }
}
