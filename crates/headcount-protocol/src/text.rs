//! Cutting, trimming and percent-decoding of text as the wires want it. Knows no field names.

use std::borrow::Cow;

/// The longest prefix of at most `max_bytes` bytes that ends between two characters.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text;
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Trims, and makes one space of every inner run of white space and control characters.
pub(crate) fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
    out
}

/// Decodes `+` and `%XX`; broken escapes stay as they are, invalid UTF-8 becomes U+FFFD.
pub(crate) fn form_decode(bytes: &[u8]) -> Cow<'_, str> {
    if !bytes.iter().any(|b| matches!(b, b'%' | b'+')) {
        return String::from_utf8_lossy(bytes);
    }
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|&b| if b == b'+' { b' ' } else { b })
        .collect();
    let decoded: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    match String::from_utf8(decoded) {
        Ok(text) => Cow::Owned(text),
        Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// Appends `text` as a form value: space as `+`, everything but letters, digits and `_.-~` escaped.
pub(crate) fn form_encode(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// The path of a URL or path: without scheme, host, query string and fragment.
pub(crate) fn path_of(location: &str) -> &str {
    let location = location.trim();
    let rest = match location.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            match rest.find(['/', '?', '#']) {
                Some(at) => &rest[at..],
                None => "/",
            }
        }
        _ => location,
    };
    let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    if path.is_empty() && !location.is_empty() {
        "/"
    } else {
        path
    }
}

/// A locale in the one form we keep: lower case, `-` between its parts, at most 35 bytes.
pub(crate) fn locale(text: &str) -> Option<String> {
    locale_as_sent(text).map(|locale| locale.to_ascii_lowercase())
}

/// The same with its letters as they were, for senders.
pub(crate) fn locale_as_sent(text: &str) -> Option<String> {
    // RFC 5646, 4.4.1: a tag needs at most 35 characters.
    const MAX_LOCALE_BYTES: usize = 35;
    let text = text.trim();
    // `ll_CC.UTF-8@variant` is how POSIX systems spell it.
    let text = &text[..text.find(['.', '@']).unwrap_or(text.len())];
    let plain = text.len() <= MAX_LOCALE_BYTES
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    plain.then(|| text.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_text_decodes() {
        for (wire, text) in [
            ("a+b%20c", "a b c"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%C3%BC", "ü"),
            ("%FF", "\u{fffd}"),
            ("%2B", "+"),
        ] {
            assert_eq!(form_decode(wire.as_bytes()), text, "{wire}");
        }
        let mut out = String::new();
        form_encode(&mut out, "a b&ü~/");
        assert_eq!(out, "a+b%26%C3%BC~%2F");
    }

    #[test]
    fn locations_become_paths() {
        for (location, path) in [
            ("https://example.com/a?b=c", "/a"),
            ("https://example.com", "/"),
            ("https://example.com?x=1", "/"),
            ("/a/b#c", "/a/b"),
            ("?x=1", "/"),
            ("", ""),
            ("/r?u=http://x/y", "/r"),
        ] {
            assert_eq!(path_of(location), path, "{location}");
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aü", 2), "a");
        assert_eq!(cut("aü", 3), "aü");
        assert_eq!(collapse("\n  a \t b "), "a b");
        assert_eq!(locale(" zh_Hans "), Some("zh-hans".to_owned()));
        assert_eq!(locale("de_DE.UTF-8"), Some("de-de".to_owned()));
        assert_eq!(locale("<b>"), None);
    }
}
