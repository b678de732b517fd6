//! What the module costs its host: median and p99 of each `record_*` on the calling thread with delivery
//! running, off, and with the collector down or hanging; how long it takes to leave; memory for a million events.

mod memory;
mod outage;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use headcount_client::{
    Answer, Client, Config, Feeds, InstalledApp, Meanwhile, NewToken, NoAnswer, Page, Request,
    State, Stats, Task, TokenKind, Transport,
};
use serde_json::json;

/// Calls timed together for the median: reading the clock costs about as much as one call. The p99 is of single
/// calls, the clock included.
const CALLS_A_SAMPLE: usize = 10;
const SAMPLES: usize = 4_000;
/// Events of one burst, then the worker gets time: what is measured is a call, not a full ring.
const SAMPLES_A_BURST: usize = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// A collector that takes everything at once: the network is not what is measured.
struct Accepting;

impl Transport for Accepting {
    fn send(&self, _: &Request) -> Result<Answer, NoAnswer> {
        let body = br#"{"accepted":1,"duplicates":0,"rejected":[]}"#.to_vec();
        Ok(Answer {
            status: 200,
            retry_after: None,
            body: Some(body),
        })
    }
}

struct Measured {
    name: String,
    median_ns: f64,
    p99_ns: f64,
}

pub(crate) fn run(options: &[&str]) -> anyhow::Result<()> {
    let as_json = options.contains(&"--json");
    // First, while this process has never been larger.
    let memory = memory::measure()?;
    let mut rows = references();
    rows.extend(fair_weather()?);
    let outages = [outage::down()?, outage::hanging()?];
    let mut leaving = Vec::new();
    for outage in outages {
        rows.extend(outage.calls);
        leaving.push((outage.name, outage.exit));
    }
    if as_json {
        for row in &rows {
            println!(
                "{}",
                json!({ "call": row.name, "median_ns": row.median_ns, "p99_ns": row.p99_ns })
            );
        }
        for (name, exit) in &leaving {
            println!("{}", json!({ "exit": name, "ms": exit.as_millis() }));
        }
        println!("{}", json!({ "memory": memory.told() }));
        return Ok(());
    }
    print(&rows);
    for (name, exit) in &leaving {
        println!("leaving, collector {name}: {} ms", exit.as_millis());
    }
    println!("{}", memory.told());
    Ok(())
}

/// Each row beside the references of the same run: times an atomic increment, times an unheard tracing event.
fn print(rows: &[Measured]) {
    let [increment, tracing] = [&rows[0], &rows[1]].map(|reference| reference.median_ns);
    for row in rows {
        println!(
            "{:28} median {:7.1} ns   p99 {:7.1} ns   {:6.1} increments  {:6.1} tracing events",
            row.name,
            row.median_ns,
            row.p99_ns,
            row.median_ns / increment,
            row.median_ns / tracing
        );
    }
}

/// A state folder with one token that wants every feed.
fn install(dir: &Path, endpoint: &str) -> anyhow::Result<Config> {
    let new = NewToken {
        name: "bench".into(),
        kind: TokenKind::Headcount,
        endpoint: endpoint.into(),
        token: "hc_bench".into(),
        secret: None,
        feeds: Feeds::ALL,
    };
    State::at(dir).change(|settings| settings.add(new))?;
    let mut config = Config::new(dir).app("bench", "1.0");
    config.delivery_interval = Duration::ZERO;
    Ok(config)
}

fn accepting(mut config: Config) -> Config {
    config.transport = Some(Arc::new(|_: Meanwhile| {
        Arc::new(Accepting) as Arc<dyn Transport>
    }));
    config
}

fn fair_weather() -> anyhow::Result<Vec<Measured>> {
    let dir = tempfile::tempdir()?;
    let client = Client::open(accepting(install(dir.path(), "http://127.0.0.1:9")?));
    let mut rows = calls(&client, "");
    State::at(dir.path()).change(|settings| {
        settings.off = true;
        Ok(())
    })?;
    rows.extend(calls(&client, ", off"));
    Ok(rows)
}

fn references() -> Vec<Measured> {
    let counter = AtomicU64::new(0);
    vec![
        measure("atomic increment", || {
            counter.fetch_add(1, Ordering::Relaxed);
        }),
        measure("tracing, no subscriber", || {
            tracing::info!(label = "Success", value = 34, "task")
        }),
        measure("SystemTime::now", || {
            std::hint::black_box(std::time::SystemTime::now());
        }),
    ]
}

fn calls(client: &Client, when: &str) -> Vec<Measured> {
    let task = Task {
        namespace: "memberaudit",
        task: "update_character",
        result: "Success",
        label: "",
        value: Some(34.0),
    };
    let page = Page {
        opened: "",
        path: "/audit/r/98000001/",
        title: "Corp Tools: corporation",
        locale: "en",
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    };
    let app = |name: &str| InstalledApp {
        name: name.into(),
        version: Some("3.1.0".into()),
    };
    let stats = Stats {
        users: Some(128),
        tokens: Some(1904),
        apps: vec![app("memberaudit"), app("structures")],
        ..Stats::default()
    };
    vec![
        measure(&format!("record_task{when}"), || {
            std::hint::black_box(client.record_task(&task));
        }),
        measure(&format!("record_page{when}"), || {
            std::hint::black_box(client.record_page(&page));
        }),
        measure(&format!("record_stats{when}"), || {
            std::hint::black_box(client.record_stats(&stats));
        }),
        measure(&format!("record_stat{when}"), || {
            std::hint::black_box(client.record_stat("metenox", "send_daily_stats", "moons", 12.0));
        }),
    ]
}

fn measure(name: &str, mut call: impl FnMut()) -> Measured {
    for _ in 0..CALLS_A_SAMPLE {
        call();
    }
    let mut groups = Vec::with_capacity(SAMPLES);
    let mut singles = Vec::with_capacity(SAMPLES);
    for index in 0..SAMPLES {
        let started = Instant::now();
        for _ in 0..CALLS_A_SAMPLE {
            call();
        }
        groups.push(started.elapsed().as_nanos() as f64 / CALLS_A_SAMPLE as f64);
        let started = Instant::now();
        call();
        singles.push(started.elapsed().as_nanos() as f64);
        if index % SAMPLES_A_BURST == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    groups.sort_by(f64::total_cmp);
    singles.sort_by(f64::total_cmp);
    Measured {
        name: name.to_owned(),
        median_ns: groups[SAMPLES / 2],
        p99_ns: singles[SAMPLES * 99 / 100],
    }
}
