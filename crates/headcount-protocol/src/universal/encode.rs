//! Writes events as v1 hits, parameter by parameter as Alliance Auth's own client does.

use std::borrow::Cow;

use super::parameters::{self, Kind, NO_LIMIT};
use super::{MAX_HITS, MAX_PAYLOAD_BYTES, MAX_REQUEST_BYTES};
use crate::event::{Batch, Event, EventBody, Task};
use crate::native::MAX_USER_AGENT_BYTES;
use crate::{text, vocabulary};

/// Queue times below this are not told: the hit is then as the original sends it.
const MIN_QUEUE_MS: i64 = 1000;
/// At three bytes a byte, five such texts and the bounded rest stay below the payload's limit.
const SHORT_TEXT_BYTES: usize = 400;

/// One hit and the event it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedHit {
    /// Position in [`Batch::events`]. One event can be several hits.
    pub event: usize,
    /// The body of a `/collect` request, `application/x-www-form-urlencoded`.
    pub payload: String,
}

/// Writes the events of a batch as hits for the property `tracking_id`, one by one as the iterator
/// is asked: a task event of `count` runs is that many hits, with the value shared among them.
///
/// Where the moment of an event and [`Batch::sent_at_ms`] are known and at least a second apart,
/// their distance goes along as `qt`. Texts are cut to the limits of their parameters, and further
/// where the payload would still be over 8192 bytes; no hit is left out.
pub fn encode<'a>(batch: &'a Batch, tracking_id: &'a str) -> impl Iterator<Item = EncodedHit> + 'a {
    batch
        .events
        .iter()
        .enumerate()
        .flat_map(move |(index, event)| {
            hits(event).map(move |hit| {
                let all = complete(batch, tracking_id, event, hit);
                let mut payload = write(&all, usize::MAX);
                if payload.len() > MAX_PAYLOAD_BYTES {
                    payload = write(&all, SHORT_TEXT_BYTES);
                }
                EncodedHit {
                    event: index,
                    payload,
                }
            })
        })
}

/// Packs payloads into `/batch` bodies of at most 20 hits and 16384 bytes, in their order.
#[must_use]
pub fn pack(payloads: &[String]) -> Vec<String> {
    let mut bodies: Vec<String> = Vec::new();
    let mut hits = MAX_HITS;
    for payload in payloads {
        match bodies.last_mut() {
            Some(body)
                if hits < MAX_HITS && body.len() + 1 + payload.len() <= MAX_REQUEST_BYTES =>
            {
                body.push('\n');
                body.push_str(payload);
                hits += 1;
            }
            _ => {
                bodies.push(payload.clone());
                hits = 1;
            }
        }
    }
    bodies
}

type Parameters<'a> = Vec<(&'static str, Cow<'a, str>)>;

fn hits(event: &Event) -> Box<dyn Iterator<Item = Parameters<'_>> + '_> {
    match &event.body {
        EventBody::Stats(stats) => Box::new(vocabulary::parts(stats).into_iter().map(
            |(task, label, value)| {
                let value = value.to_string();
                event_hit(vocabulary::STATS_NAMESPACE, task, label, Some(value))
            },
        )),
        EventBody::Task(task) => Box::new((0..task.count).map(|run| {
            let value = run_value(task, run).map(|value| value.to_string());
            event_hit(
                &task.namespace,
                &task.task,
                Cow::Borrowed(&task.result),
                value,
            )
        })),
        EventBody::Stat(stat) => {
            let value = Some((stat.value.max(0.0) as u64).to_string());
            let label = Cow::Borrowed(stat.label.as_str());
            Box::new(std::iter::once(event_hit(
                &stat.namespace,
                &stat.task,
                label,
                value,
            )))
        }
        EventBody::Page(page) => {
            let mut hit: Parameters<'_> = vec![
                ("t", Cow::Borrowed("pageview")),
                ("dp", Cow::Borrowed(&page.path)),
                ("dt", Cow::Borrowed(&page.title)),
                ("ul", Cow::Borrowed(&page.locale)),
            ];
            if !page.user_agent.is_empty() {
                hit.push(("ua", Cow::Borrowed(&page.user_agent)));
            }
            Box::new(std::iter::once(hit))
        }
    }
}

fn event_hit<'a>(
    category: &'a str,
    action: &'a str,
    label: Cow<'a, str>,
    value: Option<String>,
) -> Parameters<'a> {
    let mut hit = vec![
        ("t", Cow::Borrowed("event")),
        ("ec", Cow::Borrowed(category)),
        ("ea", Cow::Borrowed(action)),
        ("el", label),
    ];
    hit.extend(value.map(|value| ("ev", Cow::Owned(value))));
    hit
}

/// The share of one run in the summed value: whole numbers that add up to the rounded sum.
fn run_value(task: &Task, run: u32) -> Option<u64> {
    let sum = task.value?.max(0.0).round() as u64;
    let count = u64::from(task.count.max(1));
    Some(sum / count + u64::from(u64::from(run) < sum % count))
}

fn complete<'a>(
    batch: &'a Batch,
    tracking_id: &'a str,
    event: &Event,
    hit: Parameters<'a>,
) -> Parameters<'a> {
    let mut all: Parameters<'a> = vec![
        ("v", Cow::Borrowed("1")),
        ("tid", Cow::Borrowed(tracking_id)),
        ("cid", Cow::Borrowed(batch.install.as_str())),
    ];
    all.extend(hit);
    all.push(("aip", Cow::Borrowed("1")));
    all.extend(batch.app.as_deref().map(|app| ("an", Cow::Borrowed(app))));
    all.extend(
        batch
            .app_version
            .as_deref()
            .map(|version| ("av", Cow::Borrowed(version))),
    );
    if let (Some(sent_ms), Some(at_ms)) = (batch.sent_at_ms, event.at_ms) {
        let queued_ms = sent_ms.saturating_sub(at_ms);
        if queued_ms >= MIN_QUEUE_MS {
            all.push(("qt", Cow::Owned(queued_ms.to_string())));
        }
    }
    all
}

fn write(all: &Parameters<'_>, max_bytes: usize) -> String {
    let mut out = String::with_capacity(256);
    for (name, value) in all {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        text::form_encode(&mut out, text::cut(value, limit(name).min(max_bytes)));
    }
    out
}

fn limit(name: &str) -> usize {
    match parameters::find(name).map(|row| row.kind) {
        Some(Kind::Text(max)) if max != NO_LIMIT => usize::from(max),
        _ => MAX_USER_AGENT_BYTES,
    }
}
