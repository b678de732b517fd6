//! Off means off: for each switch 0 files written, 0 threads started, 0 connections opened, by the kernel's word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use headcount_client::{Feeds, Settings, TokenKind};

use crate::collector::Collector;
use crate::install::{Installation, task};

/// Calls that would show a file written, a thread started or a connection opened.
const TRACED: &str = "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,linkat,\
ftruncate,fallocate,clone,clone3,fork,vfork,socket,connect";

fn example() -> PathBuf {
    // Test binaries stand in `deps`, examples beside it.
    let deps = std::env::current_exe().unwrap();
    deps.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/record_events")
}

struct Off {
    name: &'static str,
    env: &'static [(&'static str, &'static str)],
    settings: fn(&mut Settings),
    fresh: bool,
}

fn every_feed_off(settings: &mut Settings) {
    for token in &mut settings.tokens {
        token.feeds = Feeds::default();
    }
}

fn switches() -> Vec<Off> {
    let none: fn(&mut Settings) = |_| {};
    vec![
        Off {
            name: "ANALYTICS_DISABLED",
            env: &[("ANALYTICS_DISABLED", "1")],
            settings: none,
            fresh: false,
        },
        Off {
            name: "DO_NOT_TRACK",
            env: &[("DO_NOT_TRACK", "1")],
            settings: none,
            fresh: false,
        },
        Off {
            name: "off",
            env: &[],
            settings: |settings| settings.off = true,
            fresh: false,
        },
        Off {
            name: "no token",
            env: &[],
            settings: |settings| settings.tokens.clear(),
            fresh: false,
        },
        Off {
            name: "feeds off",
            env: &[],
            settings: every_feed_off,
            fresh: false,
        },
        Off {
            name: "no state folder",
            env: &[],
            settings: none,
            fresh: true,
        },
        Off {
            name: "all together",
            env: &[("ANALYTICS_DISABLED", "1"), ("DO_NOT_TRACK", "1")],
            settings: |settings| {
                settings.off = true;
                every_feed_off(settings);
            },
            fresh: false,
        },
    ]
}

/// Every file below a folder, with its size and the moment it was last written.
fn files(dir: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        let data = path.metadata().unwrap();
        found.insert(path.clone(), (data.len(), data.modified().unwrap()));
        if data.is_dir() {
            found.extend(files(&path));
        }
    }
    found
}

fn run(off: &Off, state: &Path, trace: Option<&Path>) -> String {
    let mut command = match trace {
        Some(file) => {
            let mut strace = Command::new("strace");
            strace
                .args(["-f", "-e", TRACED, "-o"])
                .arg(file)
                .arg(example());
            strace
        }
        None => Command::new(example()),
    };
    command.arg(state).arg("300");
    command
        .env_remove("ANALYTICS_DISABLED")
        .env_remove("DO_NOT_TRACK")
        .envs(off.env.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", off.name);
    String::from_utf8(output.stdout).unwrap()
}

fn has_strace() -> bool {
    Command::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn each_switch_alone_and_all_together() {
    let collector = Collector::start(vec![]);
    for off in switches() {
        let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
        fill(&install);
        // The environment's switches meet a spool that is full of what may no longer leave.
        install
            .state
            .change(|settings| {
                (off.settings)(settings);
                Ok(())
            })
            .unwrap();
        let state = if off.fresh {
            install.dir.path().join("nowhere")
        } else {
            install.state.dir().to_owned()
        };
        let before = files(install.dir.path());
        let trace = install.dir.path().with_extension("strace");
        let told = run(&off, &state, has_strace().then_some(&*trace));
        assert_eq!(told.trim(), "held=0 threads=1 sockets=0", "{}", off.name);
        assert_eq!(
            files(install.dir.path()),
            before,
            "{} wrote a file",
            off.name
        );
        assert_eq!(
            collector.server.connections(),
            0,
            "{} opened a connection",
            off.name
        );
        if has_strace() {
            let calls = std::fs::read_to_string(&trace).unwrap();
            std::fs::remove_file(&trace).unwrap();
            let guilty: Vec<&str> = calls.lines().filter(|call| is_guilty(call)).collect();
            assert!(guilty.is_empty(), "{}: {guilty:#?}", off.name);
        }
    }
}

/// Reading is allowed; everything else that is traced is not.
fn is_guilty(call: &str) -> bool {
    let opens = call.contains("open(") || call.contains("openat(");
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT"]
        .iter()
        .any(|flag| call.contains(flag));
    let ends = call.contains("+++ exited") || call.contains("--- SIG");
    !ends && (!opens || writes)
}

fn fill(install: &Installation) {
    let event = headcount_protocol::Event {
        id: None,
        at_ms: None,
        body: headcount_protocol::EventBody::Task(headcount_protocol::Task {
            namespace: task("x").namespace.into(),
            task: task("x").task.into(),
            result: "Success".into(),
            label: String::new(),
            value: None,
            count: 1,
        }),
    };
    let events = vec![event; 200];
    install
        .state
        .record(&events, &headcount_client::Caps::default())
        .unwrap();
    assert_eq!(install.waiting(), 200);
}

#[test]
fn the_same_host_records_when_nothing_is_off() {
    let collector = Collector::start(vec![]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let on = Off {
        name: "on",
        env: &[],
        settings: |_| {},
        fresh: false,
    };
    let told = run(&on, install.state.dir(), None);
    assert!(
        told.starts_with("held=1200 threads=2"),
        "the proof above can fail: {told}"
    );
}
