//! Finds the title in the first bytes of an HTML page, chunk by chunk, without keeping the page. Pure.

/// Titles stand in the head; what comes later than this is not read.
pub(super) const MOST_BYTES: usize = 16 << 10;
/// A longer title is cut; the module keeps less.
const MOST_TITLE_BYTES: usize = 2 << 10;
/// Longer names are no tag that matters here.
const MOST_NAME_BYTES: usize = 12;
const END: &[u8] = b"</title";
/// Their content is no markup.
const RAW: [&[u8]; 4] = [b"script", b"style", b"textarea", b"noscript"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Text,
    /// After `<`, while the name lasts.
    Name,
    /// Inside a tag, within this quote if any.
    Tag(Option<u8>),
    /// Dashes seen last.
    Comment(u8),
    /// Inside one of `RAW`; how much of its end tag was seen.
    Raw(usize, usize),
    Title,
    /// Nothing more will be found.
    Over,
}

/// Reads a page as it goes by.
#[derive(Debug)]
pub(crate) struct Scanner {
    at: At,
    seen: usize,
    name: Vec<u8>,
    title: Vec<u8>,
    found: bool,
}

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self {
            at: At::Text,
            seen: 0,
            name: Vec::new(),
            title: Vec::new(),
            found: false,
        }
    }

    /// Reads on; true when reading further is of no use.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            if self.at == At::Over {
                return true;
            }
            self.seen += 1;
            self.step(*byte);
            if self.seen >= MOST_BYTES {
                self.at = At::Over;
            }
        }
        self.at == At::Over
    }

    /// The title with entities resolved and space collapsed; empty when there was none.
    pub(crate) fn title(&self) -> String {
        if !self.found {
            return String::new();
        }
        let text = String::from_utf8_lossy(&self.title);
        let plain = resolved(&text);
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn step(&mut self, byte: u8) {
        match self.at {
            At::Text => {
                if byte == b'<' {
                    self.name.clear();
                    self.at = At::Name;
                }
            }
            At::Name => self.name_step(byte),
            At::Tag(None) => match byte {
                b'>' => self.at = self.after_tag(),
                b'"' | b'\'' => self.at = At::Tag(Some(byte)),
                _ => {}
            },
            At::Tag(Some(quote)) => {
                if byte == quote {
                    self.at = At::Tag(None);
                }
            }
            At::Comment(dashes) => {
                self.at = match byte {
                    b'-' => At::Comment((dashes + 1).min(2)),
                    b'>' if dashes == 2 => At::Text,
                    _ => At::Comment(0),
                }
            }
            At::Raw(which, seen) => {
                self.at = raw_step(which, seen, byte);
                if self.at == At::Tag(None) {
                    self.name.clear();
                }
            }
            At::Title => self.title_step(byte),
            At::Over => {}
        }
    }

    fn name_step(&mut self, byte: u8) {
        match byte {
            b'>' => self.at = self.after_tag(),
            b'<' => self.name.clear(),
            _ if byte.is_ascii_whitespace() => {
                self.at = if self.name.is_empty() {
                    At::Text
                } else {
                    At::Tag(None)
                };
            }
            // `<br/>`: the slash ends the name; in front it belongs to it.
            b'/' if !self.name.is_empty() => self.at = At::Tag(None),
            _ => {
                if self.name.len() < MOST_NAME_BYTES {
                    self.name.push(byte.to_ascii_lowercase());
                }
                if self.name == b"!--" {
                    self.at = At::Comment(0);
                }
            }
        }
    }

    fn after_tag(&self) -> At {
        match self.name.as_slice() {
            b"title" => At::Title,
            // A title further down belongs to a picture.
            b"body" | b"/head" | b"svg" => At::Over,
            name => RAW
                .iter()
                .position(|raw| *raw == name)
                .map_or(At::Text, |which| At::Raw(which, 0)),
        }
    }

    fn title_step(&mut self, byte: u8) {
        self.title.push(byte);
        let end = self.title.len().saturating_sub(END.len());
        if self.title[end..].eq_ignore_ascii_case(END) {
            self.title.truncate(end);
            self.found = true;
            self.at = At::Over;
        } else if self.title.len() >= MOST_TITLE_BYTES {
            self.found = true;
            self.at = At::Over;
        }
    }
}

