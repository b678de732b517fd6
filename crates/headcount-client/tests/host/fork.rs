//! A server that records before it forks: parent and children each keep their own events, once.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use headcount_client::{Client, Recorded, TokenKind};

use crate::collector::Collector;
use crate::install::{Installation, config, task};

const STATE: &str = "HEADCOUNT_FORK_STATE";
const EVENTS: usize = 200;

/// Not a test of its own: the pre-fork server, silent unless it is told a state folder.
#[test]
fn server() {
    let Ok(state) = std::env::var(STATE) else {
        return;
    };
    let client = Client::open(config(std::path::Path::new(&state)));
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
