//! Complaints about events, their parameters and items.

use super::Messages;
use crate::ga4::decode::field;
use crate::ga4::rules::{self, NameFault};
use crate::json::Json;

pub(super) fn check(root: &Json<'_>, strict: bool, now_ms: i64, out: &mut Messages) {
    let events = match field(root, "events") {
        Some(Json::List(events)) if !events.is_empty() => events,
        None | Some(Json::List(_)) => {
            out.add(
                "events",
                "Measurement requires at least one event.",
                "VALUE_REQUIRED",
            );
            return;
        }
        Some(other) => {
            let text = format!("The events must be an array, not {}.", other.kind());
            out.add("events", text, "VALUE_INVALID");
            return;
        }
    };
    if events.len() > rules::MAX_EVENTS {
        let text = format!(
            "A request can have at most [25] events, not [{}].",
            events.len()
        );
        out.add("events", text, "EXCEEDED_MAX_ENTITIES");
    }
    for (index, event) in events.iter().enumerate() {
        one(index, event, strict, now_ms, out);
    }
}

fn one(index: usize, event: &Json<'_>, strict: bool, now_ms: i64, out: &mut Messages) {
    if !matches!(event, Json::Object(_)) {
        let text = format!(
            "Event at index: [{index}] must be an object, not {}.",
            event.kind()
        );
        out.add("events", text, "VALUE_INVALID");
        return;
    }
    let name = event
        .get("name")
        .and_then(Json::as_text)
        .unwrap_or_default();
    named(index, &name, strict, out);
    out.too_old(
        "events.timestamp_micros",
        field(event, "timestamp_micros"),
        now_ms,
    );
    let pairs = match event.get("params") {
        None | Some(Json::Null) => return,
        Some(Json::Object(pairs)) => pairs,
        Some(other) => {
            let text = format!(
                "Event at index: [{index}] has params that must be an object, not {}.",
                other.kind()
            );
            out.add("events.params", text, "VALUE_INVALID");
            return;
        }
    };
    let count = pairs
        .iter()
        .filter(|(name, _)| name != "timestamp_micros")
        .count();
    if count > rules::MAX_PARAMS {
        let text =
            format!("Event at index: [{index}] can have at most [25] params, not [{count}].");
        out.add("events.params", text, "EXCEEDED_MAX_ENTITIES");
    }
    for (at, (param, value)) in pairs.iter().enumerate() {
        if rules::is_repeated(pairs, at) {
            let text = format!("Event at index: [{index}] has param [{param}] twice.");
            out.add("events.params", text, "NAME_DUPLICATED");
        }
        if param == "timestamp_micros" {
            out.too_old("events.params.timestamp_micros", Some(value), now_ms);
        } else {
            Param {
                event: index,
                name: param,
                value,
                strict,
            }
            .check(out);
        }
    }
}

fn named(index: usize, name: &str, strict: bool, out: &mut Messages) {
    let invalid = format!("Event at index: [{index}] has invalid name [{name}].");
    let reserved = strict && rules::has_reserved_prefix(name);
    let fault = rules::event_fault(name);
    let (text, code) = match fault {
        Some(NameFault::Empty) => (
            format!("Event at index: [{index}] requires a name."),
            "VALUE_REQUIRED",
        ),
        Some(NameFault::Start) => (
            format!("{invalid} Names must start with an alphabetic character."),
            "NAME_INVALID",
        ),
        Some(NameFault::Alphabet) => (
            format!("{invalid} Only alphanumeric characters and underscores are allowed."),
            "NAME_INVALID",
        ),
        Some(NameFault::Long) => (
            format!("{invalid} Names can have at most [40] characters."),
            "NAME_INVALID",
        ),
        Some(NameFault::Reserved) => (
            format!("Event at index: [{index}] has name [{name}] which is reserved."),
            "NAME_RESERVED",
        ),
        None if reserved => (
            format!("Event at index: [{index}] has name [{name}] which is reserved."),
            "NAME_RESERVED",
        ),
        None => return,
    };
    out.add("events", text, code);
}

