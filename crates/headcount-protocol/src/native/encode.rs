//! Writes a native batch: fields that are empty or unknown are left out.

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::event::{Batch, Event, EventBody, EventId};

#[derive(Serialize)]
struct BatchOut<'a> {
    install: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_id: Option<Shown<Uuid>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<Shown<Timestamp>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    runtime: BTreeMap<&'a str, &'a str>,
    events: Vec<EventOut<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lost: &'a BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct EventOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Shown<Uuid>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Shown<Timestamp>>,
    #[serde(flatten)]
    body: BodyOut<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum BodyOut<'a> {
    Stats {
        #[serde(skip_serializing_if = "Option::is_none")]
        users: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tokens: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        addons: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        deployment: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        apps: Vec<AppOut<'a>>,
    },
    Task {
        namespace: &'a str,
        task: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        result: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        label: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<Number>,
        count: u32,
    },
    Stat {
        namespace: &'a str,
        task: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        label: &'a str,
        value: Number,
    },
    Page {
        path: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        title: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        locale: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        user_agent: &'a str,
    },
}

#[derive(Serialize)]
struct AppOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

/// Written the way it is displayed.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A number without a fraction is written as an integer, as clients in other languages do.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

/// Beyond this a 64-bit float cannot hold every integer.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        if value.fract() == 0.0 && value.abs() < MAX_EXACT {
            Self::Int(value as i64)
        } else {
            Self::Float(value)
        }
    }
}

/// Writes a batch as the JSON body of a request. Moments outside years -9999 to 9999 and numbers
/// that are not finite are left out, since no JSON can carry them.
#[must_use]
pub fn encode(batch: &Batch) -> Vec<u8> {
    let mut runtime: BTreeMap<&str, &str> = batch
        .runtime
        .facts
        .iter()
        .map(|(name, fact)| (name.as_str(), fact.as_str()))
        .collect();
    if let Some(deployment) = &batch.runtime.deployment {
        runtime.insert("deployment", &deployment.0);
    }
    let out = BatchOut {
        install: batch.install.as_str(),
        app: batch.app.as_deref(),
        app_version: batch.app_version.as_deref(),
        batch_id: batch.batch_id.map(uuid),
        sent_at: batch.sent_at_ms.and_then(moment),
        runtime,
        events: batch.events.iter().map(event).collect(),
        lost: &batch.lost,
    };
    #[expect(
        clippy::expect_used,
        reason = "strings, integers and finite numbers only"
    )]
    serde_json::to_vec(&out).expect("nothing in it can fail to become JSON")
}

fn uuid(id: EventId) -> Shown<Uuid> {
    Shown(Uuid::from_bytes(id))
}

fn moment(ms: i64) -> Option<Shown<Timestamp>> {
    Timestamp::from_millisecond(ms).ok().map(Shown)
}

fn event(event: &Event) -> EventOut<'_> {
    let body = match &event.body {
        EventBody::Stats(stats) => BodyOut::Stats {
            users: stats.users,
            tokens: stats.tokens,
            addons: stats.addons,
            deployment: stats.deployment.as_ref().map(|d| d.0.as_str()),
            apps: stats
                .apps
                .iter()
                .map(|app| AppOut {
                    name: &app.name,
                    version: app.version.as_deref(),
                })
                .collect(),
        },
        EventBody::Task(task) => BodyOut::Task {
            namespace: &task.namespace,
            task: &task.task,
            result: &task.result,
            label: &task.label,
            value: task.value.filter(|v| v.is_finite()).map(Number::from),
            count: task.count,
        },
        EventBody::Stat(stat) => BodyOut::Stat {
            namespace: &stat.namespace,
            task: &stat.task,
            label: &stat.label,
            value: Number::from(stat.value),
        },
        EventBody::Page(page) => BodyOut::Page {
            path: &page.path,
            title: &page.title,
            locale: &page.locale,
            user_agent: &page.user_agent,
        },
    };
    EventOut {
        id: event.id.map(uuid),
        at: event.at_ms.and_then(moment),
        body,
    }
}
