//! The dictionary and the wires agree: what leaves is named in it, and what it names leaves.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use headcount_protocol::{
    AppStat, Batch, Deployment, Event, EventBody, InstallId, InstalledApp, Page, Runtime, Stats,
    Task, dictionary, ga4, native, universal,
};
use serde_json::Value;

/// Names that hold nothing about the install: versions of the wires, flags, and the envelope.
const GA4_ENVELOPE: [&str; 4] = [
    "user_properties",
    "non_personalized_ads",
    "params",
    "allianceauth_version",
];
const V1_ENVELOPE: [&str; 3] = ["v", "tid", "aip"];

/// A batch in which no field is empty.
fn full() -> Batch {
    let bodies = [
        EventBody::Stats(Stats {
            users: Some(128),
            tokens: Some(1904),
            addons: Some(20),
            deployment: Some(Deployment("docker".into())),
            apps: vec![InstalledApp {
                name: "memberaudit".into(),
                version: Some("3.1.0".into()),
            }],
        }),
        EventBody::Task(Task {
            namespace: "memberaudit".into(),
            task: "update_character".into(),
            result: "KeyError".into(),
            label: "corporation".into(),
            value: Some(34.0),
            count: 2,
        }),
        EventBody::Stat(AppStat {
            namespace: "metenox.analytics".into(),
            task: "send_daily_stats".into(),
            label: "moons".into(),
            value: 12.0,
        }),
        EventBody::Page(Page {
            path: "/dashboard/".into(),
            title: "Dashboard".into(),
            locale: "en".into(),
            user_agent: "Firefox 132 / Linux".into(),
        }),
    ];
    let event = |(index, body)| Event {
        id: Some([index as u8; 16]),
        at_ms: Some(1_795_435_200_000),
        body,
    };
    Batch {
        install: InstallId::parse("3f0e9d9c-7c1e-4b57-9a34-0c2d3a4b5c6d").unwrap(),
        app: Some("example".into()),
        app_version: Some("1.0".into()),
        batch_id: Some([9; 16]),
        sent_at_ms: Some(1_795_435_260_000),
        runtime: Runtime {
            deployment: Some(Deployment("docker".into())),
            facts: BTreeMap::from([("python".into(), "3.11".into())]),
        },
        events: bodies.into_iter().enumerate().map(event).collect(),
        lost: BTreeMap::from([("queue_full".into(), 1)]),
    }
}

/// The names a wire has for fields: the first word of what the dictionary says, its last part.
fn named(wire: impl Fn(&dictionary::Field) -> Option<&String>) -> BTreeSet<String> {
    let name = |text: &String| {
        let first = text.split(' ').next().unwrap();
        first.rsplit('.').next().unwrap().to_owned()
    };
    dictionary::fields()
        .iter()
        .filter_map(wire)
        .map(name)
        .collect()
}

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn ga4_carries_exactly_what_the_dictionary_names() {
    let mut sent = BTreeSet::new();
    for request in ga4::encode(&full()) {
        keys(&serde_json::from_slice(&request.body).unwrap(), &mut sent);
    }
    // A property is an object with one `value`; so is the number of an event.
    sent.retain(|key| !GA4_ENVELOPE.contains(&key.as_str()));
    assert_eq!(sent, named(|field| field.ga4.as_ref()));
}

#[test]
fn v1_carries_exactly_what_the_dictionary_names() {
    let batch = full();
    let sent: BTreeSet<String> = universal::encode(&batch, "UA-1-1")
        .flat_map(|hit| {
            let names = hit
                .payload
                .split('&')
                .map(|pair| pair.split('=').next().unwrap());
            names.map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|name| !V1_ENVELOPE.contains(&name.as_str()))
        .collect();
    let mut expected = named(|field| field.v1.as_ref());
    assert!(expected.remove("one"), "a count is so many hits");
    assert_eq!(sent, expected);
}

#[test]
fn native_carries_exactly_what_the_dictionary_names() {
    let value: Value = serde_json::from_slice(&native::encode(&full())).unwrap();
    let mut sent = BTreeSet::new();
    let batch = value.as_object().unwrap();
    for (key, value) in batch {
        match (key.as_str(), value) {
            ("runtime", Value::Object(facts)) => sent.extend(facts.keys().map(|fact| {
                let known = fact == "deployment";
                format!("runtime.{}", if known { fact } else { "*" })
            })),
            ("lost", _) => _ = sent.insert("lost.*".to_owned()),
            _ => _ = sent.insert(key.clone()),
        }
    }
    for event in value["events"].as_array().unwrap() {
        let kind = event["type"].as_str().unwrap();
        for (key, value) in event.as_object().unwrap() {
            match (key.as_str(), value) {
                ("id" | "at" | "type", _) => _ = sent.insert(format!("*.{key}")),
                ("apps", Value::Array(apps)) => sent.extend(
                    apps[0]
                        .as_object()
                        .unwrap()
                        .keys()
                        .map(|key| format!("{kind}.apps[].{key}")),
                ),
                _ => _ = sent.insert(format!("{kind}.{key}")),
            }
        }
    }
    let told: BTreeSet<String> = dictionary::fields()
        .iter()
        .map(|f| f.name.clone())
        .collect();
    assert_eq!(sent, told);
}

#[test]
fn a_text_at_its_limit_is_taken_as_it_is() {
    let mut batch = full();
    for event in &mut batch.events {
        for (name, text) in dictionary::texts_mut(&mut event.body) {
            let field = dictionary::field(name).unwrap();
            if field.form == dictionary::Form::Any {
                let long = "/".to_owned() + &"x".repeat(3000);
                *text = field.checked(&long).unwrap();
                assert_eq!(text.len(), field.limit.unwrap(), "{name}");
            }
        }
    }
    let decoded = native::decode(&native::encode(&batch)).unwrap();
    assert_eq!(decoded.rejected, []);
    assert_eq!(decoded.batch.events, batch.events);
}

#[test]
fn what_an_event_carries_is_in_the_dictionary() {
    for event in full().events {
        for name in dictionary::carried(&event.body) {
            assert!(dictionary::field(name).is_some(), "{name}");
        }
    }
}
