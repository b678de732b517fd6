//! One install leaves: by its own wish, by the operator's, and over kill -9 of all who work at it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http;
use crate::support::process::{self, Server};
use crate::support::reports::Reports;
use crate::support::{day_before, eventually, now_ms, timestamp};

const PATIENCE: Duration = Duration::from_secs(30);
const DAYS: i64 = 6;

/// A project on a data folder, and what is asked of it.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) key: String,
    pub(crate) reports: Reports,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = process::json(folder.path(), &["project", "create", "Auth"]);
        Self {
            key: project["ingest_key"].as_str().unwrap().to_owned(),
            reports: Reports::of(folder.path(), "auth"),
            folder,
        }
    }

    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Every kind of event on each of some days; ids make sending again harmless.
    pub(crate) fn send(&self, address: SocketAddr, install: u32, runs: u32) -> String {
        let name = format!("00000000-0000-4000-8000-{install:012}");
        for day in 0..DAYS {
            let at = timestamp(now_ms() - day * 86_400_000);
            let mut events = vec![
                json!({"type": "stats", "users": 10 + install, "tokens": 7,
                    "apps": [{"name": format!("app{install}"), "version": "1"}, {"name": "every"}]}),
                json!({"type": "page", "path": format!("/{install}"), "title": "t", "locale": "de"}),
                json!({"type": "stat", "namespace": "n", "task": "s", "label": "l", "value": install}),
            ];
            events.extend((0..runs).map(|run| {
                json!({"type": "task", "namespace": "n", "task": format!("t{}", run % 7),
                    "result": "Success", "value": run})
            }));
            for (place, event) in events.iter_mut().enumerate() {
                let id = uuid::Uuid::from_u128(
                    u128::from(install) << 64 | (day as u128) << 32 | place as u128,
                );
                event["id"] = json!(id.to_string());
                event["at"] = json!(at);
            }
            let body = json!({"install": name, "app": "a", "app_version": format!("1.{install}"), "events": events});
            let bearer = format!("Bearer {}", self.key);
            let headers = [("Authorization", bearer.as_str())];
            let answer = http::post(
                address,
                "/api/v1/batch",
                &headers,
                body.to_string().as_bytes(),
            );
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        name
    }

    /// What a set of reports says, without the moment.
    pub(crate) fn all(&self, address: SocketAddr) -> Vec<Value> {
        let range = format!("from={}&to={}", day_before(DAYS), day_before(0));
        let reports = [
            "totals",
            "installs",
            "versions",
            "apps",
            "sizes",
            "tasks",
            "app-stats",
            "pages",
            "locales",
        ];
        let ask = |report: &&str| {
            let mut answer = self.reports.ask(address, report, &range).json();
            answer["as_of"] = Value::Null;
            answer
        };
        reports.iter().map(ask).collect()
    }

    fn erase(&self, install: &str) -> Value {
        process::json(
            self.data(),
            &["erase", "--project", "auth", "--install", install],
        )
    }
}

#[test]
fn an_operator_erases_an_install_beside_a_server_and_without_one() {
    let scene = Scene::new();
    let server = Server::start(scene.data());
    scene.send(server.address, 1, 20);
    let before = scene.all(server.address);
    let second = scene.send(server.address, 2, 20);
    assert_ne!(scene.all(server.address), before);
    let receipt = scene.erase(&second);
    assert_eq!(receipt["erased_events"], DAYS * 23);
    assert_eq!(scene.all(server.address), before);
    assert_eq!(scene.erase(&second), receipt);
    let third = scene.send(server.address, 3, 20);
    server.stop();
    let receipt = scene.erase(&third);
    assert_eq!(receipt["erased_events"], DAYS * 23);
    let server = Server::start(scene.data());
    assert_eq!(scene.all(server.address), before);
    server.stop();
    // No file holds a name of those who are gone: also not in what was freed.
    for file in ["store.sqlite", "meta.sqlite", "index.sqlite"] {
        let bytes = std::fs::read(scene.data().join(file)).unwrap();
        for name in [&second, &third] {
            let held = bytes
                .windows(name.len())
                .any(|part| part == name.as_bytes());
            assert!(!held, "{file} still holds {name}");
        }
    }
    let unknown = ["erase", "--project", "auth", "--install", "nobody"];
    let refused = process::run(scene.data(), &unknown);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("no event of an install nobody"), "{said}");
}

#[test]
fn an_erasure_survives_kills_of_server_and_command() {
    let scene = Scene::new();
    let mut server = Server::start(scene.data());
    scene.send(server.address, 1, 50);
    let before = scene.all(server.address);
    for round in 0..6_u32 {
        let install = scene.send(server.address, 10 + round, 900);
        assert_ne!(scene.all(server.address), before);
        let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"))
            .args([
                "erase",
                "--project",
                "auth",
                "--install",
                &install,
                "--data",
            ])
            .arg(scene.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(round) * 12));
        server.kill();
        command.kill().unwrap();
        command.wait().unwrap();
        server = Server::start(scene.data());
        // Where the kill came before the wish was written down, it is made again.
        scene.erase(&install);
        assert_eq!(scene.all(server.address), before, "round {round}");
    }
    server.stop();
    let rebuilt = process::run(scene.data(), &["rebuild"]);
    assert!(rebuilt.status.success());
    let server = Server::start(scene.data());
    assert_eq!(scene.all(server.address), before);
}

#[test]
fn an_install_has_itself_forgotten_through_the_client() {
    let scene = Scene::new();
    let server = Server::start(scene.data());
    scene.send(server.address, 1, 5);
    let before = scene.all(server.address);
    let state = tempfile::tempdir().unwrap();
    let client = |args: &[&str]| -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_headcount"))
            .args(["client", "--json", "--state"])
            .arg(state.path())
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    };
    let endpoint = format!("http://{}", server.address);
    client(&["init", "--app", "a", "--app-version", "9"]);
    client(&[
        "token",
        "add",
        "--name",
        "n",
        "--type",
        "headcount",
        "--endpoint",
        &endpoint,
        "--token",
        &scene.key,
    ]);
    client(&[
        "record",
        "stats",
        "--users",
        "99",
        "--tokens",
        "1",
        "--app-installed",
        "own=1",
    ]);
    client(&["flush"]);
    assert_ne!(scene.all(server.address), before);
    client(&["forget"]);
    client(&["flush"]);
    eventually("the install's reports are gone", PATIENCE, || {
        (scene.all(server.address) == before).then_some(())
    });
    let ledger = client(&["ledger"]).to_string();
    assert!(ledger.contains("200 erased"), "{ledger}");
}
