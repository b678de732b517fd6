//! Reads a native batch in one pass. An event that is not valid is rejected alone.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use uuid::Uuid;

use super::{Decoded, MAX_EVENTS, NativeError, Rejected};
use crate::event::{Batch, Event, EventId, InstallId};
use crate::json::{Json, Key};
use crate::notes::{NoteCode, Notes};

mod batch;
mod body;

/// Reads the body of a request.
///
/// Every event needs `id` (a UUID) and `type`; `at` (RFC 3339) may be absent and then means the
/// moment of receipt. Unknown fields are noted, not rejected, so that an older collector takes
/// what a newer client sends.
///
/// # Errors
/// [`NativeError`] when no event of the body can be counted.
pub fn decode(body: &[u8]) -> Result<Decoded, NativeError> {
    let (raw, items) = read(body, Ids::Required)?;
    let install = match &raw.install {
        None | Some(Json::Null) => return Err(NativeError::Missing("install")),
        Some(value) => value.as_text().and_then(|text| InstallId::parse(&text)),
    };
    let install = install.ok_or(NativeError::BadValue {
        field: "install",
        message: "must be text of 1 to 128 bytes without control characters",
    })?;
    Ok(assemble(raw, items, install))
}

/// Reads a batch that a program of the same host hands to the local service: `install` and `app`
/// are those of the service, so `install` is given and the body's own is not used; an event may
/// come without `id`.
///
/// # Errors
/// [`NativeError`] when no event of the body can be taken.
pub fn decode_record(body: &[u8], install: InstallId) -> Result<Decoded, NativeError> {
    let (raw, items) = read(body, Ids::Optional)?;
    Ok(assemble(raw, items, install))
}

fn read(body: &[u8], ids: Ids) -> Result<(RawBatch<'_>, Items), NativeError> {
    let mut raw: RawBatch<'_> =
        serde_json::from_slice(body).map_err(|error| NativeError::of_json(&error))?;
    let mut items = match raw.events.take() {
        None => return Err(NativeError::Missing("events")),
        Some(None) => {
            return Err(NativeError::BadValue {
                field: "events",
                message: "must be a list",
            });
        }
        Some(Some(items)) => items,
    };
    if items.seen > MAX_EVENTS {
        return Err(NativeError::TooManyEvents(items.seen));
    }
    if matches!(ids, Ids::Required) {
        items.reject_missing_ids();
    }
    Ok((raw, items))
}

fn assemble(raw: RawBatch<'_>, items: Items, install: InstallId) -> Decoded {
    let mut notes = raw.notes;
    for name in &items.unknown {
        notes.add_named(NoteCode::UnknownField, name, "unknown field of an event");
    }
    let mut batch = Batch {
        install,
        app: batch::word("app", raw.app.as_ref(), &mut notes),
        app_version: batch::word("app_version", raw.app_version.as_ref(), &mut notes),
        batch_id: batch::id("batch_id", raw.batch_id.as_ref(), &mut notes),
        sent_at_ms: batch::moment("sent_at", raw.sent_at.as_ref(), &mut notes),
        runtime: batch::runtime(raw.runtime.as_ref(), &mut notes),
        events: Vec::with_capacity(items.events.len()),
        lost: batch::lost(raw.lost.as_ref(), &mut notes),
    };
    let mut rejected = Vec::new();
    for item in items.events {
        match item {
            Ok(event) => batch.events.push(event),
            Err(reason) => rejected.push(*reason),
        }
    }
    Decoded {
        batch,
        rejected,
        notes: notes.0,
    }
}

#[derive(Clone, Copy)]
enum Ids {
    Required,
    Optional,
}

#[derive(Default)]
struct RawBatch<'a> {
    install: Option<Json<'a>>,
    app: Option<Json<'a>>,
    app_version: Option<Json<'a>>,
    batch_id: Option<Json<'a>>,
    sent_at: Option<Json<'a>>,
    runtime: Option<Json<'a>>,
    lost: Option<Json<'a>>,
    /// `Some(None)` when it is no list.
    events: Option<Option<Items>>,
    notes: Notes,
}

struct RawBatchVisitor;

impl<'de> Visitor<'de> for RawBatchVisitor {
    type Value = RawBatch<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut raw = RawBatch::default();
        while let Some(Key(key)) = map.next_key()? {
            match &*key {
                "install" => raw.install = Some(map.next_value()?),
                "app" => raw.app = Some(map.next_value()?),
                "app_version" => raw.app_version = Some(map.next_value()?),
                "batch_id" => raw.batch_id = Some(map.next_value()?),
                "sent_at" => raw.sent_at = Some(map.next_value()?),
                "runtime" => raw.runtime = Some(map.next_value()?),
                "lost" => raw.lost = Some(map.next_value()?),
                "events" => raw.events = Some(map.next_value::<MaybeItems>()?.0),
                other => {
                    map.next_value::<IgnoredAny>()?;
                    raw.notes.add_named(
                        NoteCode::UnknownField,
                        other,
                        "unknown field of the batch",
                    );
                }
            }
        }
        Ok(raw)
    }
}

