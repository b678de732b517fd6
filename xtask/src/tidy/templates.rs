//! Templates keep to the content security policy: nothing inline, nothing from elsewhere.

use regex_lite::Regex;

use super::Finding;
use crate::repository::File;

/// What the policy of the pages would block, found before a browser does.
const BLOCKED: [(&str, &str); 4] = [
    (r"<[^>]*\sstyle\s*=", "a style attribute: use a class"),
    (r"<style\b", "a style element: use the stylesheet"),
    (
        r"<[^>]*\son[a-z]+\s*=",
        "an event attribute: use the script file",
    ),
    (
        r#"<script(?:\s+(?:defer|async|type="[^"]*"))*\s*>"#,
        "an inline script: use the script file",
    ),
];

const ELSEWHERE: &str = r#"(?:src|href)\s*=\s*"?https?://"#;

/// Inline styles and scripts, and addresses of other hosts, in HTML templates.
pub(crate) fn check(files: &[File], findings: &mut Vec<Finding>) {
    let blocked = BLOCKED.map(|(pattern, message)| {
        (
            Regex::new(pattern).expect("the pattern is constant"),
            message,
        )
    });
    let elsewhere = Regex::new(ELSEWHERE).expect("the pattern is constant");
    let templates = files.iter().filter(|file| {
        file.path.starts_with("crates/")
            && [".html", ".svg"]
                .iter()
                .any(|ending| file.path.ends_with(ending))
    });
    for file in templates {
        for (number, line) in file.lines() {
            for (pattern, message) in &blocked {
                if pattern.is_match(line) {
                    findings.push(Finding::new(file, number, format!("{message} (CSP)")));
                }
            }
            if elsewhere.is_match(line) {
                findings.push(Finding::new(
                    file,
                    number,
                    "pages load and link nothing from other hosts",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{file, messages};
    use super::*;

    #[test]
    fn what_the_policy_blocks_is_found() {
        for (line, count) in [
            (r#"<p class="on" title="a style">"#, 0),
            (r#"<script src="/static/headcount.js" defer></script>"#, 0),
            (r#"<p style="color: red">"#, 1),
            ("<style>p {}</style>", 1),
            (r#"<a onclick="go()">"#, 1),
            ("<script defer>go()</script>", 1),
            (r#"<script src="https://cdn.example/x.js"></script>"#, 1),
        ] {
            let found = messages(check, &[file("crates/a/templates/page.html", line)]);
            assert_eq!(found.len(), count, "{line}: {found:?}");
        }
    }
}
