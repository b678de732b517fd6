//! Numbers, sizes and moments as the pages write them. Pure.

use jiff::Timestamp;

/// `1,904`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 event`, `12 events`.
pub(super) fn counted(number: u64, one: &str) -> String {
    let many = if number == 1 { "" } else { "s" };
    format!("{} {one}{many}", count(number))
}

/// `812 B`, `1.8 kB`, `4.0 MB`.
pub(super) fn bytes(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let exact = number as f64;
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", exact / 1e3),
        _ => format!("{:.1} MB", exact / 1e6),
    }
}

/// `just now`, `2 min ago`, `3 h ago`, `5 days ago`.
pub(super) fn ago(at_ms: i64, now_ms: i64) -> String {
    let minutes = (now_ms - at_ms).max(0) / 60_000;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

/// `13:02:11`, UTC.
pub(super) fn time(at_ms: i64) -> String {
    written(at_ms, "%H:%M:%S")
}

fn written(at_ms: i64, format: &str) -> String {
    match Timestamp::from_millisecond(at_ms) {
        Ok(at) => at.strftime(format).to_string(),
        Err(_) => "at an unknown time".to_owned(),
    }
}

/// Cuts a body before each event and each line. The pieces put together are the body, byte for byte.
pub(super) fn pieces(body: &str) -> Vec<&str> {
    if !body.starts_with('{') {
        return body.split_inclusive('\n').collect();
    }
    let (mut pieces, mut start, mut depth) = (Vec::new(), 0, 0u32);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in body.bytes().enumerate() {
        if quoted {
            (quoted, escaped) = (byte != b'"' || escaped, byte == b'\\' && !escaped);
            continue;
        }
        let cut = match byte {
            b'"' => {
                quoted = true;
                None
            }
            b'[' | b'{' => {
                depth += 1;
                (byte == b'[' && depth == 2).then_some(at + 1)
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                (byte == b']' && depth == 1).then_some(at)
            }
            b',' if depth == 2 && body.as_bytes()[at - 1] == b'}' => Some(at + 1),
            _ => None,
        };
        if let Some(cut) = cut.filter(|cut| *cut > start) {
            pieces.push(&body[start..cut]);
            start = cut;
        }
    }
    pieces.push(&body[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_moments_read_like_prose() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(1_200, "event"), "1,200 events");
        assert_eq!(
            [812, 1_840, 4_000_000].map(bytes),
            ["812 B", "1.8 kB", "4.0 MB"]
        );
        let ago = |minutes: i64| ago(0, minutes * 60_000);
        assert_eq!(
            [0, 2, 180, 7200].map(ago),
            ["just now", "2 min ago", "3 h ago", "5 days ago"]
        );
        assert_eq!(time(1_763_903_160_000), "13:06:00");
    }

    #[test]
    fn pieces_put_together_are_the_body() {
        for (body, count) in [
            (
                r#"{"install":"a","runtime":{"x":"y"},"events":[{"id":1},{"id":2}],"lost":{}}"#,
                4,
            ),
            (
                r#"{"events":[{"t":"},{ \" ["},{"n":[1,2],"m":[{},{}]}]}"#,
                4,
            ),
            ("v=1&t=event\nv=1&t=pageview\n", 2),
            ("", 0),
            ("{", 1),
            (r#"{"install":"x","proof":"y"}"#, 1),
        ] {
            let pieces = pieces(body);
            assert_eq!(pieces.concat(), body);
            assert_eq!(pieces.len(), count, "{pieces:?}");
        }
    }
}