impl<'de> Deserialize<'de> for RawBatch<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawBatchVisitor)
    }
}

/// Rejections are rare: boxed so that the list of events stays small.
type Item = Result<Event, Box<Rejected>>;

#[derive(Default)]
struct Items {
    events: Vec<Item>,
    seen: usize,
    unknown: Vec<String>,
}

impl Items {
    fn reject_missing_ids(&mut self) {
        for (index, item) in self.events.iter_mut().enumerate() {
            if matches!(item, Ok(event) if event.id.is_none()) {
                *item = Err(body::missing(index, "id"));
            }
        }
    }
}

struct MaybeItems(Option<Items>);

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = MaybeItems;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Items::default();
        while items.seen < MAX_EVENTS {
            let Some(raw) = seq.next_element::<RawEvent<'de>>()? else {
                return Ok(MaybeItems(Some(items)));
            };
            items.events.push(body::event(items.seen, &raw));
            items.seen += 1;
            for name in raw.unknown {
                if items.unknown.len() < MAX_UNKNOWN && !items.unknown.iter().any(|n| *n == name) {
                    items.unknown.push(name.into_owned());
                }
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            items.seen += 1;
        }
        Ok(MaybeItems(Some(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(MaybeItems(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(MaybeItems(None))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(MaybeItems(None))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(MaybeItems(None))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(MaybeItems(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(MaybeItems(None))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(MaybeItems(None))
    }
}

impl<'de> Deserialize<'de> for MaybeItems {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemsVisitor)
    }
}

/// Most different unknown field names remembered of one batch.
const MAX_UNKNOWN: usize = 8;

/// One element of `events` before it is judged; `wrong` names its kind when it is no object.
#[derive(Default)]
struct RawEvent<'a> {
    wrong: Option<&'static str>,
    id: Option<Json<'a>>,
    at: Option<Json<'a>>,
    kind: Option<Json<'a>>,
    users: Option<Json<'a>>,
    tokens: Option<Json<'a>>,
    addons: Option<Json<'a>>,
    deployment: Option<Json<'a>>,
    apps: Option<Json<'a>>,
    namespace: Option<Json<'a>>,
    task: Option<Json<'a>>,
    result: Option<Json<'a>>,
    label: Option<Json<'a>>,
    value: Option<Json<'a>>,
    count: Option<Json<'a>>,
    path: Option<Json<'a>>,
    title: Option<Json<'a>>,
    locale: Option<Json<'a>>,
    user_agent: Option<Json<'a>>,
    unknown: Vec<Cow<'a, str>>,
}

impl<'a> RawEvent<'a> {
    fn slot(&mut self, name: &str) -> Option<&mut Option<Json<'a>>> {
        Some(match name {
            "id" => &mut self.id,
            "at" => &mut self.at,
            "type" => &mut self.kind,
            "users" => &mut self.users,
            "tokens" => &mut self.tokens,
            "addons" => &mut self.addons,
            "deployment" => &mut self.deployment,
            "apps" => &mut self.apps,
            "namespace" => &mut self.namespace,
            "task" => &mut self.task,
            "result" => &mut self.result,
            "label" => &mut self.label,
            "value" => &mut self.value,
            "count" => &mut self.count,
            "path" => &mut self.path,
            "title" => &mut self.title,
            "locale" => &mut self.locale,
            "user_agent" => &mut self.user_agent,
            _ => return None,
        })
    }

    fn wrong(kind: &'static str) -> Self {
        Self {
            wrong: Some(kind),
            ..Self::default()
        }
    }
}

struct RawEventVisitor;

impl<'de> Visitor<'de> for RawEventVisitor {
    type Value = RawEvent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut raw = RawEvent::default();
        while let Some(Key(key)) = map.next_key()? {
            if let Some(slot) = raw.slot(&key) {
                *slot = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
                if raw.unknown.len() < MAX_UNKNOWN {
                    raw.unknown.push(key);
                }
            }
        }
        Ok(raw)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(RawEvent::wrong("a list"))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(RawEvent::wrong("null"))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(RawEvent::wrong("a boolean"))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(RawEvent::wrong("a number"))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(RawEvent::wrong("a number"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(RawEvent::wrong("a number"))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(RawEvent::wrong("text"))
    }
}

impl<'de> Deserialize<'de> for RawEvent<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawEventVisitor)
    }
}

/// A UUID in any of its usual spellings, as text.
fn parse_id(value: &Json<'_>) -> Option<EventId> {
    match value {
        Json::Text(text) => Uuid::try_parse(text).ok().map(Uuid::into_bytes),
        _ => None,
    }
}

/// An RFC 3339 moment with zone or offset, in Unix milliseconds.
fn parse_moment(value: &Json<'_>) -> Option<i64> {
    match value {
        Json::Text(text) => text
            .parse::<Timestamp>()
            .ok()
            .map(Timestamp::as_millisecond),
        _ => None,
    }
}
