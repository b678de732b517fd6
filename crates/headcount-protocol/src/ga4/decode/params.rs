//! One pass over an event's parameters: limits judged, the ones we map kept.

use std::borrow::Cow;

use crate::ga4::rules::{self, NameFault};
use crate::json::Json;
use crate::notes::{NoteCode, Notes};
use crate::text;

type Text<'r> = Option<Cow<'r, str>>;

/// The parameters an event is made of. Older names of the same thing share a slot.
#[derive(Default)]
pub(super) struct Params<'r, 'a> {
    pub(super) namespace: Text<'r>,
    pub(super) task: Text<'r>,
    pub(super) result: Text<'r>,
    pub(super) label: Text<'r>,
    pub(super) value: Option<f64>,
    pub(super) count: Option<u32>,
    pub(super) page_location: Text<'r>,
    pub(super) page_path: Text<'r>,
    pub(super) page_title: Text<'r>,
    pub(super) screen_name: Text<'r>,
    pub(super) description: Text<'r>,
    pub(super) language: Text<'r>,
    pub(super) user_agent: Text<'r>,
    pub(super) timestamp_micros: Option<&'r Json<'a>>,
}

impl<'r, 'a> Params<'r, 'a> {
    pub(super) fn read(params: Option<&'r Json<'a>>, notes: &mut Notes) -> Self {
        let mut read = Self::default();
        let pairs = match params {
            None | Some(Json::Null) => return read,
            Some(Json::Object(pairs)) => pairs,
            Some(_) => {
                notes.add(NoteCode::BadValue, "params", "must be an object");
                return read;
            }
        };
        let mut counted = 0;
        for (name, value) in pairs {
            if name == "timestamp_micros" {
                read.timestamp_micros = Some(value);
                continue;
            }
            counted += 1;
            if counted > rules::MAX_PARAMS {
                notes.add_named(NoteCode::TooMany, name, "beyond 25 parameters");
                continue;
            }
            match rules::param_fault(name) {
                Some(NameFault::Long) => {
                    notes.add_named(NoteCode::TooLong, name, "a name over 40 characters");
                    continue;
                }
                Some(_) => notes.add_named(NoteCode::BadName, name, "no name for a parameter"),
                None => {}
            }
            read.take(name, value, notes);
        }
        read
    }

    fn take(&mut self, name: &str, value: &'r Json<'a>, notes: &mut Notes) {
        match value {
            Json::Null => return,
            Json::List(_) if name == "items" => return,
            Json::List(_) | Json::Object(_) => {
                notes.add_named(NoteCode::BadValue, name, "lists and objects only in items");
                return;
            }
            Json::Bool(_) | Json::Int(_) | Json::Float(_) | Json::Text(_) => {}
        }
        match name {
            "value" => self.value = number(value, notes),
            "count" => self.count = count(value),
            _ => {
                let Some(slot) = self.slot(name) else {
                    // Not mapped, but judged: under ENFORCE_RECOMMENDATIONS it decides.
                    bounded(name, value, notes);
                    return;
                };
                *slot = bounded(name, value, notes);
            }
        }
    }

    fn slot(&mut self, name: &str) -> Option<&mut Text<'r>> {
        Some(match name {
            "namespace" | "category" => &mut self.namespace,
            "task" | "action" => &mut self.task,
            "result" => &mut self.result,
            "label" => &mut self.label,
            "page_location" => &mut self.page_location,
            "page_path" => &mut self.page_path,
            "page_title" => &mut self.page_title,
            "screen_name" | "firebase_screen" => &mut self.screen_name,
            "description" => &mut self.description,
            "language" => &mut self.language,
            "user_agent" => &mut self.user_agent,
            _ => return None,
        })
    }
}

/// The text of a value if it is within its limit. What names a page is cut, the rest is dropped.
fn bounded<'r>(name: &str, value: &'r Json<'_>, notes: &mut Notes) -> Text<'r> {
    let text = match value {
        Json::Bool(true) => Cow::Borrowed("true"),
        Json::Bool(false) => Cow::Borrowed("false"),
        other => other.as_text()?,
    };
    let Some(max) = rules::max_value_chars(name) else {
        return Some(text);
    };
    // Bytes are an upper bound of characters: most values need no counting.
    if text.len() <= max || text.chars().count() <= max {
        return Some(text);
    }
    if name.starts_with("page_") {
        notes.add_named(NoteCode::Cut, name, "a value over its limit");
        let end = text
            .char_indices()
            .nth(max)
            .map_or(text.len(), |(end, _)| end);
        return Some(Cow::Owned(text::cut(&text, end).to_owned()));
    }
    notes.add_named(NoteCode::TooLong, name, "a value over 100 characters");
    None
}

fn number(value: &Json<'_>, notes: &mut Notes) -> Option<f64> {
    let text = match value {
        Json::Int(number) => return Some(*number as f64),
        Json::Float(number) => return Some(*number),
        Json::Bool(value) => return Some(f64::from(u8::from(*value))),
        Json::Text(text) => text.trim(),
        Json::Null | Json::List(_) | Json::Object(_) => return None,
    };
    if text.is_empty() {
        return None;
    }
    if text.eq_ignore_ascii_case("true") {
        return Some(1.0);
    }
    if text.eq_ignore_ascii_case("false") {
        return Some(0.0);
    }
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    if number.is_none() {
        notes.add(NoteCode::BadValue, "value", "must be a number");
    }
    number
}

fn count(value: &Json<'_>) -> Option<u32> {
    let count = match value {
        Json::Int(count) => u32::try_from(*count).ok()?,
        _ => return None,
    };
    (1..=crate::native::MAX_COUNT)
        .contains(&count)
        .then_some(count)
}
