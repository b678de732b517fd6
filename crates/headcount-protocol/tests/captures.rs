//! Requests of Alliance Auth 3.8.1 and 5.5.0, captured from real installs, decoded and re-encoded.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use headcount_protocol::{Batch, Event, EventBody, Runtime, ga4, universal};

const NOW_MS: i64 = 1_795_444_000_000;

struct Request {
    path: String,
    body: String,
}

fn requests(version: &str, case: &str) -> Vec<Request> {
    let mut file = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    file.extend(["tests", "captures", version, &format!("{case}.jsonl")]);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    text.lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            Request {
                path: line["path"].as_str().unwrap().to_owned(),
                body: line["body"].as_str().unwrap().to_owned(),
            }
        })
        .collect()
}

fn cases(version: &str) -> Vec<String> {
    let mut folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    folder.extend(["tests", "captures", version]);
    let mut cases: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    cases.sort();
    cases
}

fn batch(install: &str, app: &str, version: &str, events: Vec<Event>) -> Batch {
    Batch {
        install: headcount_protocol::InstallId::parse(install).unwrap(),
        app: Some(app.to_owned()),
        app_version: Some(version.to_owned()),
        batch_id: None,
        sent_at_ms: None,
        runtime: Runtime::default(),
        events,
        lost: BTreeMap::new(),
    }
}

fn hit_v3(body: &str) -> universal::Decoded {
    let lines = universal::lines(None, body.as_bytes());
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].refused, None);
    universal::decode(&lines[0].payload, NOW_MS)
}

#[test]
fn every_v3_hit_counts_and_is_written_back_byte_for_byte() {
    let mut hits = 0;
    for case in cases("v3") {
        for request in requests("v3", &case) {
            assert_eq!(request.path, "/collect");
            let hit = hit_v3(&request.body);
            let event = hit
                .outcome
                .clone()
                .unwrap_or_else(|e| panic!("{case}: {e}"));

            assert_eq!(hit.app.as_deref(), Some("allianceauth"));
            assert_eq!(hit.app_version.as_deref(), Some("3.8.1"));
            let install = hit.install.as_ref().unwrap().as_str();
            let written = batch(install, "allianceauth", "3.8.1", vec![event]);
            let payloads: Vec<String> = universal::encode(&written, &hit.tracking_id)
                .map(|hit| hit.payload)
                .collect();
            // A boolean value and white space around a title are what the decoder repairs.
            let expected = request
                .body
                .replace("ev=True", "ev=1")
                .replace("dt=%0A++%C3%9C", "dt=%C3%9C")
                .replace("%9A%80+%0A", "%9A%80");
            let is_last = payloads.last() == Some(&expected);
            assert!(is_last, "{case}\n{expected}\n{payloads:?}");
            hits += 1;
        }
    }
    assert!(hits > 100, "{hits}");
}

#[test]
fn v3_page_views_have_path_title_locale_and_browser() {
    for (case, path, title, locale) in [
        (
            "01-page-dashboard",
            "/dashboard/",
            "Dashboard - myauth",
            "en",
        ),
        ("02-page-de", "/probe/plain/", "Probe page", "de"),
        ("04-page-query", "/probe/plain/", "Probe page", "en"),
        ("05-page-notitle", "/probe/notitle/", "", "en"),
        (
            "06-page-unicode",
            "/probe/unicode/",
            "Überblick – 日本 & 🚀",
            "en",
        ),
        ("09-redirect", "/", "", "en"),
    ] {
        let hit = hit_v3(&requests("v3", case)[0].body);
        assert_eq!(
            hit.user_agent.as_deref(),
            Some("ProbeBrowser/1.0 (loopback)")
        );
        let EventBody::Page(page) = hit.outcome.unwrap().body else {
            panic!("{case}")
        };
        assert_eq!(
            (&*page.path, &*page.title, &*page.locale),
            (path, title, locale),
            "{case}"
        );
        assert_eq!(page.user_agent, "ProbeBrowser/1.0 (loopback)");
    }
}

#[test]
fn v3_tasks_have_namespace_task_result_and_value() {
    for (case, namespace, task, result, value) in [
        ("20-task-int", "aaprobe", "probe_int", "Success", 42.0),
        ("21-task-fail", "aaprobe", "probe_fail", "ProbeError", 0.0),
        ("23-task-bool", "aaprobe", "probe_bool", "Success", 1.0),
        (
            "26-task-core",
            "allianceauth.eveonline",
            "run_model_update",
            "Success",
            0.0,
        ),
        ("27-task-event-call", "app", "act", "lab", 5.0),
    ] {
        let hit = hit_v3(&requests("v3", case)[0].body);
        let EventBody::Task(run) = hit.outcome.unwrap().body else {
            panic!("{case}")
        };
        let got = (
            &*run.namespace,
            &*run.task,
            &*run.result,
            run.value,
            run.count,
        );
        assert_eq!(got, (namespace, task, result, Some(value), 1), "{case}");
        assert_eq!(run.label, "");
    }
}

