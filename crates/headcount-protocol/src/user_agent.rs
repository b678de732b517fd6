//! Reduces a user agent to browser family, major version and system. Keeps nothing else of it.

use std::fmt;

/// An operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Os {
    /// Windows of any kind.
    Windows,
    /// macOS.
    MacOs,
    /// Linux on anything but Android and `ChromeOS`.
    Linux,
    /// Android.
    Android,
    /// iOS and iPadOS.
    Ios,
    /// `ChromeOS`.
    ChromeOs,
}

impl Os {
    const ALL: [Self; 6] = [
        Self::Windows,
        Self::MacOs,
        Self::Linux,
        Self::Android,
        Self::Ios,
        Self::ChromeOs,
    ];

    /// The name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::MacOs => "macOS",
            Self::Linux => "Linux",
            Self::Android => "Android",
            Self::Ios => "iOS",
            Self::ChromeOs => "ChromeOS",
        }
    }
}

/// What is kept of a user agent. Displayed as `Firefox 132 / Linux`, which reduces to itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserAgent {
    /// Browser family or the first product's name, at most 32 bytes; empty when there is none.
    pub family: String,
    /// Major version.
    pub major: Option<u32>,
    /// Operating system.
    pub os: Option<Os>,
}

impl fmt::Display for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.family)?;
        if let Some(major) = self.major {
            write!(f, " {major}")?;
        }
        match self.os {
            Some(os) => write!(f, " / {}", os.as_str()),
            None => Ok(()),
        }
    }
}

/// Longest family name kept, in bytes.
const MAX_FAMILY_BYTES: usize = 32;
/// What a browser that names none is called, so that its system is not lost.
const UNKNOWN: &str = "Other";
/// The one family of two words.
const SAMSUNG: &str = "Samsung Internet";

/// Marks of browsers, most telling first: many call themselves Chrome and Safari as well.
const BROWSERS: [(&str, &str); 17] = [
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPiOS/", "Opera"),
    ("SamsungBrowser/", SAMSUNG),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chromium/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Opera/", "Opera"),
];

/// Words that mark a program which is no browser, lower case.
const BOTS: [&str; 6] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "archiver",
    "facebookexternalhit",
];

/// Reduces a `User-Agent`. Its own displayed form is taken as it is.
#[must_use]
pub fn reduce(user_agent: &str) -> UserAgent {
    let text = user_agent.trim();
    if text.is_empty() {
        return UserAgent::default();
    }
    if let Some(reduced) = own_form(text) {
        return reduced;
    }
    let os = system(text);
    if let Some(family) = bot(text) {
        return UserAgent {
            family: family.to_owned(),
            major: version_after(text, family),
            os,
        };
    }
    for (mark, family) in BROWSERS {
        if let Some(at) = text.find(mark) {
            // Opera of old froze its own version at 9.80 and told the true one elsewhere.
            let major = match mark {
                "Opera/" => version_at(text, "Version/").or_else(|| number(&text[at + 6..])),
                _ => number(&text[at + mark.len()..]),
            };
            return UserAgent {
                family: family.to_owned(),
                major,
                os,
            };
        }
    }
    if text.contains("Safari/") && text.contains("Version/") {
        return UserAgent {
            family: "Safari".to_owned(),
            major: version_at(text, "Version/"),
            os,
        };
    }
    if text.contains("MSIE ") || text.contains("Trident/") {
        let major = version_at(text, "MSIE ").or_else(|| version_at(text, "rv:"));
        return UserAgent {
            family: "Internet Explorer".replace(' ', "-"),
            major,
            os,
        };
    }
    let family = product(text);
    if family.is_empty() {
        return UserAgent {
            family: UNKNOWN.to_owned(),
            major: None,
            os,
        };
    }
    UserAgent {
        family: family.to_owned(),
        major: version_after(text, family),
        os,
    }
}

