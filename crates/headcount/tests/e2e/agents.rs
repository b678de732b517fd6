//! Three installs with an agent each, different feeds, and a collector that goes away for a while: the reports show
//! exactly what was recorded.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http;
use crate::support::process::{self, Server};
use crate::support::reports::Reports;
use crate::support::{day_before, eventually};

const BINARY: &str = env!("CARGO_BIN_EXE_headcount");
/// Longest back-off of an agent that met a stopped collector a few times, with room for a busy machine.
const DELIVERED: Duration = Duration::from_secs(90);
const PHASES: u64 = 3;

/// A running `headcount agent` and what its install is.
struct Agent {
    child: Child,
    address: SocketAddr,
    stats: bool,
    events: bool,
    /// Tells the installs apart in the reports.
    number: u64,
}

fn client(state: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["client", "--state"]).arg(state).args(args);
    command.stdin(Stdio::null()).output().unwrap()
}

fn told(state: &Path, args: &[&str]) -> Value {
    let output = client(state, &[args, &["--json"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn set_up(state: &Path, version: &str, server: SocketAddr, key: &str, feeds: &str) {
    told(
        state,
        &["init", "--app", "example", "--app-version", version],
    );
    let endpoint = format!("http://{server}");
    let token = ["token", "add", "--name", "team", "--type", "headcount"];
    let rest = ["--endpoint", &endpoint, "--token", key, "--feeds", feeds];
    told(state, &[&token[..], &rest[..]].concat());
}

impl Agent {
    fn start(state: &Path, number: u64, feeds: &str) -> Self {
        let mut child = Command::new(BINARY)
            .args([
                "agent",
                "--listen",
                "127.0.0.1:0",
                "--interval-seconds",
                "1",
                "--json",
            ])
            .arg("--state")
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let url = told["listening"].as_str().unwrap();
        Self {
            child,
            address: url.strip_prefix("http://").unwrap().parse().unwrap(),
            stats: feeds.contains("stats"),
            events: feeds.contains("tasks"),
            number,
        }
    }

    /// Local programs hand in events of every kind; the agent keeps what its feeds allow.
    fn record(&self) {
        let task = |result: &str| json!({"type": "task", "namespace": "example", "task": "tidy_up", "result": result, "value": 2});
        let mut events = vec![
            json!({"type": "stats", "users": 10 * (self.number + 1), "tokens": 5,
                   "apps": [{"name": "memberaudit", "version": "3.1.0"}]}),
            json!({"type": "stat", "namespace": "example", "task": "sizes", "label": "rows", "value": 12}),
            task("KeyError: 'secret'"),
        ];
        events.extend((0..5 + self.number).map(|_| task("Success")));
        let page = json!({"type": "page", "path": "/items/4711/?q=secret", "title": "Items", "locale": "en"});
        events.extend((0..3 + self.number).map(|_| page.clone()));
        let body = json!({ "events": events }).to_string();
        let headers = [("Content-Type", "application/json")];
        let answer = http::post(self.address, "/record", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails where the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn waiting(state: &Path) -> u64 {
    told(state, &["status"])["waiting"].as_u64().unwrap()
}

#[test]
fn reports_show_exactly_what_three_installs_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut server = Server::start(&data);
    let address = server.address;
    let made = process::json(&data, &["project", "create", "Example"]);
    let key = made["ingest_key"].as_str().unwrap();
    let reports = Reports::of(&data, "example");
    let installs = [
        ("1.0", "stats"),
        ("1.1", "tasks,pages"),
        ("2.0", "stats,tasks,pages"),
    ];
    let states = [0, 1, 2].map(|number| dir.path().join(format!("install-{number}")));
    let mut agents = Vec::new();
    for (number, (version, feeds)) in installs.into_iter().enumerate() {
        set_up(&states[number], version, address, key, feeds);
        agents.push(Agent::start(&states[number], number as u64, feeds));
    }

    agents.iter().for_each(Agent::record);
    all_delivered(&states);
    server.stop();
    // Handed in while nobody takes it; each agent runs into the outage at least once.
    agents.iter().for_each(Agent::record);
    for state in &states {
        eventually("a failed try", DELIVERED, || {
            let status = told(state, &["status"]);
            (status["destinations"][0]["attempts"].as_u64()? > 0).then_some(())
        });
        assert!(waiting(state) > 0, "nothing is given up");
    }
    server = Server::start_at(&data, address);
    agents.iter().for_each(Agent::record);
    all_delivered(&states);

    let range = format!("from={}&to={}", day_before(1), day_before(0));
    shows_tasks_and_pages(&agents, &reports, address, &range);
    shows_installs(&reports, address, &range);
    server.stop();
}

fn all_delivered(states: &[std::path::PathBuf]) {
    for state in states {
        eventually("delivery", DELIVERED, || {
            (waiting(state) == 0).then_some(())
        });
    }
}

fn shows_tasks_and_pages(agents: &[Agent], reports: &Reports, address: SocketAddr, range: &str) {
    let senders = || agents.iter().filter(|agent| agent.events);
    let runs: u64 = senders().map(|agent| 6 + agent.number).sum();
    let views: u64 = senders().map(|agent| 3 + agent.number).sum();
    let failures = senders().count() as u64;
    let tasks = reports.rows(address, "tasks", range);
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    assert_eq!(tasks[0].text("task"), "tidy_up");
    assert_eq!(tasks[0].count("runs"), PHASES * runs);
    assert_eq!(tasks[0].count("failures"), PHASES * failures);
    assert_eq!(tasks[0].count("installs"), 2);
    assert_eq!(tasks[0].text("top_exception"), "KeyError");
    let pages = reports.rows(address, "pages", range);
    assert_eq!(pages.len(), 1, "{pages:?}");
    assert!(!pages[0].text("path").contains("4711"), "{pages:?}");
    assert_eq!(pages[0].count("views"), PHASES * views);
    assert_eq!(pages[0].count("installs"), 2);
    assert_eq!(agents.iter().filter(|agent| agent.stats).count(), 2);
}

fn shows_installs(reports: &Reports, address: SocketAddr, range: &str) {
    let apps = reports.rows(address, "apps", range);
    assert_eq!(apps.len(), 1, "{apps:?}");
    assert_eq!(
        (apps[0].text("app").as_str(), apps[0].count("installs")),
        ("memberaudit", 2)
    );
    let stats = reports.rows(address, "app-stats", range);
    assert_eq!(stats.len(), 1, "{stats:?}");
    assert_eq!(
        (stats[0].text("label").as_str(), stats[0].count("installs")),
        ("rows", 2)
    );
    let sizes = reports.rows(address, "sizes", range);
    let told: u64 = sizes.iter().map(|row| row.count("installs")).sum();
    assert_eq!(told, 2, "{sizes:?}");
    let versions = reports.rows(address, "versions", &format!("{range}&bucket=month"));
    for version in ["1.0", "1.1", "2.0"] {
        // A month may end between the two days of the range.
        let rows = versions.iter().filter(|row| row.text("version") == version);
        assert_eq!(
            rows.map(|row| row.count("installs")).max(),
            Some(1),
            "{versions:?}"
        );
    }
}

/// Everything in a folder with its size and the moment of its last change.
fn files(dir: &Path) -> Vec<(String, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let data = entry.metadata().unwrap();
        found.push((
            entry.path().display().to_string(),
            data.len(),
            data.modified().unwrap(),
        ));
        if data.is_dir() {
            found.extend(files(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn the_command_line_and_the_agent_are_silent_while_a_switch_is_on() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    nobody.set_nonblocking(true).unwrap();
    let state = dir.path().join("state");
    set_up(
        &state,
        "1.0",
        nobody.local_addr().unwrap(),
        "hc_key",
        "stats,tasks,pages",
    );
    let task = [
        "record",
        "task",
        "--namespace",
        "n",
        "--task",
        "t",
        "--result",
        "Success",
    ];
    assert!(client(&state, &task).status.success());
    let before = files(&state);
    for variable in ["ANALYTICS_DISABLED", "DO_NOT_TRACK"] {
        for args in [&task[..], &["flush"][..]] {
            let mut command = Command::new(BINARY);
            command.args(["client", "--state"]).arg(&state).args(args);
            command.env(variable, "1").stdin(Stdio::null());
            let output = command.output().unwrap();
            assert_eq!(files(&state), before, "{variable}, {args:?}: {output:?}");
        }
    }
    assert!(client(&state, &["off"]).status.success());
    assert_eq!(waiting(&state), 0, "off deletes what waits");
    let before = files(&state);
    assert!(client(&state, &task).stdout.is_empty() || waiting(&state) == 0);
    let agent = Agent::start(&state, 0, "");
    agent.record();
    // Two rounds of the agent would have sent by now.
    std::thread::sleep(Duration::from_secs(4));
    drop(agent);
    assert_eq!(files(&state), before, "off writes nothing");
    let error = nobody.accept().unwrap_err();
    assert_eq!(
        error.kind(),
        std::io::ErrorKind::WouldBlock,
        "nobody was called"
    );
}
