//! Hits of real Alliance Auth installs, replayed byte for byte: reports must hold exactly what they say.

mod expected;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::day_before;
use crate::support::http::Connection;
use crate::support::process::{self, Server};
use crate::support::reports::{Reports, Row};
use expected::Expected;

/// One captured request.
struct Hit {
    target: String,
    /// As it came over the socket.
    bytes: Vec<u8>,
    body: String,
}

fn captured(version: &str) -> Vec<Hit> {
    let folder = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
        .join("tests/captures")
        .join(version);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let lines = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap());
    let hits: Vec<Hit> = lines
        .flat_map(|text| text.lines().map(hit).collect::<Vec<_>>())
        .collect();
    assert!(hits.len() > 100, "{} hits in {version}", hits.len());
    hits
}

fn hit(line: &str) -> Hit {
    let record: Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| record[key].as_str().unwrap().to_owned();
    let (method, target, body) = (text("method"), text("path"), text("body"));
    let mut request = format!("{method} {target} HTTP/1.1\r\n");
    for header in record["headers"].as_array().unwrap() {
        let part = |index: usize| header[index].as_str().unwrap();
        request.push_str(&format!("{}: {}\r\n", part(0), part(1)));
    }
    request.push_str("\r\n");
    request.push_str(&body);
    Hit {
        target,
        bytes: request.into_bytes(),
        body,
    }
}

fn replay(server: &Server, hits: &[Hit], status: u16) {
    let mut connection = Connection::open(server.address).unwrap();
    for hit in hits {
        let answer = connection.exchange(&hit.bytes).unwrap();
        assert_eq!(answer.status, status, "{}", hit.body);
    }
}

#[test]
fn universal_captures_are_counted_exactly() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let new = |name: &str, id: &str| {
        process::json(
            data.path(),
            &["project", "create", name, "--tracking-id", id],
        );
    };
    new("Alliance Auth", "UA-186249766-2");
    let hits = captured("v3");
    replay(&server, &hits, 200);
    let mut expected = Expected::default();
    let mut foreign = 0;
    for hit in &hits {
        match expected::universal_hit(&hit.body) {
            (tracking_id, hit) if tracking_id == "UA-186249766-2" => expected.add(&hit),
            _ => foreign += 1,
        }
    }
    assert!(foreign > 0, "captures hold hits for a second token");
    check(
        &server,
        &Reports::of(data.path(), "alliance-auth"),
        &expected,
    );
    let after_restart = {
        server.stop();
        Server::start(data.path())
    };
    check(
        &after_restart,
        &Reports::of(data.path(), "alliance-auth"),
        &expected,
    );
}

#[test]
fn ga4_captures_are_counted_exactly() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let tokens = [
        ("team", "G-AATEAM0001", "not-the-real-secret-00"),
        ("own", "G-OWNTOKEN01", "ownsecret"),
    ];
    for (name, id, secret) in tokens {
        let ids = ["--measurement-id", id, "--api-secret", secret];
        process::json(
            data.path(),
            &[&["project", "create", name], &ids[..]].concat(),
        );
    }
    let hits = captured("v5");
    replay(&server, &hits, 204);
    for (name, id, _) in tokens {
        let mut expected = Expected::default();
        for hit in hits.iter().filter(|hit| hit.target.contains(id)) {
            expected::ga4_hits(&hit.body)
                .iter()
                .for_each(|hit| expected.add(hit));
        }
        check(&server, &Reports::of(data.path(), name), &expected);
    }
}

/// Compares every report that the hits fill.
fn check(server: &Server, reports: &Reports, expected: &Expected) {
    // The hits are counted at the moment they come; midnight may pass while they do.
    let range = format!("from={}&to={}", day_before(1), day_before(0));
    let rows = |report: &str, more: &str| {
        reports.rows(server.address, report, &format!("{range}&limit=1000{more}"))
    };

    let totals = pairs(&rows("totals", ""), |row| {
        (row.text("metric"), row.text("value"))
    });
    let total = |metric: &str| totals[metric].parse::<u64>().unwrap();
    assert_eq!(total("active"), expected.installs.len() as u64);
    assert_eq!(total("new_installs"), expected.installs.len() as u64);
    assert_eq!(total("users"), expected.users.values().sum::<u64>());
    assert_eq!(total("tokens"), expected.tokens.values().sum::<u64>());
    assert_eq!(
        total("task_runs"),
        expected.tasks.values().map(|task| task.runs).sum::<u64>()
    );
    assert_eq!(total("page_views"), expected.pages.values().sum::<u64>());

    let versions = rows("versions", "&bucket=month");
    let newest = versions.iter().map(|row| row.text("day")).max();
    let last = versions
        .iter()
        .filter(|row| Some(row.text("day")) == newest);
    let by_version: BTreeMap<_, _> = last
        .map(|row| (row.text("version"), row.count("installs")))
        .collect();
    assert_eq!(by_version, expected.versions());

    let apps = pairs(&rows("apps", ""), |row| {
        (row.text("app"), row.count("installs"))
    });
    assert_eq!(apps, expected.apps());

    for (deployment, installs) in &expected.deployments() {
        let found = rows("totals", &format!("&filter=deployment:{deployment}"));
        let totals = pairs(&found, |row| (row.text("metric"), row.text("value")));
        assert_eq!(totals["active"], installs.to_string(), "{deployment}");
    }

    let tasks = pairs(&rows("tasks", ""), |row| {
        let numbers = (
            row.count("runs"),
            row.count("failures"),
            row.number("median_value"),
        );
        ((row.text("namespace"), row.text("task")), numbers)
    });
    assert_eq!(tasks.len(), expected.tasks.len(), "{tasks:?}");
    for ((namespace, task), wanted) in &expected.tasks {
        let (runs, failures, median) = tasks[&(namespace.clone(), task.clone())];
        assert_eq!(
            (runs, failures),
            (wanted.runs, wanted.failures()),
            "{namespace}.{task}"
        );
        assert!(
            close(median, wanted.median()),
            "{namespace}.{task}: {median:?} {wanted:?}"
        );
        let found = rows(
            "task-exceptions",
            &format!("&namespace={namespace}&task={task}"),
        );
        let exceptions = pairs(&found, |row| (row.text("exception"), row.count("runs")));
        assert_eq!(exceptions, wanted.exceptions, "{namespace}.{task}");
    }

    let stats = pairs(&rows("app-stats", ""), |row| {
        let key = (row.text("namespace"), row.text("task"), row.text("label"));
        (key, row.count("total"))
    });
    assert_eq!(stats, expected.stats());

    let pages = pairs(&rows("pages", ""), |row| {
        ((row.text("path"), row.text("title")), row.count("views"))
    });
    assert_eq!(pages, expected.pages);
    let locales = pairs(&rows("locales", ""), |row| {
        (row.text("locale"), row.count("views"))
    });
    assert_eq!(locales, expected.locales);
    let browsers = pairs(&rows("browsers", ""), |row| {
        (row.text("browser"), row.count("views"))
    });
    assert_eq!(browsers, expected.browsers);
}

fn pairs<K: Ord, V>(rows: &[Row], pair: impl Fn(&Row) -> (K, V)) -> BTreeMap<K, V> {
    rows.iter().map(pair).collect()
}

/// Medians are exact to 2 %.
fn close(found: Option<f64>, wanted: Option<f64>) -> bool {
    match (found, wanted) {
        (Some(found), Some(wanted)) => (found - wanted).abs() <= 0.02 * wanted.abs(),
        (None, None) => true,
        _ => false,
    }
}
