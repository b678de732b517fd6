//! Processes that die by kill -9 in the middle of recording or sending lose and double nothing.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use headcount_client::{Client, Recorded, TokenKind};

use crate::collector::Collector;
use crate::install::{Installation, config, task};

const ROLE: &str = "HEADCOUNT_TEST_ROLE";
const STATE: &str = "HEADCOUNT_TEST_STATE";

/// Not a test of its own: the body of the child processes, silent unless it is told a role.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let state = std::env::var(STATE).unwrap();
    if let Some(name) = role.strip_prefix("record:") {
        record(name, &state);
    }
    let state = headcount_client::State::at(state);
    loop {
        let http = std::sync::Arc::new(headcount_client::Http::default());
        let caps = headcount_client::Caps::default();
        let mut sender =
            headcount_client::Sender::open(&state, http, Duration::ZERO, caps).unwrap();
        // Adopting and sending may meet files that other children are just making or removing.
        state.adopt_orphans(&caps).unwrap();
        sender.flush().unwrap();
    }
}

#[expect(clippy::print_stdout, reason = "tells the parent what is held")]
fn record(name: &str, state: &str) {
    let client = Client::open(config(std::path::Path::new(state)));
    for n in 0.. {
        let label = format!("{name}-{n}");
        let recorded = client.record_task(&task(&label));
        if recorded == Recorded::Held {
            // Told only after the call has returned: what is told must arrive.
            println!("held {label}");
        } else {
            std::thread::sleep(Duration::from_millis(1));
        }
        if n % 8 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn spawn(role: &str, state: &std::path::Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture"])
        .env(ROLE, role)
        .env(STATE, state)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn told(child: &mut Child) -> std::thread::JoinHandle<Vec<String>> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            // The last line may be cut by the kill: only whole ones count, and none ends in the middle.
            .filter_map(|line| line.rsplit_once("held ").map(|(_, label)| label.to_owned()))
            .collect()
    })
}

/// Rounds of the test; more with HEADCOUNT_KILL_ROUNDS.
fn rounds() -> usize {
    std::env::var("HEADCOUNT_KILL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(15)
}

#[test]
fn killed_processes_lose_and_double_nothing() {
    let collector = Collector::start(vec![]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let state = install.state.dir();
    let mut expected = BTreeSet::new();
    for round in 0..rounds() {
        let mut recorders: Vec<Child> = (0..3)
            .map(|n| spawn(&format!("record:r{round}p{n}"), state))
            .collect();
        let mut sender = spawn("send", state);
        let readers: Vec<_> = recorders.iter_mut().map(told).collect();
        // Uneven on purpose: children die while starting, recording, draining and sending.
        std::thread::sleep(Duration::from_millis(60 + 37 * (round as u64 % 9)));
        for child in recorders.iter_mut().chain([&mut sender]) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for reader in readers {
            let mut labels = reader.join().unwrap();
            // The pipe may have cut the last line short.
            labels.pop();
            expected.extend(labels);
        }
        if round % 8 == 7 {
            // Keeps what waits below the caps: what they take is counted, but not what is tested here.
            install.flush();
        }
    }
    install.flush();
    assert_eq!(install.waiting(), 0);
    let runs = collector.runs();
    let missing: Vec<_> = expected
        .iter()
        .filter(|label| !runs.contains_key(*label))
        .collect();
    let doubled: Vec<_> = runs.iter().filter(|(_, count)| **count != 1).collect();
    assert!(!expected.is_empty());
    assert!(
        missing.is_empty(),
        "{} of {} are missing, for example {:?}",
        missing.len(),
        expected.len(),
        &missing[..missing.len().min(3)]
    );
    assert!(
        doubled.is_empty(),
        "came twice: {:?}",
        &doubled[..doubled.len().min(3)]
    );
}
