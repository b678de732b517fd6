//! Google types: the original's wire forms, valid by the documented debug answers, each hit once over failures.

use std::collections::BTreeMap;

use headcount_client::{InstalledApp, Page, Stats, TokenKind};
use headcount_protocol::{ga4, universal};
use headcount_testkit::fault::{Answer, FaultServer, Request};

use crate::install::{Installation, task};

const APPS: usize = 40;

/// Records one of each kind, sends it over a server whose second request fails, answers what was taken.
fn sent(kind: TokenKind) -> (Installation, Vec<Request>) {
    let good = || Answer::status(204);
    let server =
        FaultServer::start(vec![good().into(), Answer::status(500).into()], good()).unwrap();
    let install = Installation::sending_to(kind, &server.url());
    let client = install.client();
    let apps = (0..APPS)
        .map(|n| InstalledApp {
            name: format!("app{n}"),
            version: None,
        })
        .collect();
    client.record_stats(&Stats {
        users: Some(128),
        tokens: Some(1904),
        apps,
        ..Stats::default()
    });
    client.record_task(&task(""));
    client.record_page(&Page {
        opened: "",
        path: "/audit/98000001/",
        title: "Audit",
        locale: "en",
        user_agent: "",
    });
    drop(client);
    for _ in 0..4 {
        install.flush();
    }
    assert_eq!(install.waiting(), 0);
    let mut requests = server.requests();
    let failed = requests.remove(1);
    assert_eq!(failed.body.len(), requests[1].body.len(), "the same again");
    (install, requests)
}

fn plain_id(install: &Installation) -> String {
    install
        .state
        .install()
        .unwrap()
        .unwrap()
        .install
        .to_string()
}

#[test]
fn ga4_hits_are_valid_and_come_once() {
    let (install, requests) = sent(TokenKind::Ga4);
    let now_ms = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap();
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    for request in &requests {
        let query = request.target.split_once('?').unwrap().1;
        assert!(
            request
                .target
                .starts_with("/mp/collect?measurement_id=G-AATEAM0001&api_secret=")
        );
        let complaints = ga4::validate(Some(query), &request.body, now_ms);
        assert!(complaints.is_empty(), "{complaints:?}");
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["client_id"], plain_id(&install));
        assert_eq!(
            body["user_properties"]["allianceauth_version"]["value"],
            "5.5.0"
        );
        for event in body["events"].as_array().unwrap() {
            let label = &event["params"]["label"];
            *labels
                .entry(format!("{} {label}", event["name"]))
                .or_default() += 1;
        }
    }
    assert_eq!(labels.values().sum::<usize>(), APPS + 5, "{labels:?}");
    assert!(labels.values().all(|count| *count == 1), "{labels:?}");
    assert!(
        labels.keys().any(|key| key.contains("page_view")),
        "{labels:?}"
    );
}

#[test]
fn v1_hits_are_valid_and_come_once() {
    let (install, requests) = sent(TokenKind::Universal);
    let mut hits: BTreeMap<String, usize> = BTreeMap::new();
    for request in &requests {
        assert_eq!(request.target, "/batch");
        let told = universal::debug("/debug/collect", None, &request.body);
        assert!(!told.contains("\"valid\": false"), "{told}");
        let body = String::from_utf8(request.body.clone()).unwrap();
        assert!(
            body.lines().count() <= universal::MAX_HITS
                && body.len() <= universal::MAX_REQUEST_BYTES
        );
        for hit in body.lines() {
            assert!(hit.starts_with("v=1&tid=UA-186249766-2&cid="), "{hit}");
            assert!(hit.contains(&plain_id(&install)), "{hit}");
            // The queue time differs from try to try and is no part of what a hit says.
            let said = hit.split("&qt=").next().unwrap();
            *hits.entry(said.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(hits.values().sum::<usize>(), APPS + 5, "{hits:?}");
    assert!(hits.values().all(|count| *count == 1), "{hits:?}");
}