/// One parameter of an event.
struct Param<'a> {
    event: usize,
    name: &'a str,
    value: &'a Json<'a>,
    strict: bool,
}

impl Param<'_> {
    fn check(&self, out: &mut Messages) {
        let (event, name) = (self.event, self.name);
        if let Some(fault) = rules::param_fault(name) {
            let invalid = format!("Event at index: [{event}] has invalid param name [{name}].");
            let (text, code) = match fault {
                NameFault::Reserved => (
                    format!("Event at index: [{event}] has param [{name}] which is reserved."),
                    "NAME_RESERVED",
                ),
                NameFault::Empty | NameFault::Start => (
                    format!("{invalid} Names must start with an alphabetic character."),
                    "NAME_INVALID",
                ),
                NameFault::Alphabet => (
                    format!("{invalid} Only alphanumeric characters and underscores are allowed."),
                    "NAME_INVALID",
                ),
                NameFault::Long => (
                    format!("{invalid} Names can have at most [40] characters."),
                    "NAME_INVALID",
                ),
            };
            out.add("events.params", text, code);
        }
        match self.value {
            Json::List(items) if name == "items" => self.items(items, out),
            Json::List(_) | Json::Object(_) => {
                let text = format!(
                    "Event at index: [{event}] has param [{name}] that must not be {}.",
                    self.value.kind()
                );
                out.add(&format!("events.params.{name}"), text, "VALUE_INVALID");
            }
            Json::Null | Json::Bool(_) | Json::Int(_) | Json::Float(_) | Json::Text(_) => {
                self.plain(out);
            }
        }
    }

    fn plain(&self, out: &mut Messages) {
        let (event, name) = (self.event, self.name);
        let path = format!("events.params.{name}");
        let text = self.value.as_text().unwrap_or_default();
        if let Some(max) = rules::max_value_chars(name)
            && text.chars().count() > max
        {
            let text = format!(
                "Event at index: [{event}] has param [{name}] with a value of over [{max}] \
                 characters."
            );
            out.add(&path, text, "VALUE_OUT_OF_BOUNDS");
        }
        let numeric = matches!(name, "value" | "engagement_time_msec" | "tax" | "shipping");
        if self.strict && numeric && !is_number(self.value) {
            let text =
                format!("Event at index: [{event}] has param [{name}] that must be a number.");
            out.add(&path, text, "VALUE_INVALID");
        }
    }

    fn items(&self, items: &[Json<'_>], out: &mut Messages) {
        let event = self.event;
        if items.len() > rules::MAX_ITEMS {
            let text = format!(
                "Event at index: [{event}] can have at most [200] items, not [{}].",
                items.len()
            );
            out.add("events.params.items", text, "EXCEEDED_MAX_ENTITIES");
        }
        for item in items {
            for name in ["price", "quantity"] {
                let Some(value) = item.get(name).filter(|value| !is_number(value)) else {
                    continue;
                };
                let kind = match value {
                    Json::Text(text) => format!("string_value: \"{text}\""),
                    other => other.kind().to_owned(),
                };
                let text = format!(
                    "Validation of item.{name} should prevent conversion from unsupported value \
                     [{kind}]"
                );
                out.of_body(text, "INTERNAL_ERROR");
            }
            if self.strict && item.get("item_id").is_none() && item.get("item_name").is_none() {
                let text = format!(
                    "Event at index: [{event}] has an item with neither item_id nor item_name."
                );
                out.add("events.params.items", text, "VALUE_REQUIRED");
            }
        }
    }
}

/// A number, or text that holds one.
fn is_number(value: &Json<'_>) -> bool {
    match value {
        Json::Int(_) | Json::Float(_) | Json::Null => true,
        Json::Text(text) => text.trim().parse::<f64>().is_ok_and(f64::is_finite),
        Json::Bool(_) | Json::List(_) | Json::Object(_) => false,
    }
}
