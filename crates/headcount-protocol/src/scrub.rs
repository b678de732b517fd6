//! Takes what could point at a person or a thing out of paths, titles and results. Pure.

use std::borrow::Cow;

use crate::native::{MAX_PATH_BYTES, MAX_TEXT_BYTES, MAX_TITLE_BYTES};
use crate::text;

/// Digits in a row, among other characters, from which on a number is taken for an id.
const MIN_ID_DIGITS: usize = 5;
/// Shortest run of hexadecimal digits taken for a hash.
const MIN_HASH_CHARS: usize = 12;
/// Shortest mix of letters and digits taken for a token.
const MIN_TOKEN_CHARS: usize = 20;
/// Shortest word of letters alone taken for a token: no word of a language is that long.
const MIN_LETTERS_TOKEN_CHARS: usize = 40;

/// A path without query string, fragment and matrix parameters, in which numbers, UUIDs, hashes,
/// e-mail addresses and long random texts stand as `:id`, `:uuid`, `:hash`, `:email`, `:token`.
/// Scheme and host go too. At most 2048 bytes; scrubbing twice changes nothing.
#[must_use]
pub fn scrub_path(path: &str) -> String {
    let path = text::path_of(path);
    let mut out = String::with_capacity(path.len());
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        let segment = &segment[..segment.find(';').unwrap_or(segment.len())];
        out.push_str(&scrub_word(&unescaped(segment)));
    }
    text::cut(&out, MAX_PATH_BYTES).to_owned()
}

/// A segment without escapes, whatever their depth; delimiters and blanks in it become `-`, so that
/// nothing hides behind them.
fn unescaped(segment: &str) -> Cow<'_, str> {
    const MAX_DEPTH: usize = 3;
    let hides =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '?' | '#' | ';' | '%');
    if !segment.contains(hides) {
        return Cow::Borrowed(segment);
    }
    let mut text = segment.to_owned();
    for _ in 0..MAX_DEPTH {
        text = percent_encoding::percent_decode_str(&text)
            .decode_utf8_lossy()
            .into_owned();
    }
    Cow::Owned(text.trim().replace(hides, "-"))
}

/// A title with the same placeholders, trimmed, inner white space made one space, at most 1500
/// bytes. Short numbers stay, since `Page 2` names no one.
#[must_use]
pub fn scrub_title(title: &str) -> String {
    let title = text::collapse(title);
    let words: Vec<Cow<'_, str>> = title
        .split(' ')
        .map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
            if bare.is_empty() || (is_digits(bare) && bare.len() < MIN_ID_DIGITS) {
                return Cow::Borrowed(word);
            }
            match scrub_word(bare) {
                Cow::Borrowed(_) => Cow::Borrowed(word),
                Cow::Owned(scrubbed) if word.contains(&format!(":{bare}")) => {
                    // A placeholder whose colon was trimmed away.
                    Cow::Owned(word.replacen(&format!(":{bare}"), &scrubbed, 1))
                }
                Cow::Owned(scrubbed) => Cow::Owned(word.replacen(bare, &scrubbed, 1)),
            }
        })
        .collect();
    text::cut(&words.join(" "), MAX_TITLE_BYTES).to_owned()
}

/// The class name in what a task failed with: without module, message and arguments. Text that
/// names no class becomes `Exception`, since it could hold anything.
#[must_use]
pub fn exception_class(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix("<class '").unwrap_or(text);
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':');
    let path = &text[..text.find(|c| !is_path(c)).unwrap_or(text.len())];
    let path = path.trim_end_matches(['.', ':']);
    let name = path.rsplit(['.', ':']).next().unwrap_or_default();
    let is_class = name.starts_with(|c: char| c.is_ascii_uppercase())
        || ["Error", "Exception", "Warning", "error", "timeout"]
            .iter()
            .any(|ending| name.ends_with(ending));
    if is_class && !is_random(name) && name.len() <= MAX_TEXT_BYTES {
        name.to_owned()
    } else {
        "Exception".to_owned()
    }
}

/// One segment or word; borrowed where nothing in it points anywhere.
fn scrub_word(word: &str) -> Cow<'_, str> {
    if word.starts_with(':') || word.is_empty() {
        return scrub_parts(word);
    }
    if word.contains('@') {
        return Cow::Owned(":email".to_owned());
    }
    if is_digits(word) {
        return Cow::Owned(":id".to_owned());
    }
    if is_uuid(word) {
        return Cow::Owned(":uuid".to_owned());
    }
    if is_hash(word) {
        return Cow::Owned(":hash".to_owned());
    }
    if is_random(word) || is_signed(word) {
        return Cow::Owned(":token".to_owned());
    }
    scrub_parts(word)
}

/// `character_93847563`, `report-4f1c…`: the parts between separators, each on its own.
fn scrub_parts(word: &str) -> Cow<'_, str> {
    let separator =
        |c: char| matches!(c, '-' | '_' | '.' | '~' | '+' | '=' | ',' | '(' | ')' | ':');
    let mut out = String::new();
    let mut changed = false;
    let mut rest = word;
    loop {
        let end = rest.find(separator).unwrap_or(rest.len());
        let part = &rest[..end];
        match placeholder(part) {
            Some(placeholder) => {
                changed = true;
                out.push_str(placeholder);
            }
            None => out.push_str(part),
        }
        let Some(mark) = rest[end..].chars().next() else {
            break;
        };
        out.push(mark);
        rest = &rest[end + mark.len_utf8()..];
    }
    if changed {
        Cow::Owned(out)
    } else {
        Cow::Borrowed(word)
    }
}

