//! Dependency arrows: between crates, inside the collector, and where SQL and HTML may stand.

use regex_lite::Regex;

use super::Finding;
use crate::repository::File;

/// Crates of ours that a crate may depend on; dev-dependencies may also name the testkit.
const CRATES: [(&str, &[&str]); 9] = [
    ("headcount-protocol", &[]),
    ("headcount-client", &["headcount-protocol"]),
    ("headcount-python", &["headcount-client"]),
    ("headcount-collector", &["headcount-protocol"]),
    ("headcount-testkit", &["headcount-protocol"]),
    (
        "headcount",
        &[
            "headcount-protocol",
            "headcount-client",
            "headcount-collector",
            "headcount-testkit",
        ],
    ),
    (
        "headcount-bench",
        &[
            "headcount-protocol",
            "headcount-client",
            "headcount-collector",
            "headcount-testkit",
        ],
    ),
    ("headcount-examples", &["headcount-client"]),
    ("xtask", &[]),
];

/// Modules of the collector that a module must not name: arrows point from pages to data.
const FORBIDDEN: [(&str, &[&str]); 8] = [
    (
        "query",
        &[
            "index", "meta", "access", "reports", "chart", "ingest", "web", "app",
        ],
    ),
    (
        "store",
        &[
            "index", "meta", "access", "reports", "chart", "ingest", "web", "app",
        ],
    ),
    (
        "index",
        &["meta", "access", "reports", "chart", "ingest", "web", "app"],
    ),
    (
        "meta",
        &[
            "index", "access", "reports", "chart", "ingest", "web", "app",
        ],
    ),
    ("access", &["reports", "chart", "ingest", "web"]),
    ("reports", &["ingest", "web"]),
    ("ingest", &["web", "chart"]),
    ("web", &["ingest"]),
];

const SQL_MODULES: [&str; 4] = ["store", "index", "meta", "sqlite"];

const COLLECTOR: &str = "crates/headcount-collector/src/";
const BINARY: &str = "crates/headcount/src/";

/// Arrows of Cargo.toml files and of module paths, SQL and HTML outside their places.
pub(crate) fn check(files: &[File], findings: &mut Vec<Finding>) {
    for file in files {
        if file.path.ends_with("/Cargo.toml") && !file.path.starts_with("fuzz/") {
            crates(file, findings);
        }
        if file.path.ends_with(".rs") {
            modules(file, findings);
            texts(file, findings);
        }
    }
}

fn crates(file: &File, findings: &mut Vec<Finding>) {
    let Ok(manifest) = file.text.parse::<toml::Table>() else {
        findings.push(Finding::new(file, 1, "not readable as TOML"));
        return;
    };
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name")?.as_str());
    let name = name.unwrap_or_default();
    let Some((_, allowed)) = CRATES.iter().find(|(known, _)| *known == name) else {
        findings.push(Finding::new(
            file,
            1,
            format!("crate `{name}` has no row in tidy's arrows"),
        ));
        return;
    };
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(entries) = manifest.get(table).and_then(toml::Value::as_table) else {
            continue;
        };
        for (dependency, value) in entries {
            let ours = CRATES.iter().any(|(known, _)| known == dependency);
            let for_tests = table == "dev-dependencies" && dependency == "headcount-testkit";
            if ours && !allowed.contains(&dependency.as_str()) && !for_tests {
                findings.push(Finding::new(
                    file,
                    1,
                    format!("{name} must not depend on {dependency}"),
                ));
            }
            if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                let message = format!("{dependency}: versions stand in the workspace's Cargo.toml");
                findings.push(Finding::new(file, 1, message));
            }
        }
    }
}

fn modules(file: &File, findings: &mut Vec<Finding>) {
    let Some(inside) = file.path.strip_prefix(COLLECTOR) else {
        return;
    };
    let module = inside.split(['/', '.']).next().unwrap_or_default();
    let Some((_, forbidden)) = FORBIDDEN.iter().find(|(known, _)| *known == module) else {
        return;
    };
    let named = Regex::new(r"\bcrate::\{?(\w+)").expect("the pattern is constant");
    for (number, line) in file.code_lines() {
        for found in named.captures_iter(line) {
            let other = &found[1];
            if forbidden.contains(&other) {
                findings.push(Finding::new(
                    file,
                    number,
                    format!("{module} must not use {other}"),
                ));
            }
        }
    }
}

