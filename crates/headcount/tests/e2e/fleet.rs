//! A simulated fleet, sent as its modules would send it: reports must equal its exact truth, also
//! after a restart and after the index was derived anew.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use headcount_protocol::native;
use headcount_testkit::fleet::{Fleet, Shape, Truth, merge};

use crate::support::http::Connection;
use crate::support::process::{self, Server};
use crate::support::reports::{Reports, Row};
use crate::support::{day_before, now_ms};

const DAYS: u32 = 75;
const INSTALLS: u32 = 60;
const SEED: u64 = 3;
const BATCH_EVENTS: usize = 60;

#[test]
fn reports_equal_the_truth_of_a_fleet() {
    let data = tempfile::tempdir().unwrap();
    let project = process::json(data.path(), &["project", "create", "Fleet"]);
    let server = Server::start(data.path());
    let bearer = format!("Bearer {}", project["ingest_key"].as_str().unwrap());
    let shape = Shape {
        installs: INSTALLS,
        days: DAYS,
        seed: SEED,
        now_ms: now_ms(),
    };
    let fleet = Fleet::new(shape);
    let mut truth = Truth::default();
    fleet
        .days()
        .flat_map(|day| day.batches)
        .for_each(|batch| truth.add(&batch));
    // Out of order, so that days are opened, closed and opened again; every batch comes twice.
    let mut batches = merge(fleet.days(), BATCH_EVENTS);
    batches.sort_by_key(|batch| batch.batch_id);
    batches.reverse();
    let mut connection = Connection::open(server.address).unwrap();
    for turn in 0..2 {
        for batch in &batches {
            let headers = [("Authorization", bearer.as_str())];
            let body = native::encode(batch);
            let answer = connection
                .send("POST", "/api/v1/batch", &headers, &body)
                .unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            let receipt = answer.json();
            let field = if turn == 0 { "accepted" } else { "duplicates" };
            assert_eq!(receipt[field], batch.events.len(), "{receipt}");
        }
    }
    let reports = Reports::of(data.path(), "fleet");
    let today = i32::try_from(shape.now_ms.div_euclid(86_400_000)).unwrap();
    check(&reports, server.address, &truth, today);
    let answers = all_answers(&reports, server.address);
    server.stop();
    let server = Server::start(data.path());
    assert_eq!(
        all_answers(&reports, server.address),
        answers,
        "after a restart"
    );
    server.stop();
    let rebuilt = process::run(data.path(), &["rebuild"]);
    assert!(
        rebuilt.status.success(),
        "{}",
        String::from_utf8_lossy(&rebuilt.stderr)
    );
    let server = Server::start(data.path());
    assert_eq!(
        all_answers(&reports, server.address),
        answers,
        "after rebuild"
    );
    check(&reports, server.address, &truth, today);
}

fn range(from: i64, to: i64) -> String {
    format!(
        "from={}&to={}&limit=10000",
        day_before(from),
        day_before(to)
    )
}

fn check(reports: &Reports, address: SocketAddr, truth: &Truth, today: i32) {
    let last = i64::from(DAYS) - 1;
    let rows = reports.rows(
        address,
        "installs",
        &format!("{}&bucket=day", range(last, 0)),
    );
    assert_eq!(rows.len(), DAYS as usize);
    for (row, day) in rows.iter().zip(today - last as i32..) {
        let found = [row.count("active"), row.count("new"), row.count("gone")];
        let wanted = [truth.active(day), truth.arrived(day), truth.gone(day)];
        assert_eq!(found, wanted.map(|count| count as u64), "{row:?}");
    }
    for (from, to) in [(last, 0), (9, 9), (40, 12)] {
        let days = (today - from as i32, today - to as i32);
        let rows = |report: &str| reports.rows(address, report, &range(from, to));
        let versions = reports.rows(
            address,
            "versions",
            &format!("{}&bucket=day", range(to, to)),
        );
        let versions = keyed(&versions, |row| {
            (row.text("version"), row.count("installs"))
        });
        assert_eq!(versions, truth.versions(days.1, days.1));
        let apps = keyed(&rows("apps"), |row| {
            (row.text("app"), row.count("installs"))
        });
        assert_eq!(apps, truth.apps(days.0, days.1));
        let tasks = keyed(&rows("tasks"), |row| {
            let name = (row.text("namespace"), row.text("task"));
            (name, (row.count("runs"), row.count("failures")))
        });
        assert_eq!(tasks, truth.tasks(days.0, days.1));
        let pages = keyed(&rows("pages"), |row| {
            ((row.text("path"), row.text("title")), row.count("views"))
        });
        assert_eq!(pages, truth.pages(days.0, days.1));
        let locales = keyed(&rows("locales"), |row| {
            (row.text("locale"), row.count("views"))
        });
        assert_eq!(locales, truth.locales(days.0, days.1));
    }
}

fn keyed<K: Ord, V>(rows: &[Row], pair: impl Fn(&Row) -> (K, V)) -> BTreeMap<K, V> {
    rows.iter().map(pair).collect()
}

/// The rows of every report over several ranges, some with filters.
fn all_answers(reports: &Reports, address: SocketAddr) -> BTreeMap<String, Vec<Row>> {
    let mut answers = BTreeMap::new();
    let names = [
        "totals",
        "installs",
        "versions",
        "apps",
        "app-versions",
        "sizes",
        "tasks",
        "app-stats",
        "pages",
        "locales",
        "browsers",
    ];
    let filters = [
        "",
        "&filter=deployment:docker",
        "&filter=app:corptools&filter=!version:5.5.0",
        "&filter=users:10-99",
    ];
    for name in names {
        for (from, to) in [(74, 0), (30, 1), (12, 12)] {
            for filter in filters {
                let query = format!("{}&bucket=week{filter}", range(from, to));
                answers.insert(
                    format!("{name}?{query}"),
                    reports.rows(address, name, &query),
                );
            }
        }
    }
    answers
}
