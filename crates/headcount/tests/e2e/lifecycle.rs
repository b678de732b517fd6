//! Starting, stopping, restarting and rebuilding: answers stay, accepted work is finished.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::http::{self, Response};
use crate::support::process::{self, Server};
use crate::support::reports::Reports;
use crate::support::{day_before, eventually, now_ms, timestamp};

const DAY_MS: i64 = 86_400_000;
/// What was committed is in the reports after this long at the latest.
const LIVE: Duration = Duration::from_secs(2);

struct Project {
    key: String,
    tracking_id: String,
}

fn project(data: &Path, name: &str) -> Project {
    let made = process::json(data, &["project", "create", name]);
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    Project {
        key: text("ingest_key"),
        tracking_id: text("tracking_id"),
    }
}

/// One page view of an install so many days ago, as a native batch.
fn page_view(install: &str, days_ago: i64) -> String {
    let at = timestamp(now_ms() - days_ago * DAY_MS);
    let id = uuid::Uuid::new_v4().to_string();
    let event = json!({"id": id, "at": at, "type": "page", "path": "/", "title": "Home"});
    json!({"install": install, "app_version": "1.0", "events": [event]}).to_string()
}

fn send(address: SocketAddr, key: &str, body: &str) -> Response {
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str())];
    http::post(address, "/api/v1/batch", &headers, body.as_bytes())
}

fn views(reports: &Reports, address: SocketAddr, from: i64, to: i64) -> u64 {
    let range = format!("from={}&to={}", day_before(from), day_before(to));
    let rows = reports.rows(address, "pages", &range);
    rows.iter().map(|row| row.count("views")).sum()
}

#[test]
fn hits_land_in_their_own_day_and_show_at_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let keys = project(data.path(), "P");
    let reports = Reports::of(data.path(), "p");
    for (install, days_ago) in [("a", 0), ("a", 3), ("b", 3), ("b", 40), ("c", 300)] {
        let answer = send(server.address, &keys.key, &page_view(install, days_ago));
        assert_eq!(answer.json()["accepted"], 1, "{}", answer.text());
    }
    let check = |server: &Server| {
        for (days_ago, expected) in [(0, 1), (1, 0), (3, 2), (40, 1), (300, 1)] {
            let found = views(&reports, server.address, days_ago, days_ago);
            assert_eq!(found, expected, "{days_ago} days ago");
        }
        let range = format!("from={}&to={}&bucket=day", day_before(301), day_before(0));
        let rows = reports.rows(server.address, "installs", &range);
        let of = |day: &str, column: &str| {
            rows.iter()
                .find(|row| row.text("day") == day)
                .unwrap()
                .count(column)
        };
        assert_eq!(of(&day_before(300), "new"), 1);
        assert_eq!(of(&day_before(292), "gone"), 1);
        assert_eq!(of(&day_before(40), "new"), 1);
        assert_eq!(
            of(&day_before(3), "new"),
            1,
            "only a: b was seen 40 days ago"
        );
    };
    check(&server);

    let before = views(&reports, server.address, 1, 0);
    send(server.address, &keys.key, &page_view("d", 0));
    let committed = Instant::now();
    eventually("the new view", LIVE, || {
        (views(&reports, server.address, 1, 0) == before + 1).then_some(())
    });
    eprintln!("in the report {:?} after its commit", committed.elapsed());
    let live = reports.rows(server.address, "live", "limit=10");
    assert!(!live.is_empty());
    server.kill();
    let server = Server::start(data.path());
    assert_eq!(views(&reports, server.address, 1, 0), before + 1);
}

#[test]
fn a_project_made_while_the_server_runs_takes_hits() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for turn in 0..3 {
        let keys = project(data.path(), &format!("P {turn}"));
        let made = Instant::now();
        let hit = format!("v=1&tid={}&cid=x&t=pageview&dp=/", keys.tracking_id);
        let answer = http::post(server.address, "/collect", &[], hit.as_bytes());
        assert_eq!(answer.status, 200);
        assert_eq!(
            send(server.address, &keys.key, &page_view("y", 0)).status,
            200
        );
        let reports = Reports::of(data.path(), &format!("p-{turn}"));
        assert_eq!(
            views(&reports, server.address, 1, 0),
            2,
            "after {:?}",
            made.elapsed()
        );
    }
}

#[test]
fn accepted_work_is_finished_after_sigterm() {
    for signal in [Signal::TERM, Signal::INT] {
        let data = tempfile::tempdir().unwrap();
        let mut server = Server::start(data.path());
        let keys = project(data.path(), "P");
        let body = page_view("slow", 0);
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!(
            "POST /api/v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n",
            keys.key,
            body.len()
        );
        let (first, rest) = body.split_at(body.len() / 2);
        stream
            .write_all(format!("{head}{first}").as_bytes())
            .unwrap();
        // The request must have been taken up; another one after it shows that.
        assert_eq!(http::get(server.address, "/readyz", &[]).status, 200);
        server.signal(signal);
        eventually("the end of listening", Duration::from_secs(10), || {
            TcpStream::connect(server.address).is_err().then_some(())
        });
        stream.write_all(rest.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("\"accepted\":1"), "{answer}");
        assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
        let reports = Reports::of(data.path(), "p");
        let server = Server::start(data.path());
        assert_eq!(views(&reports, server.address, 1, 0), 1);
    }
}

#[test]
fn one_process_owns_the_data_folder() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["rebuild"]] {
        let second = process::run(data.path(), args);
        let stderr = String::from_utf8_lossy(&second.stderr).into_owned();
        assert_eq!(second.status.code(), Some(1), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "one line: {stderr}");
        assert!(
            stderr.contains("in use") && stderr.contains("--data"),
            "{stderr}"
        );
    }
    server.stop();
    let rebuilt = process::run(data.path(), &["rebuild"]);
    assert!(rebuilt.status.success());
}

#[test]
fn wrong_usage_and_failures_differ_in_status() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("settings.toml");
    std::fs::write(&file, "lissen = '127.0.0.1:0'").unwrap();
    let file = file.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, status, part) in [
        (&["serve", "--lissen", "x"][..], 2, "--lissen"),
        (&["serve", "--listen", "nowhere"], 2, "nowhere"),
        (&["serve", "--config", file], 2, "unknown key `lissen`"),
        (&["serve", "--config", "missing.toml"], 2, "missing.toml"),
        (&["serve", "--listen", &taken], 1, "listening on"),
        (&["project", "show", "nothing"], 1, "data folder"),
    ] {
        let output = process::run(data.path(), args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {stderr}");
        assert!(stderr.contains(part), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn settings_come_from_flags_environment_and_file_in_this_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "data = 'file'\njson = true").unwrap();
    let show = |flags: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_headcount"))
            .args(["project", "create", "P"])
            .args(flags)
            .envs(variables.iter().copied())
            .env("HEADCOUNT_CONFIG", &file)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        made["tracking_id"].as_str().unwrap().to_owned()
    };
    let exists = |name: &str| folder.path().join(name).join("meta.sqlite").is_file();
    show(&[], &[]);
    assert!(exists("file"));
    show(&[], &[("HEADCOUNT_DATA", "variable")]);
    assert!(exists("variable"));
    let variables = [
        ("HEADCOUNT_DATA", "other"),
        ("HEADCOUNT_TRACKING_ID", "UA-1-1"),
    ];
    assert_eq!(show(&["--data", "flag"], &variables), "UA-1-1");
    assert!(exists("flag") && !exists("other"));
}
