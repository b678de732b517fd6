//! Decodes one GA4 request into an event for each of its events. Never fails on types or limits.

use std::borrow::Cow;

use super::rules::{self, NameFault};
use super::{Decoded, Hit, Key};
use crate::event::{Event, EventBody, InstallId, Page};
use crate::json::Json;
use crate::native::{MAX_USER_AGENT_BYTES, MAX_WORD_BYTES};
use crate::notes::{Note, NoteCode, Notes, Refusal, RefusalCode};
use crate::text;

mod body;
mod params;

use params::Params;

/// Decodes a request from its query string and body, received at `received_ms` (Unix
/// milliseconds). An event's moment is its own `timestamp_micros`, else the request's, else left
/// open, which means the moment of receipt; moments over 72 hours ago are moved there, or refused
/// where the request asks for `ENFORCE_RECOMMENDATIONS`.
///
/// Never fails: what cannot be counted comes back as a hit with its refusal.
#[must_use]
pub fn decode(query: Option<&str>, body: &[u8], received_ms: i64) -> Decoded {
    let key = Key::parse(query);
    if body.len() > rules::MAX_BODY_BYTES {
        let message = format!("a body of {} bytes, at most 130000 are taken", body.len());
        return refused(key, Refusal::new(RefusalCode::TooLarge, "", message));
    }
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(root @ Json::Object(_)) => request(key, &root, received_ms),
        Ok(other) => {
            let message = format!("the body must be a JSON object, not {}", other.kind());
            refused(key, Refusal::new(RefusalCode::Unreadable, "", message))
        }
        Err(error) => {
            let message = format!("the body is not valid JSON: {error}");
            refused(key, Refusal::new(RefusalCode::Unreadable, "", message))
        }
    }
}

fn refused(key: Key, refusal: Refusal) -> Decoded {
    let hit = Hit {
        name: String::new(),
        outcome: Err(refusal),
        notes: Vec::new(),
    };
    Decoded {
        key,
        install: None,
        app: None,
        app_version: None,
        user_agent: None,
        hits: vec![hit],
        notes: Vec::new(),
    }
}

/// The last value that goes by `field` in either spelling.
pub(super) fn field<'r, 'a>(root: &'r Json<'a>, field: &str) -> Option<&'r Json<'a>> {
    let Json::Object(pairs) = root else {
        return None;
    };
    let found = pairs
        .iter()
        .rev()
        .find(|(name, _)| rules::is_field(name, field));
    found
        .map(|(_, value)| value)
        .filter(|value| !matches!(value, Json::Null))
}

/// What all events of a request share.
struct Request<'r> {
    strict: bool,
    received_ms: i64,
    at_ms: Option<i64>,
    locale: String,
    user_agent: &'r str,
}

fn request(key: Key, root: &Json<'_>, received_ms: i64) -> Decoded {
    let mut notes = Notes::default();
    let id = field(root, "client_id").or_else(|| field(root, "app_instance_id"));
    let install = id
        .and_then(Json::as_text)
        .and_then(|text| InstallId::parse(&text));
    let user_agent = user_agent(root);
    let properties = properties(root, &mut notes);
    let shared = Request {
        strict: is_strict(root),
        received_ms,
        at_ms: field(root, "timestamp_micros").and_then(|value| {
            let ms = millis(value);
            if ms.is_none() {
                notes.add(NoteCode::BadValue, "timestamp_micros", "must be a number");
            }
            ms
        }),
        locale: field(root, "device")
            .and_then(|device| field(device, "language"))
            .and_then(Json::as_text)
            .and_then(|language| text::locale(&language))
            .unwrap_or_default(),
        user_agent: user_agent.as_deref().unwrap_or_default(),
    };
    let mut hits = hits(root, &shared, &mut notes);
    if let Some(refusal) = uncountable(&key, id, install.as_ref()) {
        for hit in &mut hits {
            hit.outcome = Err(refusal.clone());
        }
    }
    Decoded {
        key,
        install,
        app: properties.app,
        app_version: properties.version,
        user_agent,
        hits,
        notes: notes.0,
    }
}

/// Why none of the request's events counts.
fn uncountable(key: &Key, id: Option<&Json<'_>>, install: Option<&InstallId>) -> Option<Refusal> {
    if key.stream().is_none() {
        return Some(Refusal::missing("measurement_id"));
    }
    if key.api_secret.is_none() {
        return Some(Refusal::missing("api_secret"));
    }
    if install.is_some() {
        return None;
    }
    if id.is_none() {
        return Some(Refusal::missing("client_id"));
    }
    let message = "client_id must be text of 1 to 128 bytes without control characters";
    Some(Refusal::new(RefusalCode::BadValue, "client_id", message))
}