#[derive(Debug, Default, PartialEq)]
struct Day {
    users: Option<u64>,
    tokens: Option<u64>,
    addons: Option<u64>,
    deployment: Option<String>,
    apps: BTreeSet<String>,
}

impl Day {
    fn take(&mut self, body: EventBody) {
        let EventBody::Stats(stats) = body else {
            return;
        };
        self.users = stats.users.or(self.users);
        self.tokens = stats.tokens.or(self.tokens);
        self.addons = stats.addons.or(self.addons);
        self.deployment = stats.deployment.map(|d| d.0).or(self.deployment.take());
        self.apps.extend(stats.apps.into_iter().map(|app| app.name));
    }
}

#[test]
fn v3_daily_stats_have_users_tokens_and_apps() {
    let mut day = Day::default();
    for request in requests("v3", "30-daily") {
        day.take(hit_v3(&request.body).outcome.unwrap().body);
    }
    assert_eq!(
        (day.users, day.tokens, day.addons),
        (Some(2), Some(0), Some(20))
    );
    assert_eq!(day.apps.len(), 20, "{:?}", day.apps);
    for app in ["allianceauth", "esi", "aaprobe", "django_celery_beat"] {
        assert!(day.apps.contains(app), "{app}");
    }
}

fn hit_v5(request: &Request) -> ga4::Decoded {
    let query = request.path.split_once('?').map(|(_, query)| query);
    ga4::decode(query, request.body.as_bytes(), NOW_MS)
}

#[test]
fn every_v5_hit_counts_and_is_written_back_byte_for_byte() {
    let mut hits = 0;
    for case in cases("v5") {
        for request in requests("v5", &case) {
            let decoded = hit_v5(&request);
            let query = request.path.split_once('?').map(|(_, query)| query);
            assert_eq!(
                ga4::validate(query, request.body.as_bytes(), NOW_MS),
                [],
                "{case}"
            );
            assert!(decoded.key.stream().is_some_and(|id| id.starts_with("G-")));
            assert_eq!(decoded.app_version.as_deref(), Some("5.5.0"));
            assert_eq!(decoded.app.as_deref(), Some("allianceauth"));
            assert_eq!((decoded.hits.len(), decoded.notes.len()), (1, 0), "{case}");
            let event = decoded.hits[0].outcome.clone().unwrap();
            let install = decoded.install.as_ref().unwrap().as_str();
            let requests = ga4::encode(&batch(install, "allianceauth", "5.5.0", vec![event]));
            assert_eq!(requests.len(), 1);
            let body = String::from_utf8(requests[0].body.clone()).unwrap();
            let (head, own) = request.body.split_once("\"events\": [").unwrap();
            assert!(body.starts_with(head), "{case}\n{body}\n{}", request.body);
            assert!(body.ends_with(own), "{case}\n{body}\n{}", request.body);
            let key = &decoded.key;
            let stream = key.measurement_id.as_deref().unwrap();
            assert_eq!(
                ga4::path(stream, key.api_secret.as_deref().unwrap()),
                request.path
            );
            hits += 1;
        }
    }
    assert!(hits > 100, "{hits}");
}

#[test]
fn v5_daily_stats_have_users_tokens_apps_and_deployment() {
    for (case, deployment) in [("01-daily-by-beat", "baremetal"), ("15-docker", "docker")] {
        let mut day = Day::default();
        for request in requests("v5", case) {
            for hit in hit_v5(&request).hits {
                day.take(hit.outcome.unwrap().body);
            }
        }
        assert_eq!(
            (day.users, day.tokens, day.addons),
            (Some(2), Some(0), Some(31)),
            "{case}"
        );
        assert_eq!(day.deployment.as_deref(), Some(deployment), "{case}");
        assert!(
            day.apps.contains("groupmanagement") && day.apps.contains("aaprobe"),
            "{case}"
        );
    }
}

#[test]
fn v5_events_of_apps_are_tasks_with_a_result_and_stats_without() {
    let task = hit_v5(&requests("v5", "07-event-stats")[0])
        .hits
        .remove(0)
        .outcome
        .unwrap();
    let EventBody::Task(task) = task.body else {
        panic!("{task:?}")
    };
    let got = (
        &*task.namespace,
        &*task.task,
        &*task.result,
        &*task.label,
        task.value,
    );
    assert_eq!(got, ("aaprobe", "thing", "Success", "lbl", Some(3.0)));
    let stat = hit_v5(&requests("v5", "13-sink-slow")[0])
        .hits
        .remove(0)
        .outcome
        .unwrap();
    let EventBody::Stat(stat) = stat.body else {
        panic!("{stat:?}")
    };
    assert_eq!(
        (&*stat.namespace, &*stat.task, stat.value),
        ("aaprobe", "slow", 1.0)
    );
}
