//! What is sent: hits as an Alliance Auth sends them, and native batches of a busy hour.

use std::sync::Arc;

use headcount_collector::meta::projects::Project;
use headcount_protocol::{
    AppStat, Batch, Deployment, Event, EventBody, InstallId, InstalledApp, Page, Runtime, Stats,
    Task, native,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use uuid::{NoContext, Timestamp, Uuid};

use super::load::Requests;

pub(super) const BATCH_EVENTS: usize = 500;
/// Different installs among the hits.
const INSTALLS: usize = 2_000;
const SEED: u64 = 1;
const RESULTS: [&str; 6] = [
    "Success",
    "Success",
    "Success",
    "Success",
    "KeyError",
    "HTTPError",
];
const LOCALES: [&str; 5] = ["en", "de", "fr", "zh-hans", "ru"];
const AGENTS: [&str; 4] = [
    "Firefox 132 / Linux",
    "Chrome 131 / Windows",
    "Safari 18 / macOS",
    "Chrome 130 / Android",
];

fn request(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: python-requests/2.34.2\r\n\
        Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n{headers}\
        Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Single GA4 hits of many installs: task events, page views and daily stats.
pub(super) fn requests(project: &Project) -> Requests {
    let mut random = StdRng::seed_from_u64(SEED);
    let path = format!(
        "/mp/collect?measurement_id={}&api_secret={}",
        project.measurement_id, project.api_secret
    );
    let hit = |_| request(&path, "", hit(&mut random).to_string().as_bytes());
    Arc::new((0..INSTALLS).map(hit).collect())
}

fn hit(random: &mut StdRng) -> Value {
    let number = random.random_range(0..40);
    let event = match random.random_range(0..10) {
        0 => json!({"name": "celery_event", "params": {
            "namespace": "allianceauth.analytics", "task": "send_install_stats",
            "result": "", "label": "users", "value": random.random_range(1..2_000)}}),
        1..=3 => json!({"name": "page_view", "params": {
            "page_path": format!("/app{number}/view/"), "page_title": format!("View {number}"),
            "locale": LOCALES[random.random_range(0..LOCALES.len())]}}),
        _ => json!({"name": "celery_event", "params": {
            "namespace": format!("app{}.tasks", number % 20), "task": format!("update_{number}"),
            "result": RESULTS[random.random_range(0..RESULTS.len())], "label": "",
            "value": random.random_range(0..5_000)}}),
    };
    json!({
        "client_id": Uuid::from_u128(random.random()).simple().to_string(),
        "user_properties": {"allianceauth_version": {"value": format!("5.{}.0", random.random_range(0..6))}},
        "non_personalized_ads": true,
        "events": [event],
    })
}

/// Native batches, each of another install, each event with an id of its own.
pub(super) fn batches(project: &Project, count: usize) -> Requests {
    let mut random = StdRng::seed_from_u64(SEED);
    let headers = format!("Authorization: Bearer {}\r\n", project.ingest_key);
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let batch = |_| {
        let batch = batch(&mut random, now_ms);
        request("/api/v1/batch", &headers, &native::encode(&batch))
    };
    Arc::new((0..count).map(batch).collect())
}

fn batch(random: &mut StdRng, now_ms: i64) -> Batch {
    let mut moments: Vec<i64> = (0..BATCH_EVENTS)
        .map(|_| now_ms - random.random_range(0..3_600_000))
        .collect();
    moments.sort_unstable();
    let events = moments.into_iter().enumerate().map(|(index, at_ms)| Event {
        id: Some(event_id(random, at_ms)),
        at_ms: Some(at_ms),
        body: if index == 0 {
            stats(random)
        } else {
            body(random)
        },
    });
    let events = events.collect();
    Batch {
        install: InstallId::parse(&Uuid::from_u128(random.random()).to_string())
            .unwrap_or_else(|| unreachable!("a UUID is a valid install id")),
        app: Some("allianceauth".to_owned()),
        app_version: Some(format!("5.{}.0", random.random_range(0..6))),
        batch_id: Some(random.random()),
        sent_at_ms: Some(now_ms),
        runtime: Runtime {
            deployment: Some(Deployment("docker".to_owned())),
            facts: [("python".to_owned(), "3.11".to_owned())].into(),
        },
        events,
        lost: std::collections::BTreeMap::new(),
    }
}

/// As our client makes them: by time.
fn event_id(random: &mut StdRng, at_ms: i64) -> [u8; 16] {
    let ms = at_ms.unsigned_abs();
    let moment = Timestamp::from_unix(NoContext, ms / 1_000, (ms % 1_000) as u32 * 1_000_000);
    let mut bytes = Uuid::new_v7(moment).into_bytes();
    for byte in &mut bytes[9..] {
        *byte = random.random();
    }
    bytes
}

fn stats(random: &mut StdRng) -> EventBody {
    EventBody::Stats(Stats {
        users: Some(random.random_range(1..3_000)),
        tokens: Some(random.random_range(1..9_000)),
        apps: (0..15)
            .map(|_| InstalledApp {
                name: format!("app{}", random.random_range(0..200)),
                version: Some(format!("1.{}.0", random.random_range(0..10))),
            })
            .collect(),
        ..Stats::default()
    })
}

fn body(random: &mut StdRng) -> EventBody {
    let number = random.random_range(0..40);
    match random.random_range(0..20) {
        0 => EventBody::Stat(AppStat {
            namespace: format!("app{}", number % 20),
            task: "send_daily_stats".to_owned(),
            label: format!("things{}", number % 4),
            value: f64::from(random.random_range(0..10_000)),
        }),
        1..=6 => EventBody::Page(Page {
            path: format!("/app{number}/view/{}/", random.random_range(0..10)),
            title: format!("View {number}"),
            locale: LOCALES[random.random_range(0..LOCALES.len())].to_owned(),
            user_agent: AGENTS[random.random_range(0..AGENTS.len())].to_owned(),
        }),
        _ => EventBody::Task(Task {
            namespace: format!("app{}.tasks", number % 20),
            task: format!("update_{number}"),
            result: RESULTS[random.random_range(0..RESULTS.len())].to_owned(),
            label: String::new(),
            value: Some(f64::from(random.random_range(0..5_000))),
            count: 1,
        }),
    }
}
