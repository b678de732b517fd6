//! Time-based one-time codes (RFC 6238, with the values every app knows: SHA-1, 30 seconds, six
//! digits). Pure; keeps nothing.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha1::Sha1;

/// Bytes of a secret, as RFC 4226 recommends.
pub const SECRET_BYTES: usize = 20;

const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;

/// Steps a clock may be off in both directions.
const TOLERATED_STEPS: i64 = 1;

/// The step whose code was given, when it is later than the last one used: a code counts once.
pub fn step_of(secret: &[u8], given: &str, last_step: i64, now: Timestamp) -> Option<i64> {
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let current = now.as_second().div_euclid(STEP_SECONDS);
    let mut steps = current - TOLERATED_STEPS..=current + TOLERATED_STEPS;
    // Hashes compare in constant time.
    let given = blake3::hash(given.as_bytes());
    steps.find(|step| *step > last_step && blake3::hash(code(secret, *step).as_bytes()) == given)
}

/// The code of a step.
pub fn code(secret: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else {
        // HMAC takes keys of any length.
        return String::new();
    };
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[hash.len() - 1] & 0x0f);
    let four = [hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]];
    format!("{:0DIGITS$}", u32::from_be_bytes(four) % MODULUS)
}

/// The code that is valid now.
pub fn code_at(secret: &[u8], now: Timestamp) -> String {
    code(secret, now.as_second().div_euclid(STEP_SECONDS))
}

/// A secret as people type it into an app: base32, in groups of four.
pub fn typed(secret: &[u8]) -> String {
    let letters: Vec<char> = base32(secret).chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|four| four.iter().collect())
        .collect();
    groups.join(" ")
}

/// The address that apps read from a QR code.
pub fn address(secret: &[u8], email: &str) -> String {
    let email = percent_encoding::utf8_percent_encode(email, percent_encoding::NON_ALPHANUMERIC);
    format!(
        "otpauth://totp/Headcount:{email}?secret={}&issuer=Headcount",
        base32(secret)
    )
}

fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the test values in RFC 6238, appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        for (second, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(code_at(SECRET, at(second)), expected, "{second}");
        }
    }

    #[test]
    fn a_code_counts_once_and_for_a_minute_and_a_half() {
        let step = 2_000_000_000 / STEP_SECONDS;
        let find = |given: &str, last| step_of(SECRET, given, last, at(2_000_000_000));
        assert_eq!(find("279037", 0), Some(step));
        assert_eq!(find(" 279 037 ", 0), Some(step));
        assert_eq!(find("279037", step), None, "used before");
        for (off, valid) in [(-2, false), (-1, true), (1, true), (2, false)] {
            let given = code(SECRET, step + off);
            assert_eq!(find(&given, 0).is_some(), valid, "{off}");
        }
        for wrong in ["", "000000", "27903", "2790370"] {
            assert_eq!(find(wrong, 0), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_are_written_as_apps_read_them() {
        assert_eq!(
            typed(b"12345678901234567890"),
            "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
        );
        assert_eq!(base32(b"f"), "MY");
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(
            address(b"foobar", "a@b.example"),
            "otpauth://totp/Headcount:a%40b%2Eexample?secret=MZXW6YTBOI&issuer=Headcount"
        );
    }
}
