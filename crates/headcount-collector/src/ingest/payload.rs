//! What is kept of the text of a refused or noted hit, for the live page.

/// Longest text kept, in bytes.
const KEPT_BYTES: usize = 2_048;
/// Names after which an address of a person may stand: neither of a form nor of JSON is it kept.
const ADDRESSES: [&str; 3] = ["uip", "ip_override", "ipOverride"];
const REMOVED: &str = "removed";

/// The start of a payload, without addresses of people.
pub(crate) fn kept(payload: &[u8]) -> String {
    // Cut after the addresses are gone, so that none is cut in half and missed.
    let head = &payload[..payload.len().min(KEPT_BYTES * 2)];
    let mut text = String::from_utf8_lossy(head).into_owned();
    for name in ADDRESSES {
        text = without_value(&text, name);
    }
    let mut end = text.len().min(KEPT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Replaces what follows `name=` up to `&` or a line end, and the string after `"name":`.
fn without_value(text: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(name) {
        let (before, found) = rest.split_at(start);
        let after = &found[name.len()..];
        let starts_word = before
            .chars()
            .next_back()
            .is_none_or(|last| !last.is_alphanumeric() && last != '_');
        out.push_str(before);
        out.push_str(name);
        rest = after;
        if !starts_word {
            continue;
        }
        if let Some(value) = after.strip_prefix('=') {
            out.push('=');
            out.push_str(REMOVED);
            rest = &value[value.find(['&', '\n', '\r']).unwrap_or(value.len())..];
        } else if let Some(value) = json_string(after) {
            out.push_str("\":\"");
            out.push_str(REMOVED);
            rest = &value[value.find('"').unwrap_or(value.len())..];
        }
    }
    out.push_str(rest);
    out
}

/// What follows the opening quote of the value, where `after` is the rest behind a JSON name.
fn json_string(after: &str) -> Option<&str> {
    let colon = after.strip_prefix('"')?.trim_start();
    colon.strip_prefix(':')?.trim_start().strip_prefix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_people_are_not_kept() {
        for (sent, expected) in [
            ("v=1&uip=203.0.113.9&t=x", "v=1&uip=removed&t=x"),
            ("uip=1.2.3.4\nuip=2.3.4.5", "uip=removed\nuip=removed"),
            ("xuip=1&dp=/uip", "xuip=1&dp=/uip"),
            (
                r#"{"ip_override" : "203.0.113.9", "a": 1}"#,
                r#"{"ip_override":"removed", "a": 1}"#,
            ),
            (r#"{"ip_override": 7}"#, r#"{"ip_override": 7}"#),
        ] {
            assert_eq!(kept(sent.as_bytes()), expected);
        }
    }

    #[test]
    fn texts_are_cut_at_a_character() {
        let text = kept("ä".repeat(5_000).as_bytes());
        assert!(text.len() <= KEPT_BYTES && text.chars().all(|c| c == 'ä' || c == '\u{fffd}'));
        assert_eq!(kept(b"\xff"), "\u{fffd}");
    }
}