pub(super) fn is_strict(root: &Json<'_>) -> bool {
    let behaviour = field(root, "validation_behavior").and_then(Json::as_text);
    behaviour.is_some_and(|text| text.trim() == "ENFORCE_RECOMMENDATIONS")
}

/// Microseconds as a number or as its digits, in milliseconds.
pub(super) fn millis(value: &Json<'_>) -> Option<i64> {
    let micros = match value {
        Json::Int(micros) => *micros,
        Json::Float(micros) if micros.abs() < 1e18 => *micros as i64,
        Json::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    Some(micros.div_euclid(1000))
}

/// `device` beats `user_agent`; its browser and system are put in our reduced form.
fn user_agent(root: &Json<'_>) -> Option<String> {
    let bounded = |text: &str| {
        Some(text::cut(&text::collapse(text), MAX_USER_AGENT_BYTES).to_owned())
            .filter(|text| !text.is_empty())
    };
    if let Some(device) = field(root, "device") {
        let word = |name| field(device, name).and_then(Json::as_text);
        if let Some(browser) = word("browser") {
            let version = word("browser_version").unwrap_or_default();
            let major = version.split('.').next().unwrap_or_default();
            let system = word("operating_system")
                .map(|os| format!(" / {os}"))
                .unwrap_or_default();
            let space = if major.is_empty() { "" } else { " " };
            return bounded(&format!("{browser}{space}{major}{system}"));
        }
    }
    field(root, "user_agent")
        .and_then(Json::as_text)
        .and_then(|text| bounded(&text))
}

#[derive(Default)]
struct Properties {
    app: Option<String>,
    version: Option<String>,
}

fn properties(root: &Json<'_>, notes: &mut Notes) -> Properties {
    let mut found = Properties::default();
    let mut own_version = None;
    let Some(value) = field(root, "user_properties") else {
        return found;
    };
    let Json::Object(pairs) = value else {
        notes.add(NoteCode::BadValue, "user_properties", "must be an object");
        return found;
    };
    for (index, (name, property)) in pairs.iter().enumerate() {
        if index >= rules::MAX_USER_PROPERTIES {
            notes.add_named(NoteCode::TooMany, name, "beyond 25 user properties");
            continue;
        }
        match rules::property_fault(name) {
            Some(NameFault::Long) => {
                notes.add_named(NoteCode::TooLong, name, "a user property's name over 24");
                continue;
            }
            Some(_) => notes.add_named(NoteCode::BadName, name, "no name for a user property"),
            None => {}
        }
        let value = match property {
            Json::Object(_) => property.get("value"),
            plain => {
                notes.add_named(
                    NoteCode::Converted,
                    name,
                    "a user property needs its `value`",
                );
                Some(plain)
            }
        };
        let Some(text) = value.and_then(Json::as_text) else {
            continue;
        };
        if text.chars().count() > rules::MAX_PROPERTY_VALUE_CHARS {
            notes.add_named(NoteCode::TooLong, name, "a user property's value over 36");
            continue;
        }
        let word = text::cut(&text::collapse(&text), MAX_WORD_BYTES).to_owned();
        let slot = match &**name {
            "allianceauth_version" => &mut own_version,
            "app_version" => &mut found.version,
            "app_name" => &mut found.app,
            _ => continue,
        };
        *slot = Some(word).filter(|word| !word.is_empty());
    }
    if own_version.is_some() {
        found.app.get_or_insert_with(|| "allianceauth".to_owned());
        found.version = own_version;
    }
    found
}

/// Events beyond this number are refused as one: a body could hold tens of thousands.
const MAX_TOLD: usize = 4 * rules::MAX_EVENTS;

fn hits(root: &Json<'_>, shared: &Request<'_>, notes: &mut Notes) -> Vec<Hit> {
    let events = match field(root, "events") {
        Some(Json::List(events)) => events.as_slice(),
        Some(event @ Json::Object(_)) => {
            notes.add(
                NoteCode::Converted,
                "events",
                "one event as an object, not in a list",
            );
            std::slice::from_ref(event)
        }
        Some(_) => &[],
        None => &[],
    };
    if events.is_empty() {
        let refusal = Refusal::missing("events");
        return vec![Hit {
            name: String::new(),
            outcome: Err(refusal),
            notes: Vec::new(),
        }];
    }
    let told = events.len().min(MAX_TOLD);
    let mut hits: Vec<Hit> = events[..told]
        .iter()
        .enumerate()
        .map(|(index, event)| hit(index, event, shared))
        .collect();
    if told < events.len() {
        let message = format!(
            "{} more events of a request that may hold 25",
            events.len() - told
        );
        let refusal = Refusal::new(RefusalCode::TooMany, "events", message);
        hits.push(Hit {
            name: String::new(),
            outcome: Err(refusal),
            notes: Vec::new(),
        });
    }
    hits
}

fn hit(index: usize, event: &Json<'_>, shared: &Request<'_>) -> Hit {
    let mut notes = Notes::default();
    let name = event
        .get("name")
        .and_then(Json::as_text)
        .unwrap_or_default();
    let name = name.trim();
    let outcome = if index >= rules::MAX_EVENTS {
        let message = format!("event {} of a request that may hold 25", index + 1);
        Err(Refusal::new(RefusalCode::TooMany, "events", message))
    } else {
        decode_event(name, event, shared, &mut notes)
    };
    let outcome = if shared.strict {
        enforced(outcome, &notes.0)
    } else {
        outcome
    };
    let name = match &outcome {
        Ok(event) => event.body.name(),
        Err(_) => text::cut(name, MAX_WORD_BYTES).to_owned(),
    };
    Hit {
        name,
        outcome,
        notes: notes.0,
    }
}

/// Under `ENFORCE_RECOMMENDATIONS` what would only be noted rejects the event.
fn enforced(outcome: Result<Event, Refusal>, notes: &[Note]) -> Result<Event, Refusal> {
    let event = outcome?;
    for note in notes {
        let code = match note.code {
            NoteCode::BadValue | NoteCode::OutOfBounds => RefusalCode::BadValue,
            NoteCode::Cut | NoteCode::TooLong => RefusalCode::TooLong,
            NoteCode::TooMany => RefusalCode::TooMany,
            NoteCode::BadName | NoteCode::Duplicate => RefusalCode::BadName,
            NoteCode::Moved => RefusalCode::TooOld,
            NoteCode::Missing
            | NoteCode::Converted
            | NoteCode::NotForKind
            | NoteCode::BrokenPair
            | NoteCode::UnknownField => continue,
        };
        return Err(Refusal::new(code, note.field.clone(), note.message.clone()));
    }
    Ok(event)
}

fn decode_event(
    name: &str,
    event: &Json<'_>,
    shared: &Request<'_>,
    notes: &mut Notes,
) -> Result<Event, Refusal> {
    if !matches!(event, Json::Object(_)) {
        let message = format!("an event must be an object, not {}", event.kind());
        return Err(Refusal::new(RefusalCode::BadValue, "events", message));
    }
    match rules::event_fault(name) {
        Some(NameFault::Empty) => return Err(Refusal::missing("name")),
        Some(NameFault::Long) => {
            let message = "an event's name has at most 40 characters";
            return Err(Refusal::new(RefusalCode::BadName, "name", message));
        }
        Some(NameFault::Reserved) => notes.add(NoteCode::BadName, "name", "a reserved name"),
        Some(NameFault::Start | NameFault::Alphabet) => {
            notes.add(
                NoteCode::BadName,
                "name",
                "not letters, digits and _ with a letter first",
            );
        }
        None => {}
    }
    if shared.strict && rules::has_reserved_prefix(name) {
        notes.add(NoteCode::BadName, "name", "a reserved beginning");
    }
    let params = Params::read(event.get("params"), notes);
    let own = event
        .get("timestamp_micros")
        .or_else(|| event.get("timestampMicros"));
    let at_ms = moment(own.or(params.timestamp_micros), shared, notes);
    let body = body::of(name, &params, notes)?;
    let body = match body {
        EventBody::Page(page) => EventBody::Page(viewed(page, shared)),
        other => other,
    };
    Ok(Event {
        id: None,
        at_ms,
        body,
    })
}

/// A page view's locale and user agent are its own, else the request's.
fn viewed(mut page: Page, shared: &Request<'_>) -> Page {
    if page.locale.is_empty() {
        page.locale.clone_from(&shared.locale);
    }
    if page.user_agent.is_empty() {
        shared.user_agent.clone_into(&mut page.user_agent);
    }
    page
}

fn moment(own: Option<&Json<'_>>, shared: &Request<'_>, notes: &mut Notes) -> Option<i64> {
    let own = own
        .filter(|value| !matches!(value, Json::Null))
        .and_then(|value| {
            let ms = millis(value);
            if ms.is_none() {
                notes.add(NoteCode::BadValue, "timestamp_micros", "must be a number");
            }
            ms
        });
    let at_ms = own.or(shared.at_ms)?;
    let oldest_ms = shared.received_ms.saturating_sub(rules::MAX_AGE_MS);
    if at_ms < oldest_ms {
        let message = "over 72 hours ago, counted as 72 hours ago";
        notes.add(NoteCode::Moved, "timestamp_micros", message);
        return Some(oldest_ms);
    }
    Some(at_ms)
}

/// Text of a parameter, trimmed, with inner white space collapsed.
fn plain(value: Option<&Cow<'_, str>>) -> String {
    value.map(|text| text::collapse(text)).unwrap_or_default()
}
