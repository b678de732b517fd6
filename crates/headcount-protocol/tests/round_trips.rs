//! What is encoded is decoded unchanged, and no decoder panics, whatever the bytes.

#![cfg(test)]

use std::collections::BTreeMap;

use headcount_protocol::{
    AppStat, Batch, Deployment, Event, EventBody, InstallId, InstalledApp, Page, Runtime, Stats,
    Task, ga4, native, universal,
};
use proptest::option;
use proptest::prelude::*;

const NOW_MS: i64 = 1_795_444_000_000;

/// Printable text without white space at its ends or in runs: what decoders leave as it is.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9äß日&=+%/_.\"\\\\🚀-]{1,12}( [a-zA-Z0-9ü#?;-]{1,8})?"
}

fn or_empty() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), text()]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(0_u32..1_000_000).prop_map(f64::from), -1e9..1e9_f64]
}

fn stats() -> impl Strategy<Value = Stats> {
    let count = || option::of(0..1_000_000_000_u64);
    let app = (text(), option::of("[0-9.a-z]{1,10}"))
        .prop_map(|(name, version)| InstalledApp { name, version });
    let deployment = option::of("[a-z][a-z0-9_.-]{0,10}".prop_map(Deployment));
    (
        count(),
        count(),
        count(),
        deployment,
        prop::collection::vec(app, 0..4),
    )
        .prop_map(|(users, tokens, addons, deployment, apps)| Stats {
            users,
            tokens,
            addons,
            deployment,
            apps,
        })
}

fn body() -> impl Strategy<Value = EventBody> {
    let task = (
        text(),
        text(),
        or_empty(),
        or_empty(),
        option::of(number()),
        1..50_u32,
    )
        .prop_map(|(namespace, task, result, label, value, count)| {
            EventBody::Task(Task {
                namespace,
                task,
                result,
                label,
                value,
                count,
            })
        });
    let stat =
        (text(), text(), or_empty(), number()).prop_map(|(namespace, task, label, value)| {
            EventBody::Stat(AppStat {
                namespace,
                task,
                label,
                value,
            })
        });
    let page = (
        "/[a-z0-9/ä-]{0,20}",
        or_empty(),
        "([a-z]{2}(-[a-z]{2,4})?)?",
        or_empty(),
    )
        .prop_map(|(path, title, locale, user_agent)| {
            EventBody::Page(Page {
                path,
                title,
                locale,
                user_agent,
            })
        });
    prop_oneof![stats().prop_map(EventBody::Stats), task, stat, page]
}

prop_compose! {
    fn batch()(
        install in "[a-zA-Z0-9-]{1,36}",
        app in option::of(text()),
        app_version in option::of("[0-9.]{1,8}"),
        batch_id in option::of(any::<[u8; 16]>()),
        sent_at_ms in option::of(0..NOW_MS),
        deployment in option::of("[a-z]{1,8}".prop_map(Deployment)),
        facts in prop::collection::btree_map("[a-c]{1,3}", text(), 0..3),
        events in prop::collection::vec((any::<[u8; 16]>(), option::of(0..NOW_MS), body()), 0..8),
        lost in prop::collection::btree_map("[a-z_]{1,8}", 0..1_000_000_u64, 0..3),
    ) -> Batch {
        Batch {
            install: InstallId::parse(&install).unwrap(),
            app,
            app_version,
            batch_id,
            sent_at_ms,
            runtime: Runtime { deployment, facts },
            events: events
                .into_iter()
                .map(|(id, at_ms, body)| Event { id: Some(id), at_ms, body })
                .collect(),
            lost,
        }
    }
}

fn alone(event: EventBody) -> Batch {
    Batch {
        install: InstallId::parse("555").unwrap(),
        app: Some("allianceauth".to_owned()),
        app_version: Some("5.5.0".to_owned()),
        batch_id: None,
        sent_at_ms: None,
        runtime: Runtime::default(),
        events: vec![Event {
            id: None,
            at_ms: None,
            body: event,
        }],
        lost: BTreeMap::new(),
    }
}

/// What the parts of daily statistics on a Google wire add up to.
fn merged(parts: &[EventBody]) -> Stats {
    let mut whole = Stats::default();
    for part in parts {
        let EventBody::Stats(part) = part else {
            panic!("{part:?}")
        };
        whole.users = part.users.or(whole.users);
        whole.tokens = part.tokens.or(whole.tokens);
        whole.addons = part.addons.or(whole.addons);
        whole.deployment = part.deployment.clone().or(whole.deployment);
        whole.apps.extend(part.apps.iter().cloned());
    }
    whole
}

fn without_app_versions(mut stats: Stats) -> Stats {
    for app in &mut stats.apps {
        app.version = None;
    }
    stats
}