fn placeholder(part: &str) -> Option<&'static str> {
    if is_digits(part) {
        (part.len() >= MIN_ID_DIGITS).then_some(":id")
    } else if is_uuid(part) {
        Some(":uuid")
    } else if is_hash(part) {
        Some(":hash")
    } else if is_random(part) {
        Some(":token")
    } else if longest_digits(part) >= MIN_ID_DIGITS {
        Some(":id")
    } else {
        None
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_numeric)
}

fn longest_digits(text: &str) -> usize {
    text.split(|c: char| !c.is_numeric())
        .map(|run| run.chars().count())
        .max()
        .unwrap_or(0)
}

/// 32 hexadecimal digits, plain or in groups of 8-4-4-4-12.
fn is_uuid(text: &str) -> bool {
    let groups = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    groups || (text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_hash(text: &str) -> bool {
    text.len() >= MIN_HASH_CHARS
        && text.bytes().all(|b| b.is_ascii_hexdigit())
        && text.bytes().any(|b| b.is_ascii_digit())
}

/// A long run of letters and digits with no separator that reads like no word.
fn is_random(text: &str) -> bool {
    let chars = text.chars().count();
    if chars < MIN_TOKEN_CHARS || !text.chars().all(char::is_alphanumeric) {
        return false;
    }
    let digits = text.chars().filter(|c| c.is_numeric()).count();
    digits >= 2 || chars >= MIN_LETTERS_TOKEN_CHARS
}

/// Base64 and signed texts: long, with separators, but with digits and both cases in its parts.
fn is_signed(text: &str) -> bool {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'=' | b'+');
    let count = |wanted: fn(&u8) -> bool| text.bytes().filter(wanted).count();
    text.len() >= MIN_TOKEN_CHARS
        && text.bytes().all(allowed)
        && count(u8::is_ascii_digit) >= 3
        && count(u8::is_ascii_uppercase) >= 3
        && count(u8::is_ascii_lowercase) >= 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_lose_what_points_somewhere() {
        for (path, scrubbed) in [
            ("/dashboard/", "/dashboard/"),
            ("/groups/17/members?page=2#top", "/groups/:id/members"),
            ("https://auth.example.com/x/1", "/x/:id"),
            ("/u/3f0e9d9c-7c1e-4b57-9a34-0c2d3a4b5c6d/", "/u/:uuid/"),
            ("/u/c500e095040b4252a32f610ee60437c2", "/u/:uuid"),
            (
                "/commit/da39a3ee5e6b4b0d3255bfef95601890afd80709",
                "/commit/:hash",
            ),
            ("/activate/jane@example.com/", "/activate/:email/"),
            ("/activate/jane%40example.com/", "/activate/:email/"),
            (
                "/reset/MTc/c8x2k1-0f3a9b7c6d5e4f3a2b1c0d9e8f7a6b5c/",
                "/reset/MTc/c8x2k1-:uuid/",
            ),
            (
                "/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.abcDEF123",
                "/t/:token",
            ),
            ("/t/aB3dE5fG7hI9jK1lM3nO5p", "/t/:token"),
            ("/character_93847563/", "/character_:id/"),
            ("/reports/2026-11-23/", "/reports/2026-11-23/"),
            ("/app;jsessionid=ABC123/x", "/app/x"),
            ("/a%2F12345678/b", "/a-:id/b"),
            (
                "/memberaudit/character_viewer/",
                "/memberaudit/character_viewer/",
            ),
            (
                "/internationalization-settings/",
                "/internationalization-settings/",
            ),
            ("/v2/api", "/v2/api"),
            ("/kill/98765/", "/kill/:id/"),
            ("/übersicht/١٢٣/", "/übersicht/:id/"),
            ("", ""),
            ("/", "/"),
        ] {
            assert_eq!(scrub_path(path), scrubbed, "{path}");
        }
    }

    #[test]
    fn titles_lose_what_points_somewhere() {
        for (title, scrubbed) in [
            ("  Dashboard -\n Auth ", "Dashboard - Auth"),
            ("Mail to jane@example.com!", "Mail to :email!"),
            ("Character 93847563 (main)", "Character :id (main)"),
            ("Page 2 of 17", "Page 2 of 17"),
            ("Token c500e095040b4252a32f610ee60437c2", "Token :uuid"),
            ("Überblick – 日本 & 🚀", "Überblick – 日本 & 🚀"),
        ] {
            assert_eq!(scrub_title(title), scrubbed, "{title}");
        }
    }

    #[test]
    fn exceptions_keep_their_class_only() {
        for (text, class) in [
            ("KeyError", "KeyError"),
            ("KeyError('secret')", "KeyError"),
            (
                "django.db.utils.OperationalError: connection to 10.0.0.1 failed",
                "OperationalError",
            ),
            (
                "<class 'esi.errors.TokenExpiredError'>",
                "TokenExpiredError",
            ),
            ("std::io::Error: x", "Error"),
            ("socket.timeout: timed out", "timeout"),
            ("could not reach jane", "Exception"),
            ("Success", "Success"),
            ("", "Exception"),
            ("Aaaaaaaaaaaaaaaaaaaaaaaa1234", "Exception"),
        ] {
            assert_eq!(exception_class(text), class, "{text}");
        }
    }

    proptest! {
        #[test]
        fn scrubbing_twice_changes_nothing(text in "(/[a-zA-Z0-9@%.;:_ -]{0,24}){0,6}") {
            let once = scrub_path(&text);
            prop_assert_eq!(scrub_path(&once), once);
            let once = scrub_title(&text);
            prop_assert_eq!(scrub_title(&once), once);
        }

        #[test]
        fn anything_can_be_scrubbed(text in "\\PC*") {
            prop_assert!(scrub_path(&text).len() <= MAX_PATH_BYTES);
            prop_assert!(scrub_title(&text).len() <= MAX_TITLE_BYTES);
            prop_assert!(!exception_class(&text).is_empty());
        }
    }
}
