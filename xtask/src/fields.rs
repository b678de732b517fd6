//! `cargo xtask fields`: makes the tables of fields in the documents from the dictionary.

use anyhow::Context;
use toml::{Table, Value};

use crate::repository;

/// The dictionary, and the pages that show it.
pub(crate) const DICTIONARY: &str = "crates/headcount-protocol/src/dictionary.toml";
pub(crate) const PAGES: [&str; 3] = ["docs/privacy.md", "docs/alliance-auth.md", "docs/django.md"];
/// What stands between these lines is made here.
const BEGIN: &str = "<!-- made by `cargo xtask fields` from dictionary.toml -->";
const END: &str = "<!-- end of what is made -->";

const HEAD: &str = "\
| field | feed | what it is | why | form | cleaned before it leaves | on GA4 | on v1 |
|---|---|---|---|---|---|---|---|
";

/// Writes the table into the pages.
pub(crate) fn run() -> anyhow::Result<bool> {
    let read = |path: &str| {
        std::fs::read_to_string(repository::root().join(path))
            .with_context(|| format!("reading {path}"))
    };
    let dictionary = read(DICTIONARY)?;
    for path in PAGES {
        let page = renewed(&read(path)?, &dictionary).with_context(|| path)?;
        std::fs::write(repository::root().join(path), page)
            .with_context(|| format!("writing {path}"))?;
    }
    Ok(true)
}

/// The page with its table made anew.
pub(crate) fn renewed(page: &str, dictionary: &str) -> anyhow::Result<String> {
    let marks = || format!("the page lacks its lines `{BEGIN}` and `{END}`");
    let (before, rest) = page.split_once(BEGIN).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    Ok(format!(
        "{before}{BEGIN}\n\n{}\n{END}{after}",
        table(dictionary)?
    ))
}

fn table(dictionary: &str) -> anyhow::Result<String> {
    let dictionary: Table = dictionary.parse().context("the dictionary is no TOML")?;
    let fields = dictionary.get("field").and_then(Value::as_array);
    let mut table = HEAD.to_owned();
    for field in fields.context("the dictionary has no [[field]]")? {
        let text = |key: &str| field.get(key).and_then(Value::as_str).unwrap_or_default();
        let wire = |key: &str| match text(key) {
            "" => "does not leave".to_owned(),
            name => name.to_owned(),
        };
        let cells = [
            format!("`{}`", text("name")),
            text("feed").to_owned(),
            text("meaning").to_owned(),
            text("reason").to_owned(),
            format!("{}, {}", text("kind"), text("bounds")),
            cleaning(text("scrub"))?.to_owned(),
            wire("ga4"),
            wire("v1"),
        ];
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    Ok(table)
}

fn cleaning(scrub: &str) -> anyhow::Result<&'static str> {
    Ok(match scrub {
        "" => "no",
        "path" => {
            "the query string is cut off; numbers, ids, addresses and long random strings become placeholders"
        }
        "title" => "numbers, ids, addresses and long random strings become placeholders",
        "user_agent" => "reduced to family, major version and system",
        "exception" => "of an exception only the class name",
        other => anyhow::bail!("the dictionary cleans by `{other}`, which has no words here"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
        [[field]]
        name = "page.path"
        kind = "text"
        feed = "pages"
        bounds = "short"
        meaning = "Path"
        reason = "Use"
        scrub = "title"
        ga4 = "page_location"
    "#;

    #[test]
    fn the_table_is_replaced_and_the_rest_stays() {
        let page = format!("# A\n\n{BEGIN}\nOUTDATED\n{END}\n\nB\n");
        let renewed = renewed(&page, ONE).unwrap();
        assert!(renewed.starts_with("# A\n") && renewed.ends_with("\n\nB\n"));
        assert!(!renewed.contains("OUTDATED"));
        let row = "| `page.path` | pages | Path | Use | text, short | numbers, ids, addresses and long \
                   random strings become placeholders | page_location | does not leave |\n";
        assert!(renewed.contains(row), "{renewed}");
        assert_eq!(super::renewed(&renewed, ONE).unwrap(), renewed);
    }

    #[test]
    fn what_cannot_be_told_is_an_error() {
        assert!(renewed("# A\n", ONE).is_err());
        let page = format!("{BEGIN}{END}");
        assert!(renewed(&page, &ONE.replace("\"title\"", "\"magic\"")).is_err());
    }
}
