//! Off means off: for each switch 0 files written, 0 threads started, 0 connections opened, by the kernel's word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use headcount_client::{Feeds, Recorded, Settings, TokenKind};
use headcount_testkit::fault::{Answer, Fault};

use crate::collector::Collector;
use crate::install::{Installation, event, task};

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
    /// The host's own setting, as `ANALYTICS_DISABLED = True` of Django.
    host: bool,
    settings: fn(&mut Settings),
    fresh: bool,
}

const ON: Off = Off {
    name: "on",
    env: &[],
    host: false,
    settings: |_| {},
    fresh: false,
};

fn every_feed_off(settings: &mut Settings) {
    for token in &mut settings.tokens {
        token.feeds = Feeds::default();
    }
}

const BOTH: &[(&str, &str)] = &[("ANALYTICS_DISABLED", "1"), ("DO_NOT_TRACK", "1")];

fn switches() -> Vec<Off> {
    vec![
        Off {
            name: "ANALYTICS_DISABLED",
            env: &BOTH[..1],
            ..ON
        },
        Off {
            name: "DO_NOT_TRACK",
            env: &BOTH[1..],
            ..ON
        },
        Off {
            name: "the host's setting",
            host: true,
            ..ON
        },
        Off {
            name: "off",
            settings: |settings| settings.off = true,
            ..ON
        },
        Off {
            name: "no token",
            settings: |settings| settings.tokens.clear(),
            ..ON
        },
        Off {
            name: "feeds off",
            settings: every_feed_off,
            ..ON
        },
        Off {
            name: "no state folder",
            fresh: true,
            ..ON
        },
        Off {
            name: "all together, every feed off",
            env: BOTH,
            host: true,
            settings: |settings| {
                settings.off = true;
                every_feed_off(settings);
            },
            ..ON
        },
        Off {
            name: "all together, no token",
            env: BOTH,
            host: true,
            settings: |settings| {
                settings.off = true;
                settings.tokens.clear();
            },
            ..ON
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
    if off.host {
        command.arg("disabled");
    }
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
        let full = std::fs::read(install.state.dir().join("spool.sqlite")).unwrap();
        turn(&install, &off);
        // A crash between writing the settings and deleting what waits: the worst that can be met.
        std::fs::write(install.state.dir().join("spool.sqlite"), full).unwrap();
        assert_eq!(install.waiting(), 200, "{}", off.name);
        silent(&install, &off, &collector);
        if off.env.is_empty() && !off.host && !off.fresh {
            assert_eq!(install.flush().requests, 0, "{}", off.name);
            turn(&install, &off);
            assert_eq!(install.waiting(), 0, "{} deletes what waits", off.name);
        }
    }
    assert_eq!(collector.server.connections(), 0);
}

fn turn(install: &Installation, off: &Off) {
    let turned = install.state.change(|settings| {
        (off.settings)(settings);
        Ok(())
    });
    turned.unwrap();
}

/// A host that tries to record neither writes a file nor starts a thread nor opens a connection.
fn silent(install: &Installation, off: &Off, collector: &Collector) {
    let state = if off.fresh {
        install.dir.path().join("nowhere")
    } else {
        install.state.dir().to_owned()
    };
    let before = files(install.dir.path());
    let trace = install.dir.path().with_extension("strace");
    let told = run(off, &state, has_strace().then_some(&*trace));
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

#[test]
fn off_stops_what_is_queued_in_every_state_it_can_be_in() {
    let hang = Fault::Stall(Duration::from_secs(20), Answer::status(200));
    let collector = Collector::start(vec![Answer::status(503).into(), hang]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    fill(&install);
    // One batch waits for its next try, more events are in a ring.
    assert_eq!(install.flush().requests, 1);
    let client = install.client();
    client.record_task(&task("in the ring"));
    install
        .state
        .change(|settings| {
            settings.off = true;
            Ok(())
        })
        .unwrap();
    assert_eq!(client.record_task(&task("late")), Recorded::Off);
    drop(client);
    assert_eq!(install.waiting(), 0);
    let round = install.flush();
    assert_eq!((round.requests, install.waiting()), (0, 0));
    assert_eq!(collector.server.requests().len(), 1);
    let lost = install.state.spool().unwrap().status(&[]).unwrap().lost;
    assert_eq!(lost.get("switched_off"), Some(&201), "{lost:?}");
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
    let events = vec![event(""); 200];
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
    let told = run(&ON, install.state.dir(), None);
    assert!(
        told.starts_with("held=1200 threads=2"),
        "the proof above can fail: {told}"
    );
}
