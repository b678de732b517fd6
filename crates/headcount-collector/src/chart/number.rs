//! Numbers as the pages write them: `1,911`, `9.17M` in headlines, `74.2%`. Pure.

/// A whole number with separators: `287,529`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number that need not be whole: separators, and decimals only where it is small.
pub(crate) fn real(number: f64) -> String {
    if number < 0.0 {
        return format!("-{}", real(-number));
    }
    if number >= 100.0 || number.fract() == 0.0 {
        return count(number.round() as u64);
    }
    fixed(number, if number < 10.0 { 2 } else { 1 })
}

/// A median or quantile: known to 2 %, so no more digits than that.
pub(crate) fn about(number: f64) -> String {
    if number.abs() >= 10.0 {
        real(number.round())
    } else {
        fixed(number, 1)
    }
}

/// For headline cells: whole up to seven digits, then `9.17M`, `12.4B`.
pub(crate) fn headline(number: u64) -> String {
    for (unit, letter) in [(1_000_000_000.0, 'B'), (1_000_000.0, 'M')] {
        let scaled = number as f64 / unit;
        if scaled >= 1.0 {
            let decimals = if scaled < 10.0 {
                2
            } else {
                usize::from(scaled < 100.0)
            };
            return format!("{scaled:.decimals$}{letter}");
        }
    }
    count(number)
}

/// A share as in tables: `74.2%`. What is not 0 is never written as 0.
pub(crate) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.000_5 {
        return "<0.1%".to_owned();
    }
    format!("{:.1}%", share * 100.0)
}

/// A share as in headlines: `40%`.
pub(crate) fn percent_whole(share: f64) -> String {
    if share > 0.0 && share < 0.005 {
        return "<1%".to_owned();
    }
    format!("{:.0}%", share * 100.0)
}

/// At most so many decimals, none where they are zero.
pub(crate) fn fixed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let short = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    match short {
        "" | "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// `1 install`, `2 installs`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (got, expected) in [
            (count(0), "0"),
            (count(999), "999"),
            (count(1_911), "1,911"),
            (count(12_345_678), "12,345,678"),
            (headline(999_999), "999,999"),
            (headline(9_171_776), "9.17M"),
            (headline(91_717_760), "91.7M"),
            (headline(917_177_600), "917M"),
            (headline(12_400_000_000), "12.4B"),
            (percent(0.7424), "74.2%"),
            (percent(0.0), "0.0%"),
            (percent(0.000_1), "<0.1%"),
            (percent_whole(0.4), "40%"),
            (percent_whole(0.001), "<1%"),
            (fixed(1.50, 2), "1.5"),
            (fixed(100.0, 0), "100"),
            (fixed(-0.001, 1), "0"),
            (real(0.25), "0.25"),
            (real(59.0), "59"),
            (real(12.34), "12.3"),
            (real(1_234.5), "1,235"),
            (real(-3.5), "-3.5"),
            (about(13.84), "14"),
            (about(7.92), "7.9"),
            (about(1.0), "1"),
            (counted(1, "install"), "1 install"),
            (counted(1_274, "install"), "1,274 installs"),
        ] {
            assert_eq!(got, expected);
        }
    }
}
