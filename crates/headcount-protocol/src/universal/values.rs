//! Judges single values of v1 parameters. Knows types and lengths, no names.

use super::parameters::{Kind, NO_LIMIT, Parameter};

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No valid form of its type.
    Invalid,
    /// A number too small or too large.
    OutOfBounds,
    /// A text over its limit, which is given.
    Long(u16),
    /// `True` or `False` where a number belongs: read as 1 or 0.
    Word,
}

/// Judges a value that is not empty.
pub(super) fn check(row: &Parameter, value: &str) -> Result<(), Fault> {
    match row.kind {
        Kind::Text(NO_LIMIT) => Ok(()),
        Kind::Text(max) if value.len() > usize::from(max) => Err(Fault::Long(max)),
        Kind::Text(_) => Ok(()),
        // Presence alone switches it on, whatever the value.
        Kind::Boolean if row.pattern == "aip" => Ok(()),
        Kind::Boolean => match value.trim() {
            "0" | "1" => Ok(()),
            other if boolean_word(other).is_some() => Err(Fault::Word),
            _ => Err(Fault::Invalid),
        },
        Kind::Integer => integer(value).map(drop),
        Kind::Count => integer(value).and_then(|number| {
            if number >= 0 {
                Ok(())
            } else {
                Err(Fault::OutOfBounds)
            }
        }),
        Kind::Currency => currency(value).map(drop).ok_or(Fault::Invalid),
        Kind::Number => decimal(value.trim()).map(drop).ok_or(Fault::Invalid),
    }
}

/// A boolean spelled as a word, as Python's `str(True)` does.
fn boolean_word(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn integer(text: &str) -> Result<i64, Fault> {
    let text = text.trim();
    if boolean_word(text).is_some() {
        return Err(Fault::Word);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Invalid);
    }
    text.parse().map_err(|_| Fault::OutOfBounds)
}

/// An integer, with `True` and `False` read as 1 and 0.
pub(super) fn lenient_integer(text: &str) -> Option<i64> {
    boolean_word(text.trim())
        .map(i64::from)
        .or_else(|| integer(text).ok())
}

/// A finite decimal number without exponent, infinity or words.
fn decimal(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    text.parse()
        .ok()
        .filter(|number: &f64| plain && number.is_finite())
}

/// A currency amount: what stands before the first digit, `-` or `.` is dropped.
pub(super) fn currency(text: &str) -> Option<f64> {
    let start = text.find(|c: char| c.is_ascii_digit() || c == '-' || c == '.')?;
    decimal(text[start..].trim_end())
}

/// A boolean value; `None` if it is neither.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        other => boolean_word(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::universal::parameters::find;

    #[test]
    fn values_are_judged_by_type() {
        for (name, value, expected) in [
            ("ev", "42", Ok(())),
            ("ev", "-1", Err(Fault::OutOfBounds)),
            ("ev", "True", Err(Fault::Word)),
            ("ev", "1.5", Err(Fault::Invalid)),
            ("ev", "99999999999999999999", Err(Fault::OutOfBounds)),
            ("iq", "-2", Ok(())),
            ("tr", "$-55.00", Ok(())),
            ("tr", "free", Err(Fault::Invalid)),
            ("tr", "1e9", Err(Fault::Invalid)),
            ("cm3", "1.5", Ok(())),
            ("cm3", "nan", Err(Fault::Invalid)),
            ("aip", "true", Ok(())),
            ("exf", "maybe", Err(Fault::Invalid)),
            ("cn", "ok", Ok(())),
        ] {
            assert_eq!(
                check(find(name).unwrap(), value),
                expected,
                "{name}={value}"
            );
        }
        assert_eq!(
            check(find("cn").unwrap(), &"x".repeat(101)),
            Err(Fault::Long(100))
        );
        assert_eq!(currency("$-55.00"), Some(-55.0));
        assert_eq!(lenient_integer("False"), Some(0));
        assert_eq!(boolean("TRUE"), Some(true));
    }
}
