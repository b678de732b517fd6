//! Memory that a million events add to their host, as the kernel counts it.

use std::time::{Duration, Instant};

use anyhow::Context;
use headcount_client::{Client, Recorded, State, Task};

use super::{accepting, install};

const EVENTS: usize = 1_000_000;
/// A full ring gives its worker this long; events that find no room are counted, not held back, elsewhere.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) struct Memory {
    before_kib: u64,
    peak_kib: u64,
    waiting: u64,
    took: Duration,
}

impl Memory {
    pub(super) fn told(&self) -> String {
        format!(
            "{EVENTS} events in {:.1} s: {:.1} MB more memory at the most ({:.1} MB before), {} events left in the spool",
            self.took.as_secs_f64(),
            megabytes(self.peak_kib.saturating_sub(self.before_kib)),
            megabytes(self.before_kib),
            self.waiting
        )
    }
}

pub(super) fn measure() -> anyhow::Result<Memory> {
    let dir = tempfile::tempdir()?;
    let config = accepting(install(dir.path(), "http://127.0.0.1:9")?);
    let before_kib = status("VmRSS:")?;
    let started = Instant::now();
    let client = Client::open(config);
    for number in 0..EVENTS {
        let label = number.to_string();
        let task = Task {
            namespace: "memberaudit",
            task: "update_character",
            result: "Success",
            label: &label,
            value: Some(34.0),
        };
        while client.record_task(&task) != Recorded::Held {
            std::thread::sleep(PAUSE);
        }
    }
    drop(client);
    let took = started.elapsed();
    Ok(Memory {
        before_kib,
        peak_kib: status("VmHWM:")?,
        waiting: State::at(dir.path()).spool()?.status(&[])?.waiting,
        took,
    })
}

/// A line of this process's status, in KiB.
fn status(name: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status").context("reading /proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("no {name} in /proc/self/status"))
}

fn megabytes(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1_000_000.0
}