fn texts(file: &File, findings: &mut Vec<Finding>) {
    let inside = file
        .path
        .strip_prefix(COLLECTOR)
        .or_else(|| file.path.strip_prefix(BINARY));
    let Some(inside) = inside else { return };
    let module = inside.split(['/', '.']).next().unwrap_or_default();
    let sql = Regex::new(
        r"\b(SELECT\s+\S|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|PRAGMA )",
    )
    .expect("the pattern is constant");
    let html = Regex::new(r"</?(html|head|body|div|span|p|table|tr|td|a|svg|form)[ >]")
        .expect("the pattern is constant");
    for (number, line) in file.code_lines() {
        if sql.is_match(line) && !SQL_MODULES.contains(&module) {
            findings.push(Finding::new(
                file,
                number,
                "SQL stands only in store, index and meta",
            ));
        }
        if html.is_match(line) && module != "chart" {
            findings.push(Finding::new(
                file,
                number,
                "HTML stands only in templates and chart",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{file, messages};
    use super::*;

    const CLIENT: &str = "crates/headcount-client/Cargo.toml";

    #[test]
    fn crates_depend_downwards() {
        let manifest = |dependency: &str| {
            let text =
                format!("[package]\nname = \"headcount-client\"\n[dependencies]\n{dependency}\n");
            messages(check, &[file(CLIENT, &text)])
        };
        assert_eq!(
            manifest("headcount-protocol.workspace = true"),
            Vec::<String>::new()
        );
        assert_eq!(
            manifest("headcount-collector.workspace = true"),
            ["headcount-client must not depend on headcount-collector"]
        );
        assert_eq!(
            manifest("serde = \"1\""),
            ["serde: versions stand in the workspace's Cargo.toml"]
        );
    }

    #[test]
    fn an_unknown_crate_needs_a_row() {
        let text = "[package]\nname = \"headcount-extra\"\n";
        let found = messages(check, &[file("crates/headcount-extra/Cargo.toml", text)]);
        assert_eq!(
            found,
            ["crate `headcount-extra` has no row in tidy's arrows"]
        );
    }

    #[test]
    fn modules_of_the_collector_point_to_data() {
        let code = |path: &str, text: &str| {
            messages(
                check,
                &[file(
                    &format!("{COLLECTOR}{path}"),
                    &format!("//! X.\n{text}\n"),
                )],
            )
        };
        assert_eq!(
            code("web/live.rs", "use crate::reports;"),
            Vec::<String>::new()
        );
        assert_eq!(
            code("store/rows.rs", "use crate::web::live;"),
            ["store must not use web"]
        );
        assert_eq!(
            code("index.rs", "let x = crate::meta::open();"),
            ["index must not use meta"]
        );
        assert_eq!(
            code("ingest/http.rs", "// crate::web is not used"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn sql_and_html_have_their_places() {
        let code = |path: &str, text: &str| {
            messages(
                check,
                &[file(
                    &format!("{COLLECTOR}{path}"),
                    &format!("//! X.\n{text}\n"),
                )],
            )
        };
        let sql = "let rows = \"SELECT day FROM events\";";
        assert_eq!(code("store/rows.rs", sql), Vec::<String>::new());
        assert_eq!(
            code("web/live.rs", sql),
            ["SQL stands only in store, index and meta"]
        );
        let html = "let row = \"<td class=x>\";";
        assert_eq!(code("chart/table.rs", html), Vec::<String>::new());
        assert_eq!(
            code("reports/live.rs", html),
            ["HTML stands only in templates and chart"]
        );
        assert_eq!(
            code(
                "reports/live.rs",
                &format!("#[cfg(test)]\nmod t {{\n{html}\n}}")
            ),
            Vec::<String>::new()
        );
    }
}
