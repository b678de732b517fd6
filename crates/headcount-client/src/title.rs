//! Titles of HTML pages: found in their first bytes, freed of names of the site. Pure; builds no tree.

pub(crate) mod scanner;

use scanner::Scanner;

/// The text of the first `<title>` within the first 16 kB, entities resolved, white space collapsed; empty when
/// there is none. Bytes that are not UTF-8 become replacement characters.
#[must_use]
pub fn title_of_html(html: &[u8]) -> String {
    let mut scanner = Scanner::new();
    scanner.read(html);
    scanner.title()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found() {
        let late = format!("{}<title>Late</title>", " ".repeat(scanner::MOST_BYTES));
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
