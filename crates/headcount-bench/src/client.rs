//! What a call of the module costs its host: median and p99 of each `record_*` on the calling thread, with
//! delivery running, beside an atomic increment and a tracing event without a listener.

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
    name: &'static str,
    median_ns: f64,
    p99_ns: f64,
}

pub(crate) fn run(options: &[&str]) -> anyhow::Result<()> {
    let as_json = options.contains(&"--json");
    let dir = tempfile::tempdir()?;
    let state = State::at(dir.path());
    let new = NewToken {
        name: "bench".into(),
        kind: TokenKind::Headcount,
        endpoint: "http://127.0.0.1:9".into(),
        token: "hc_bench".into(),
        secret: None,
        feeds: Feeds::ALL,
    };
    state.change(|settings| settings.add(new))?;
    let mut config = Config::new(dir.path()).app("bench", "1.0");
    config.delivery_interval = Duration::ZERO;
    config.transport = Some(Arc::new(|_: Meanwhile| {
        Arc::new(Accepting) as Arc<dyn Transport>
    }));
    let client = Client::open(config);
    let mut rows = references();
    rows.extend(calls(
        &client,
        ["record_task", "record_page", "record_stats", "record_stat"],
    ));
    state.change(|settings| {
        settings.off = true;
        Ok(())
    })?;
    rows.extend(calls(
        &client,
        [
            "record_task, off",
            "record_page, off",
            "record_stats, off",
            "record_stat, off",
        ],
    ));
    for row in &rows {
        if as_json {
            println!(
                "{}",
                json!({ "call": row.name, "median_ns": row.median_ns, "p99_ns": row.p99_ns })
            );
        } else {
            println!(
                "{:24} median {:8.1} ns   p99 {:8.1} ns",
                row.name, row.median_ns, row.p99_ns
            );
        }
    }
    Ok(())
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

fn calls(client: &Client, names: [&'static str; 4]) -> Vec<Measured> {
    let task = Task {
        namespace: "memberaudit",
        task: "update_character",
        result: "Success",
        label: "",
        value: Some(34.0),
    };
    let page = Page {
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
        measure(names[0], || {
            std::hint::black_box(client.record_task(&task));
        }),
        measure(names[1], || {
            std::hint::black_box(client.record_page(&page));
        }),
        measure(names[2], || {
            std::hint::black_box(client.record_stats(&stats));
        }),
        measure(names[3], || {
            std::hint::black_box(client.record_stat("metenox", "send_daily_stats", "moons", 12.0));
        }),
    ]
}

fn measure(name: &'static str, mut call: impl FnMut()) -> Measured {
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
        name,
        median_ns: groups[SAMPLES / 2],
        p99_ns: singles[SAMPLES * 99 / 100],
    }
}
