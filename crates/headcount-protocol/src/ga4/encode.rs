//! Writes events as GA4 requests, byte for byte in the form of Alliance Auth's own client.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::rules::{
    MAX_BODY_BYTES, MAX_EVENTS, MAX_PROPERTY_VALUE_CHARS, MAX_VALUE_CHARS, max_value_chars,
};
use crate::event::{Batch, Event, EventBody, Page};
use crate::native::Number;
use crate::{text, vocabulary};

/// One request and the events in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRequest {
    /// Positions in [`Batch::events`] of what it holds. An event of daily statistics is several
    /// GA4 events and can stand in more than one request.
    pub events: Vec<usize>,
    /// The JSON body of a `/mp/collect` request.
    pub body: Vec<u8>,
}

/// Path and query string of a request.
#[must_use]
pub fn path(measurement_id: &str, api_secret: &str) -> String {
    let mut path = "/mp/collect?measurement_id=".to_owned();
    text::form_encode(&mut path, measurement_id);
    path.push_str("&api_secret=");
    text::form_encode(&mut path, api_secret);
    path
}

/// Writes the events of a batch as requests of at most 25 events and 130 kB.
///
/// Page views of one user agent go together, since GA4 knows one for each request. The moment of
/// an event goes along as `timestamp_micros` where it is known, and a task event of several runs
/// is one event with a parameter `count` that only Headcount reads. Texts are cut to GA4's limits.
#[must_use]
pub fn encode(batch: &Batch) -> Vec<EncodedRequest> {
    let mut groups: Vec<(&str, Vec<(usize, EventOut)>)> = Vec::new();
    for (index, event) in batch.events.iter().enumerate() {
        let user_agent = match &event.body {
            EventBody::Page(page) => page.user_agent.as_str(),
            EventBody::Stats(_) | EventBody::Task(_) | EventBody::Stat(_) => "",
        };
        let group = groups.iter().position(|(known, _)| *known == user_agent);
        let group = group.unwrap_or_else(|| {
            groups.push((user_agent, Vec::new()));
            groups.len() - 1
        });
        groups[group]
            .1
            .extend(written(event).into_iter().map(|out| (index, out)));
    }
    let mut requests = Vec::new();
    for (user_agent, events) in &groups {
        for chunk in events.chunks(MAX_EVENTS) {
            add(batch, user_agent, chunk, &mut requests);
        }
    }
    requests
}

/// A chunk of long non-ASCII texts, six bytes for each unit as escapes, can pass 130 kB: it is
/// halved until it fits. One event alone always does.
fn add(
    batch: &Batch,
    user_agent: &str,
    chunk: &[(usize, EventOut)],
    requests: &mut Vec<EncodedRequest>,
) {
    let body = json(&request(batch, user_agent, chunk));
    if body.len() > MAX_BODY_BYTES && chunk.len() > 1 {
        let (first, second) = chunk.split_at(chunk.len() / 2);
        add(batch, user_agent, first, requests);
        add(batch, user_agent, second, requests);
        return;
    }
    let mut events: Vec<usize> = chunk.iter().map(|(index, _)| *index).collect();
    events.dedup();
    requests.push(EncodedRequest { events, body });
}

#[derive(Serialize)]
struct RequestOut<'a> {
    client_id: &'a str,
    user_properties: Properties<'a>,
    non_personalized_ads: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_agent: &'a str,
    events: Vec<&'a EventOut>,
}

#[derive(Default, Serialize)]
struct Properties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    allianceauth_version: Option<Value<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_name: Option<Value<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_version: Option<Value<'a>>,
}

#[derive(Serialize)]
struct Value<'a> {
    value: &'a str,
}

#[derive(Clone, Serialize)]
struct EventOut {
    name: &'static str,
    params: ParamsOut,
}

#[derive(Clone, Default, Serialize)]
struct ParamsOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_micros: Option<i64>,
}

fn request<'a>(
    batch: &'a Batch,
    user_agent: &'a str,
    chunk: &'a [(usize, EventOut)],
) -> RequestOut<'a> {
    let value = |text: &'a Option<String>| {
        text.as_deref().map(|text| Value {
            value: cut_chars(text, MAX_PROPERTY_VALUE_CHARS),
        })
    };
    let user_properties = if batch.app.as_deref() == Some("allianceauth") {
        Properties {
            allianceauth_version: value(&batch.app_version),
            ..Properties::default()
        }
    } else {
        Properties {
            app_name: value(&batch.app),
            app_version: value(&batch.app_version),
            ..Properties::default()
        }
    };
    RequestOut {
        client_id: batch.install.as_str(),
        user_properties,
        non_personalized_ads: true,
        user_agent,
        events: chunk.iter().map(|(_, event)| event).collect(),
    }
}

fn cut_chars(text: &str, max_chars: usize) -> &str {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

fn limited(name: &str, text: &str) -> Option<String> {
    Some(cut_chars(text, max_value_chars(name).unwrap_or(MAX_VALUE_CHARS)).to_owned())
}

fn named(namespace: &str, task: &str, result: &str, label: &str) -> ParamsOut {
    ParamsOut {
        namespace: limited("namespace", namespace),
        task: limited("task", task),
        result: limited("result", result),
        label: limited("label", label),
        ..ParamsOut::default()
    }
}

fn written(event: &Event) -> Vec<EventOut> {
    let timestamp_micros = event.at_ms.map(|ms| ms.saturating_mul(1000));
    let celery = |params| EventOut {
        name: "celery_event",
        params: ParamsOut {
            timestamp_micros,
            ..params
        },
    };
    match &event.body {
        EventBody::Stats(stats) => vocabulary::parts(stats)
            .into_iter()
            .map(|(task, label, value)| {
                let params = named(vocabulary::STATS_NAMESPACE, task, "", &label);
                celery(ParamsOut {
                    value: Some(Number::from(value as f64)),
                    ..params
                })
            })
            .collect(),
        EventBody::Task(task) => {
            let params = named(&task.namespace, &task.task, &task.result, &task.label);
            let value = task
                .value
                .filter(|value| value.is_finite())
                .map(Number::from);
            let count = (task.count > 1).then_some(task.count);
            vec![celery(ParamsOut {
                value,
                count,
                ..params
            })]
        }
        EventBody::Stat(stat) => {
            let params = named(&stat.namespace, &stat.task, "", &stat.label);
            let value = Some(stat.value)
                .filter(|value| value.is_finite())
                .map(Number::from);
            vec![celery(ParamsOut { value, ..params })]
        }
        EventBody::Page(page) => vec![EventOut {
            name: "page_view",
            params: ParamsOut {
                timestamp_micros,
                ..viewed(page)
            },
        }],
    }
}

fn viewed(page: &Page) -> ParamsOut {
    ParamsOut {
        page_location: limited("page_location", &page.path),
        page_title: limited("page_title", &page.title),
        language: limited("language", &page.locale).filter(|locale| !locale.is_empty()),
        ..ParamsOut::default()
    }
}

/// JSON as Python's `json.dumps` writes it: a blank after `,` and `:`, ASCII only.
struct PythonStyle;

impl Formatter for PythonStyle {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for c in fragment.chars() {
            if c.is_ascii() && c != '\u{7f}' {
                out.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

fn json(request: &RequestOut<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let mut serializer = Serializer::with_formatter(&mut out, PythonStyle);
    #[expect(
        clippy::expect_used,
        reason = "strings, integers and finite numbers into memory"
    )]
    request
        .serialize(&mut serializer)
        .expect("nothing in it can fail to become JSON");
    out
}
