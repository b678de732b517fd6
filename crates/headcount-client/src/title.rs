//! Finds the title in the first bytes of an HTML page. Pure; builds no tree.

/// Bytes of a page that are looked at: a head that is longer has no title we would wait for.
const LOOKED_AT_BYTES: usize = 16 * 1024;

/// The text of the first `<title>` within the first 16 kB, entities resolved, white space collapsed; empty when
/// there is none. Bytes that are not UTF-8 become replacement characters.
#[must_use]
pub fn title_of_html(html: &[u8]) -> String {
    let head = &html[..html.len().min(LOOKED_AT_BYTES)];
    let Some(text) = raw_title(head) else {
        return String::new();
    };
    let text = resolved(&String::from_utf8_lossy(text));
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// A title without its parts that are names of the site: they would name the install.
#[must_use]
pub fn title_without_sites(title: &str, sites: &[String]) -> String {
    const MARKS: [&str; 7] = [
        " - ",
        " | ",
        " \u{2013} ",
        " \u{2014} ",
        " \u{b7} ",
        " :: ",
        ": ",
    ];
    let is_site = |part: &str| {
        let part = part.trim();
        !part.is_empty()
            && sites
                .iter()
                .any(|site| site.trim().to_lowercase() == part.to_lowercase())
    };
    let mut rest = title.trim();
    loop {
        let before = rest;
        if is_site(rest) {
            return String::new();
        }
        for mark in MARKS {
            if let Some((kept, last)) = rest.rsplit_once(mark)
                && is_site(last)
            {
                rest = kept.trim_end();
            }
            if let Some((first, kept)) = rest.split_once(mark)
                && is_site(first)
            {
                rest = kept.trim_start();
            }
        }
        if rest == before {
            return rest.to_owned();
        }
    }
}

fn raw_title(head: &[u8]) -> Option<&[u8]> {
    let mut from = 0;
    while let Some(at) = head[from..].iter().position(|byte| *byte == b'<') {
        let tag = from + at;
        let rest = &head[tag..];
        if rest.starts_with(b"<!--") {
            // A comment may hold an old title.
            from = tag + 4 + find(&rest[4..], b"-->")?;
            continue;
        }
        if is_title(rest) {
            let open = rest.iter().position(|byte| *byte == b'>')? + 1;
            let close = find(&rest[open..], b"</")?;
            return Some(&rest[open..open + close]);
        }
        from = tag + 1;
    }
    None
}

fn is_title(tag: &[u8]) -> bool {
    tag.get(1..6)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"title"))
        && tag
            .get(6)
            .is_some_and(|next| *next == b'>' || next.is_ascii_whitespace())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Entities that templates make of characters; others stay as they are.
fn resolved(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|end| *end <= 10);
        match end.and_then(|end| entity(&rest[1..end]).map(|found| (found, end))) {
            Some((found, end)) => {
                out.push(found);
                rest = &rest[end + 1..];
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

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        "ndash" => Some('\u{2013}'),
        "mdash" => Some('\u{2014}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found() {
        let late = format!("{}<title>Late</title>", " ".repeat(LOOKED_AT_BYTES));
        for (html, title) in [
            ("<html><head><title>Dashboard</title>", "Dashboard"),
            (
                "<TITLE lang=\"de\">\n  Übersicht &amp; mehr\n</TITLE>",
                "Übersicht & mehr",
            ),
            ("<!-- <title>Old</title> --><title>New</title>", "New"),
            (
                "<title>A &#39;b&#x27; &lt;c&gt; &unknown; &</title>",
                "A 'b' <c> &unknown; &",
            ),
            ("<title></title>", ""),
            ("<titles>No</titles>", ""),
            ("<title>cut off", ""),
            ("<title", ""),
            ("{\"title\": 1}", ""),
            (&late, ""),
        ] {
            assert_eq!(title_of_html(html.as_bytes()), title, "{html}");
        }
    }

    #[test]
    fn names_of_the_site_are_taken_out() {
        let sites = ["myauth".to_owned(), "Django site admin".to_owned()];
        for (title, left) in [
            ("Dashboard - myauth", "Dashboard"),
            ("MyAuth | Dashboard", "Dashboard"),
            (
                "Change token | Tokens | Django site admin",
                "Change token | Tokens",
            ),
            ("myauth", ""),
            ("All about myauth", "All about myauth"),
            ("A - B", "A - B"),
            ("", ""),
        ] {
            assert_eq!(title_without_sites(title, &sites), left, "{title}");
        }
    }

    #[test]
    fn any_bytes_are_taken() {
        assert_eq!(title_of_html(b"<title>\xff</title>"), "\u{fffd}");
        assert_eq!(title_of_html(b"<"), "");
        assert_eq!(title_of_html(b""), "");
    }
}
