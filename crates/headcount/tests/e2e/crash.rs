//! kill -9 in the middle of ingest, again and again: what was acknowledged is counted exactly once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::http::{Connection, Response};
use crate::support::process::{self, Server};
use crate::support::reports::Reports;
use crate::support::{day_before, now_ms, timestamp};

const ROUNDS: u32 = 50;
/// The server lives this long in a round, in milliseconds.
const LIFE_MS: (u64, u64) = (30, 350);
const NATIVE_SENDERS: u32 = 3;
const SEED_VARIABLE: &str = "HEADCOUNT_TEST_SEED";

/// What senders share with the test.
#[derive(Default)]
struct Scene {
    address: Mutex<Option<SocketAddr>>,
    round: AtomicU32,
    over: AtomicBool,
}

impl Scene {
    /// A connection to the server of the moment; `None` when the test is over.
    fn connect(&self) -> Option<Connection> {
        loop {
            if self.over.load(Ordering::SeqCst) {
                return None;
            }
            let address = *self.address.lock().unwrap();
            match address.map(Connection::open) {
                Some(Ok(connection)) => return Some(connection),
                Some(Err(_)) | None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

/// Events by task, one task a round: so losses and doubles cannot make up for each other.
type Runs = BTreeMap<String, u64>;

/// What one sender knows at its end.
#[derive(Debug, Default)]
struct Sent {
    namespace: String,
    acknowledged: Runs,
    /// Sent without an answer; the Google wires have no id, so they may count or not.
    unanswered: Runs,
}

#[test]
fn acknowledged_events_survive_kill_9_exactly_once() {
    let seed = seed();
    eprintln!("{SEED_VARIABLE}={seed}");
    let data = tempfile::tempdir().unwrap();
    let project = process::json(data.path(), &["project", "create", "P"]);
    let text = |key: &str| project[key].as_str().unwrap().to_owned();
    let scene = Arc::new(Scene::default());
    let mut senders: Vec<JoinHandle<Sent>> = Vec::new();
    for number in 0..NATIVE_SENDERS {
        let (scene, key) = (Arc::clone(&scene), text("ingest_key"));
        senders.push(std::thread::spawn(move || {
            send_native(&scene, number, &key)
        }));
    }
    let (for_v1, tracking_id) = (Arc::clone(&scene), text("tracking_id"));
    senders.push(std::thread::spawn(move || {
        send_plain(&for_v1, "v1", 200, |connection, task| {
            let hit = format!("v=1&tid={tracking_id}&cid=v1&t=event&ec=v1&ea={task}&el=Success");
            connection.send("POST", "/collect", &[], hit.as_bytes())
        })
    }));
    let (for_ga4, id, secret) = (
        Arc::clone(&scene),
        text("measurement_id"),
        text("api_secret"),
    );
    senders.push(std::thread::spawn(move || {
        let target = format!("/mp/collect?measurement_id={id}&api_secret={secret}");
        send_plain(&for_ga4, "ga4", 204, |connection, task| {
            let params = json!({"namespace": "ga4", "task": task, "result": "Success"});
            let events = json!([{"name": "celery_event", "params": params}]);
            let hit = json!({"client_id": "ga4", "events": events}).to_string();
            connection.send("POST", &target, &[], hit.as_bytes())
        })
    }));

    let started = Instant::now();
    let mut chance = seed;
    for round in 0..ROUNDS {
        let server = Server::start(data.path());
        scene.round.store(round, Ordering::SeqCst);
        *scene.address.lock().unwrap() = Some(server.address);
        let life = LIFE_MS.0 + next(&mut chance) % (LIFE_MS.1 - LIFE_MS.0);
        std::thread::sleep(Duration::from_millis(life));
        server.kill();
        *scene.address.lock().unwrap() = None;
    }
    // One more life, for batches that still wait for their acknowledgement.
    let server = Server::start(data.path());
    *scene.address.lock().unwrap() = Some(server.address);
    scene.over.store(true, Ordering::SeqCst);
    let sent: Vec<Sent> = senders
        .into_iter()
        .map(|sender| sender.join().unwrap())
        .collect();
    eprintln!("{ROUNDS} rounds in {:?}", started.elapsed());

    let reports = Reports::of(data.path(), "p");
    sent.iter()
        .for_each(|sent| check(sent, &reports, server.address));
    server.stop();
    assert_rebuilt_equals(data.path(), &reports, &sent);
}

/// What was acknowledged is derived from raw events, so deriving it anew changes nothing.
fn assert_rebuilt_equals(data: &Path, reports: &Reports, sent: &[Sent]) {
    let rebuilt = process::run(data, &["rebuild"]);
    assert!(
        rebuilt.status.success(),
        "{}",
        String::from_utf8_lossy(&rebuilt.stderr)
    );
    let server = Server::start(data);
    sent.iter()
        .for_each(|sent| check(sent, reports, server.address));
}

fn check(sent: &Sent, reports: &Reports, address: SocketAddr) {
    let range = format!("from={}&to={}", day_before(1), day_before(0));
    let query = format!("{range}&limit=10000&filter=namespace:{}", sent.namespace);
    let rows = reports.rows(address, "tasks", &query);
    let counted: Runs = rows
        .iter()
        .map(|row| (row.text("task"), row.count("runs")))
        .collect();
    let total: u64 = sent.acknowledged.values().sum();
    eprintln!(
        "{}: {total} acknowledged, {} counted",
        sent.namespace,
        counted.values().sum::<u64>()
    );
    assert!(
        total > u64::from(ROUNDS),
        "{} hardly sent anything: {total}",
        sent.namespace
    );
    if sent.unanswered.is_empty() {
        assert_eq!(counted, sent.acknowledged, "{}", sent.namespace);
    }
    for task in counted.keys().chain(sent.acknowledged.keys()) {
        let of = |runs: &Runs| runs.get(task).copied().unwrap_or(0);
        let (least, found) = (of(&sent.acknowledged), of(&counted));
        let most = least + of(&sent.unanswered);
        assert!(
            (least..=most).contains(&found),
            "{task}: {found} not in {least}..={most}"
        );
    }
}

/// Sends batches with event ids, each again and again until it is acknowledged.
fn send_native(scene: &Scene, number: u32, key: &str) -> Sent {
    let namespace = format!("native{number}");
    let mut sent = Sent {
        namespace: namespace.clone(),
        ..Sent::default()
    };
    let bearer = format!("Bearer {key}");
    let mut connection = scene.connect();
    for turn in 0.. {
        let task = format!("r{}", scene.round.load(Ordering::SeqCst));
        let size = 1 + turn % 20;
        let body = batch(&namespace, &task, turn, size);
        let Some((answer, tries)) = deliver(scene, &mut connection, &bearer, &body) else {
            break;
        };
        let receipt = answer.json();
        let count = |field: &str| receipt[field].as_u64().unwrap();
        let (accepted, duplicates) = (count("accepted"), count("duplicates"));
        assert_eq!(accepted + duplicates, size, "{receipt}");
        assert!(
            tries > 1 || duplicates == 0,
            "duplicates at a first try: {receipt}"
        );
        *sent.acknowledged.entry(task).or_default() += size;
        if scene.over.load(Ordering::SeqCst) {
            break;
        }
    }
    sent
}

/// The answer 200 and how many tries it took; `None` when nobody listens any more.
fn deliver(
    scene: &Scene,
    connection: &mut Option<Connection>,
    bearer: &str,
    body: &str,
) -> Option<(Response, u32)> {
    let headers = [("Authorization", bearer)];
    for tries in 1.. {
        let open = connection.as_mut()?;
        match open.send("POST", "/api/v1/batch", &headers, body.as_bytes()) {
            Ok(answer) if answer.status == 200 => return Some((answer, tries)),
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => *connection = reconnect(scene),
        }
    }
    None
}

/// As `Scene::connect`, but also after the end: a batch on its way must come through. Gives up when
/// nobody listens any more.
fn reconnect(scene: &Scene) -> Option<Connection> {
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        let address = *scene.address.lock().unwrap();
        if let Some(Ok(connection)) = address.map(Connection::open) {
            return Some(connection);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}

fn batch(namespace: &str, task: &str, turn: u64, size: u64) -> String {
    let at = timestamp(now_ms());
    let event = |index: u64| {
        let place: u128 = namespace
            .bytes()
            .fold(0, |sum, byte| sum << 8 | u128::from(byte));
        let id = uuid::Uuid::from_u128(place << 64 | u128::from(turn << 8 | index));
        json!({
            "id": id.to_string(), "at": at, "type": "task",
            "namespace": namespace, "task": task, "result": "Success", "value": 1, "count": 1,
        })
    };
    let events: Vec<_> = (0..size).map(event).collect();
    json!({"install": namespace, "app": "a", "app_version": "1.0", "sent_at": at, "events": events})
        .to_string()
}

/// Sends hits without ids, each once.
fn send_plain(
    scene: &Scene,
    namespace: &str,
    status: u16,
    send: impl Fn(&mut Connection, &str) -> std::io::Result<Response>,
) -> Sent {
    let mut sent = Sent {
        namespace: namespace.to_owned(),
        ..Sent::default()
    };
    while let Some(mut connection) = scene.connect() {
        while !scene.over.load(Ordering::SeqCst) {
            let task = format!("r{}", scene.round.load(Ordering::SeqCst));
            match send(&mut connection, &task) {
                Ok(answer) => {
                    assert_eq!(answer.status, status, "{}", answer.text());
                    *sent.acknowledged.entry(task).or_default() += 1;
                }
                Err(_) => {
                    *sent.unanswered.entry(task).or_default() += 1;
                    break;
                }
            }
        }
    }
    sent
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var(SEED_VARIABLE) {
        return seed.parse().unwrap();
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.subsec_nanos().into()
}

/// One step of a small generator.
fn next(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}