proptest! {
    #[test]
    fn native_batches_come_back(batch in batch()) {
        let decoded = native::decode(&native::encode(&batch)).unwrap();
        prop_assert_eq!(&decoded.rejected, &[]);
        prop_assert_eq!(&decoded.notes, &[]);
        prop_assert_eq!(decoded.batch, batch);
    }

    #[test]
    fn v1_hits_come_back(body in body()) {
        let batch = alone(body);
        let bodies: Vec<EventBody> = universal::encode(&batch, "UA-1-1")
            .map(|hit| universal::decode(hit.payload.as_bytes(), NOW_MS).outcome.unwrap().body)
            .collect();
        match &batch.events[0].body {
            EventBody::Stats(stats) => {
                prop_assert_eq!(merged(&bodies), without_app_versions(stats.clone()));
            }
            EventBody::Page(page) => prop_assert_eq!(&bodies, &[EventBody::Page(page.clone())]),
            // v1 has no label beside the result and no negative or broken numbers.
            EventBody::Task(task) => {
                prop_assert_eq!(bodies.len(), task.count as usize);
                let mut sum = 0.0;
                for body in &bodies {
                    let EventBody::Task(run) = body else { panic!("{body:?}") };
                    prop_assert_eq!((&run.namespace, &run.task), (&task.namespace, &task.task));
                    prop_assert_eq!(&run.result, &task.result);
                    sum += run.value.unwrap_or_default();
                }
                prop_assert_eq!(sum, task.value.unwrap_or_default().max(0.0).round());
            }
            EventBody::Stat(stat) => {
                let EventBody::Task(run) = &bodies[0] else { panic!("{bodies:?}") };
                prop_assert_eq!((&run.namespace, &run.result), (&stat.namespace, &stat.label));
            }
        }
    }

    #[test]
    fn ga4_events_come_back(body in body()) {
        let batch = alone(body);
        let mut bodies = Vec::new();
        for request in ga4::encode(&batch) {
            let query = Some("measurement_id=G-1&api_secret=s");
            let decoded = ga4::decode(query, &request.body, NOW_MS);
            prop_assert_eq!(decoded.app_version.as_deref(), Some("5.5.0"));
            bodies.extend(decoded.hits.into_iter().map(|hit| hit.outcome.unwrap().body));
        }
        match &batch.events[0].body {
            EventBody::Stats(stats) => {
                prop_assert_eq!(merged(&bodies), without_app_versions(stats.clone()));
            }
            // A task without result and with a number is what GA4 calls an app stat.
            EventBody::Task(task) if task.result.is_empty() && task.value.is_some() => {
                prop_assert!(matches!(bodies[0], EventBody::Stat(_)));
            }
            other => prop_assert_eq!(&bodies, std::slice::from_ref(other)),
        }
    }

    #[test]
    fn whole_batches_keep_every_event_on_the_google_wires(batch in batch()) {
        let hits: Vec<usize> = universal::encode(&batch, "UA-1-1").map(|hit| hit.event).collect();
        let requests = ga4::encode(&batch);
        for index in 0..batch.events.len() {
            prop_assert!(hits.contains(&index));
            prop_assert!(requests.iter().any(|request| request.events.contains(&index)));
        }
    }

    #[test]
    fn no_decoder_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _decoded = universal::decode(&bytes, NOW_MS);
        let _decoded = universal::debug("/debug/collect", None, &bytes);
        let _decoded = ga4::decode(None, &bytes, NOW_MS);
        let _decoded = ga4::debug(None, &bytes, NOW_MS);
        prop_assert!(native::decode(&bytes).is_err());
    }

    #[test]
    fn no_decoder_panics_on_nearly_right_text(text in "([vtcdeq]|tid|cid|ev)=[%+0-9a-zTFé&=\n]{0,40}|[\\[\\]{}:,\"a-z0-9 ]{0,60}") {
        let _decoded = universal::decode(text.as_bytes(), i64::MAX);
        let _decoded = universal::decode(text.as_bytes(), i64::MIN);
        let _decoded = universal::debug("/debug/collect", Some(&text), text.as_bytes());
        let _decoded = ga4::decode(Some(&text), text.as_bytes(), i64::MIN);
        let _decoded = ga4::debug(Some(&text), text.as_bytes(), i64::MAX);
        prop_assert!(native::decode(text.as_bytes()).is_err());
    }
}

#[test]
fn requests_hold_at_most_what_the_wires_allow() {
    let title = "🚀".repeat(300);
    let page = Page {
        path: format!("/{}", "日".repeat(600)),
        title,
        ..Page::default()
    };
    let mut batch = alone(EventBody::Page(page));
    batch.events = vec![batch.events[0].clone(); 60];
    let requests = ga4::encode(&batch);
    assert!(
        requests
            .iter()
            .all(|request| request.body.len() <= ga4::rules::MAX_BODY_BYTES)
    );
    assert_eq!(
        requests
            .iter()
            .map(|request| request.events.len())
            .sum::<usize>(),
        60
    );
    let payloads: Vec<String> = universal::encode(&batch, "UA-1-1")
        .map(|hit| hit.payload)
        .collect();
    assert_eq!(payloads.len(), 60);
    let bodies = universal::pack(&payloads);
    for body in &bodies {
        let lines = universal::lines(None, body.as_bytes());
        assert!(lines.iter().all(|line| line.refused.is_none()));
    }
    let hits: usize = bodies.iter().map(|body| body.lines().count()).sum();
    assert_eq!(hits, 60);
}

#[test]
fn late_events_tell_their_moment() {
    let mut batch = alone(EventBody::Page(Page {
        path: "/".to_owned(),
        ..Page::default()
    }));
    batch.sent_at_ms = Some(NOW_MS);
    batch.events[0].at_ms = Some(NOW_MS - 5000);
    let hit = universal::encode(&batch, "UA-1-1").next().unwrap();
    let event = universal::decode(hit.payload.as_bytes(), NOW_MS)
        .outcome
        .unwrap();
    assert_eq!(event.at_ms, Some(NOW_MS - 5000));
    let request = ga4::encode(&batch).remove(0);
    let query = Some("measurement_id=G-1&api_secret=s");
    let event = ga4::decode(query, &request.body, NOW_MS)
        .hits
        .remove(0)
        .outcome
        .unwrap();
    assert_eq!(event.at_ms, Some(NOW_MS - 5000));
}