/// Looks for `</script`; what follows is read as a tag.
fn raw_step(which: usize, seen: usize, byte: u8) -> At {
    let wanted = match seen {
        0 => b'<',
        1 => b'/',
        _ => RAW[which][seen - 2],
    };
    if byte.to_ascii_lowercase() != wanted {
        return At::Raw(which, usize::from(byte == b'<'));
    }
    if seen + 1 == RAW[which].len() + 2 {
        At::Tag(None)
    } else {
        At::Raw(which, seen + 1)
    }
}

/// Resolves numeric entities and the usual named ones; others stay as they are.
fn resolved(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest[1..].split_once(';').map(|(name, _)| name);
        match entity.and_then(|name| Some((name, meant(name)?))) {
            Some((name, meant)) => {
                out.push(meant);
                rest = &rest[name.len() + 2..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn meant(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "middot" => '·',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "laquo" => '«',
        "raquo" => '»',
        "bull" => '•',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, title: &str) {
        let mut whole = Scanner::new();
        whole.read(html.as_bytes());
        assert_eq!(whole.title(), title, "{html}");
        let mut bytewise = Scanner::new();
        for byte in html.as_bytes() {
            bytewise.read(&[*byte]);
        }
        assert_eq!(bytewise.title(), title, "byte by byte: {html}");
    }

    #[test]
    fn titles_are_found_where_browsers_find_them() {
        let far = format!("{}<title>Late</title>", "x".repeat(MOST_BYTES));
        let long = format!("<title>{}</title>", "a".repeat(3 * MOST_TITLE_BYTES));
        for (html, title) in [
            (
                "<!doctype html><html><head><title>Dashboard</title>",
                "Dashboard",
            ),
            ("<TITLE lang=\"a>b\">\n  Two\n words </TiTlE >", "Two words"),
            (
                "<title>Fish &amp; &#67;hips &#x2014; &lt;b&gt; &unknown; & co",
                "",
            ),
            (
                "<title>Fish &amp; &#67;hips &#x2014; &lt;b&gt; &unknown; & co</title>",
                "Fish & Chips — <b> &unknown; & co",
            ),
            ("<!-- <title>no</title> --><title>yes</title>", "yes"),
            ("<!-- a -- b --><title>yes</title>", "yes"),
            (
                "<script>var t = '<title>no</title>';</script><title>yes</title>",
                "yes",
            ),
            (
                "<style>a<b</style><script src=x></script><title>yes</title>",
                "yes",
            ),
            ("<script>a <</script><title>yes</title>", "yes"),
            ("<meta a=\"<title>no</title>\"><title>yes</title>", "yes"),
            ("<head></head><body><svg><title>no</title></svg>", ""),
            ("<title>one</title><title>two</title>", "one"),
            ("<title></title>", ""),
            ("<title>Grüße 日本</title>", "Grüße 日本"),
            ("1 < 2 <title>yes</title>", "yes"),
            ("<br/><title>yes</title>", "yes"),
            ("", ""),
            (far.as_str(), ""),
        ] {
            check(html, title);
        }
        check(&long, &"a".repeat(MOST_TITLE_BYTES));
    }

    #[test]
    fn no_more_is_kept_than_a_title() {
        let mut scanner = Scanner::new();
        assert!(!scanner.read(&vec![b'x'; MOST_BYTES - 1]));
        assert!(scanner.read(b"x"), "the limit ends it");
        assert!(scanner.read(b"<title>x</title>"));
        assert!(scanner.title.is_empty() && scanner.name.is_empty());
    }

    #[test]
    fn broken_bytes_do_no_harm() {
        let mut scanner = Scanner::new();
        scanner.read(b"<title>\xff\xfe</title>");
        assert_eq!(scanner.title(), "\u{fffd}\u{fffd}");
    }
}
