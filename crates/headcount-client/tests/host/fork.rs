//! A server that records before it forks: parent and children each keep their own events, once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headcount_client::{Caps, Client, Recorded, Sender, TokenKind};
use headcount_testkit::fault::{Answer, Fault};

use crate::collector::Collector;
use crate::install::{Installation, config, event, task};

const STATE: &str = "HEADCOUNT_FORK_STATE";
const EVENTS: usize = 200;

/// Not a test of its own: the pre-fork server, silent unless it is told a state folder.
#[test]
fn server() {
    let Ok(state) = std::env::var(STATE) else {
        return;
    };
    let client = Client::open(config(Path::new(&state)));
    record(&client, "preload");
    // The worker has the spool open when the children are made.
    std::thread::sleep(Duration::from_millis(150));
    let children: Vec<i32> = (0..3).map(|n| child(&client, n)).collect();
    record(&client, "parent");
    for pid in children {
        assert_eq!(wait_for(pid), 0, "a child failed");
    }
    drop(client);
}

fn record(client: &Client, who: &str) {
    for n in 0..EVENTS {
        assert_eq!(
            client.record_task(&task(&format!("{who}-{n}"))),
            Recorded::Held
        );
    }
}

#[expect(unsafe_code, reason = "fork is what is tested")]
fn child(client: &Client, n: usize) -> i32 {
    // SAFETY: the child only uses the module, which is made for that, and leaves without unwinding.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            record(client, &format!("child{n}"));
            client.shutdown(Duration::from_secs(5));
            libc::_exit(0);
        }
        pid
    }
}

#[expect(unsafe_code, reason = "fork is what is tested")]
fn wait_for(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: the status is a valid place to write to.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid);
    status
}

#[test]
fn parent_and_children_keep_their_events_once() {
    let collector = Collector::start(vec![]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fork::server", "--test-threads=1"])
        .env(STATE, install.state.dir())
        .status()
        .unwrap();
    assert!(status.success());
    install.flush();
    let expected: BTreeMap<String, u64> = ["preload", "parent", "child0", "child1", "child2"]
        .iter()
        .flat_map(|who| (0..EVENTS).map(move |n| (format!("{who}-{n}"), 1)))
        .collect();
    assert_eq!(collector.runs(), expected);
}

const ORPHAN: &str = "HEADCOUNT_ORPHAN_STATE";

/// Not a test of its own: a sender that is killed in the middle of a request, survived by a child.
#[test]
fn sender() {
    let Ok(dir) = std::env::var(ORPHAN) else {
        return;
    };
    let state = headcount_client::State::at(&dir);
    let http = std::sync::Arc::new(headcount_client::Http::default());
    let mut sender = Sender::open(&state, http, Duration::ZERO, Caps::default()).unwrap();
    std::thread::spawn(move || sender.flush());
    while !Path::new(&dir).join("go").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = idle_child();
    std::fs::write(Path::new(&dir).join("pid"), pid.to_string()).unwrap();
    std::process::abort();
}

#[expect(unsafe_code, reason = "fork is what is tested")]
fn idle_child() -> i32 {
    // SAFETY: the child only sleeps and leaves without unwinding.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::sleep(120);
            libc::_exit(0);
        }
        pid
    }
}

#[expect(unsafe_code, reason = "ends the child that the test's process left")]
fn kill(pid: i32) {
    // SAFETY: the process is the sleeping grandchild, which nobody waits for.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// A sender whose clock is so far ahead.
fn sender_in(install: &Installation, ahead_ms: i64) -> Sender {
    let clock = move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(now.as_millis()).unwrap() + ahead_ms
    };
    install.sender(Duration::from_secs(5)).with_clock(clock)
}

#[test]
fn a_child_that_outlives_a_killed_sender_holds_nobody_up_for_long() {
    let hang = Fault::Stall(Duration::from_secs(20), Answer::status(200));
    let collector = Collector::start(vec![hang]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let recorded = install.state.record(&[event("held")], &Caps::default());
    assert_eq!(recorded.unwrap(), [Recorded::Held]);
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fork::sender", "--test-threads=1"])
        .env(ORPHAN, install.state.dir())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert!(collector.server.wait_for(1, Duration::from_secs(20)));
    std::fs::write(install.state.dir().join("go"), "").unwrap();
    assert!(!parent.wait().unwrap().success());
    let pid = std::fs::read_to_string(install.state.dir().join("pid")).unwrap();

    let early = sender_in(&install, 0).flush().unwrap();
    let late = sender_in(&install, 61_000).flush().unwrap();
    kill(pid.parse().unwrap());
    assert_eq!(early.requests, 0, "the child's copy of the lock counts");
    assert!(early.troubles[0].contains("another process"), "{early:?}");
    assert_eq!((late.requests, late.delivered), (1, 1), "{late:?}");
    assert_eq!(collector.runs(), BTreeMap::from([("held".to_owned(), 1)]));
}