/// Reads `Family [major] [/ System]`.
fn own_form(text: &str) -> Option<UserAgent> {
    let (left, os) = match text.rsplit_once(" / ") {
        Some((left, name)) => (left, Some(*Os::ALL.iter().find(|os| os.as_str() == name)?)),
        None => (text, None),
    };
    let (family, major) = match left.rsplit_once(' ') {
        Some((family, digits)) if is_number(digits) => (family, Some(digits.parse().ok()?)),
        _ => (left, None),
    };
    let known = family == SAMSUNG || (!family.is_empty() && product(family) == family);
    known.then(|| UserAgent {
        family: family.to_owned(),
        major,
        os,
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_product_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'!')
}

/// The first product's name: up to its version or the first blank.
fn product(text: &str) -> &str {
    let end = text
        .bytes()
        .position(|b| !is_product_byte(b))
        .unwrap_or(text.len());
    &text[..end.min(MAX_FAMILY_BYTES)]
}

/// The word that calls itself a bot, with what follows it in the same name.
fn bot(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let at = BOTS.iter().filter_map(|word| lower.find(word)).min()?;
    let start = text[..at]
        .bytes()
        .rposition(|b| !is_product_byte(b))
        .map_or(0, |at| at + 1);
    Some(product(&text[start..]))
}

/// The major version in `name/12.3`.
fn version_after(text: &str, name: &str) -> Option<u32> {
    let at = text.find(name)? + name.len();
    number(text[at..].strip_prefix('/')?)
}

fn version_at(text: &str, mark: &str) -> Option<u32> {
    number(&text[text.find(mark)? + mark.len()..])
}

fn number(text: &str) -> Option<u32> {
    let end = text
        .bytes()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

fn system(text: &str) -> Option<Os> {
    let has = |mark: &str| text.contains(mark);
    if has("Windows") {
        Some(Os::Windows)
    } else if has("CrOS") {
        Some(Os::ChromeOs)
    } else if has("Android") {
        Some(Os::Android)
    } else if has("iPhone") || has("iPad") || has("iPod") {
        Some(Os::Ios)
    } else if has("Macintosh") || has("Mac OS X") || has("Darwin") {
        Some(Os::MacOs)
    } else if has("Linux") || has("X11") {
        Some(Os::Linux)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn user_agents_are_reduced() {
        let apple = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (text, reduced) in [
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {apple} Chrome/87.0.4280.88 Safari/537.36"), "Chrome 87 / Windows"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0".to_owned(), "Firefox 132 / Linux"),
            (format!("Mozilla/5.0 (Windows NT 10.0) {apple} Chrome/130.0 Safari/537.36 Edg/130.0"), "Edge 130 / Windows"),
            (format!("Mozilla/5.0 (Linux; Android 14) {apple} Chrome/130.0 Mobile Safari/537.36 EdgA/130.0"), "Edge 130 / Android"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15".to_owned(), "Safari 17 / macOS"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) CriOS/124.0 Mobile/15E148 Safari/604.1".to_owned(), "Chrome 124 / iOS"),
            ("Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) FxiOS/124.0 Mobile Safari/605".to_owned(), "Firefox 124 / iOS"),
            (format!("Mozilla/5.0 (Linux; Android 13; SM-S901B) {apple} SamsungBrowser/23.0 Chrome/115.0 Mobile Safari/537.36"), "Samsung Internet 23 / Android"),
            (format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {apple} Chrome/128.0 Safari/537.36"), "Chrome 128 / ChromeOS"),
            (format!("Mozilla/5.0 (Windows NT 10.0) {apple} Chrome/120.0 Safari/537.36 OPR/106.0"), "Opera 106 / Windows"),
            ("Opera/9.80 (Windows NT 6.1) Presto/2.12 Version/12.16".to_owned(), "Opera 12 / Windows"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)".to_owned(), "Googlebot 2"),
            (format!("Mozilla/5.0 {apple} (compatible; bingbot/2.0) Chrome/103.0 Safari/537.36"), "bingbot 2"),
            ("curl/8.5.0".to_owned(), "curl 8"),
            ("python-requests/2.34.2".to_owned(), "python-requests 2"),
            ("ProbeBrowser/1.0 (loopback)".to_owned(), "ProbeBrowser 1"),
            ("Python-urllib/3.11".to_owned(), "Python-urllib 3"),
            ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko".to_owned(), "Internet-Explorer 11 / Windows"),
            ("Firefox 132 / Linux".to_owned(), "Firefox 132 / Linux"),
            ("Samsung Internet 23 / Android".to_owned(), "Samsung Internet 23 / Android"),
            ("Firefox 132 / Amiga".to_owned(), "Firefox"),
            ("(Linux)".to_owned(), "Other / Linux"),
            ("  ".to_owned(), ""),
        ] {
            let once = reduce(&text);
            assert_eq!(once.to_string(), reduced, "{text}");
            assert_eq!(reduce(&once.to_string()), once, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reduced_form_reduces_to_itself(text in "(\\PC{0,40}|[A-Za-z0-9 /.;()]{0,60}|[A-Z][a-z]{1,8}/[0-9]{1,12}( bot| Linux| / iOS)?)") {
            let once = reduce(&text);
            prop_assert!(once.family.len() <= MAX_FAMILY_BYTES);
            prop_assert_eq!(reduce(&once.to_string()), once);
        }
    }
}
