//! The fields of the batch itself: what is not valid is dropped with a note.

use std::collections::BTreeMap;

use super::{parse_id, parse_moment};
use crate::event::{EventId, Runtime};
use crate::json::Json;
use crate::native::{MAX_FACTS, MAX_LOST_REASONS, MAX_WORD_BYTES};
use crate::notes::{NoteCode, Notes};
use crate::text;
use crate::vocabulary;

fn present<'a, 'j>(value: Option<&'a Json<'j>>) -> Option<&'a Json<'j>> {
    value.filter(|v| !matches!(v, Json::Null))
}

pub(super) fn word(
    field: &'static str,
    value: Option<&Json<'_>>,
    notes: &mut Notes,
) -> Option<String> {
    let Some(text) = present(value)?.as_text() else {
        notes.add(NoteCode::BadValue, field, "must be text");
        return None;
    };
    let text = text::collapse(&text);
    if text.len() > MAX_WORD_BYTES {
        notes.add(NoteCode::Cut, field, "longer than 100 bytes");
    }
    let text = text::cut(&text, MAX_WORD_BYTES);
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn id(
    field: &'static str,
    value: Option<&Json<'_>>,
    notes: &mut Notes,
) -> Option<EventId> {
    let id = parse_id(present(value)?);
    if id.is_none() {
        notes.add(NoteCode::BadValue, field, "must be a UUID");
    }
    id
}

pub(super) fn moment(
    field: &'static str,
    value: Option<&Json<'_>>,
    notes: &mut Notes,
) -> Option<i64> {
    let moment = parse_moment(present(value)?);
    if moment.is_none() {
        notes.add(
            NoteCode::BadValue,
            field,
            "must be an RFC 3339 time with its offset",
        );
    }
    moment
}

pub(super) fn runtime(value: Option<&Json<'_>>, notes: &mut Notes) -> Runtime {
    let mut runtime = Runtime::default();
    let Some(value) = present(value) else {
        return runtime;
    };
    let Json::Object(pairs) = value else {
        notes.add(NoteCode::BadValue, "runtime", "must be an object");
        return runtime;
    };
    for (name, value) in pairs {
        let Some(fact) = value.as_text() else {
            notes.add_named(NoteCode::BadValue, name, "a fact of runtime must be text");
            continue;
        };
        if name == "deployment" {
            runtime.deployment = vocabulary::deployment(&fact);
            if runtime.deployment.is_none() {
                notes.add(NoteCode::BadValue, "runtime.deployment", DEPLOYMENT_FORM);
            }
        } else if name.is_empty() || name.len() > MAX_WORD_BYTES || fact.len() > MAX_WORD_BYTES {
            notes.add_named(
                NoteCode::TooLong,
                name,
                "a fact of runtime has at most 100 bytes",
            );
        } else if runtime.facts.len() >= MAX_FACTS {
            notes.add_named(NoteCode::TooMany, name, "runtime holds at most 32 facts");
        } else {
            runtime.facts.insert(name.to_string(), fact.into_owned());
        }
    }
    runtime
}

pub(super) const DEPLOYMENT_FORM: &str =
    "must be one word of at most 32 letters, digits, dots, dashes or underscores";

pub(super) fn lost(value: Option<&Json<'_>>, notes: &mut Notes) -> BTreeMap<String, u64> {
    let mut lost = BTreeMap::new();
    let Some(value) = present(value) else {
        return lost;
    };
    let Json::Object(pairs) = value else {
        notes.add(NoteCode::BadValue, "lost", "must be an object");
        return lost;
    };
    for (reason, value) in pairs {
        let count = match value {
            Json::Int(count) => u64::try_from(*count).ok(),
            _ => None,
        };
        let Some(count) = count else {
            notes.add_named(
                NoteCode::BadValue,
                reason,
                "a count in lost must be an integer",
            );
            continue;
        };
        if reason.is_empty() || reason.len() > MAX_WORD_BYTES {
            notes.add_named(
                NoteCode::TooLong,
                reason,
                "a reason in lost has 1 to 100 bytes",
            );
        } else if lost.len() >= MAX_LOST_REASONS && !lost.contains_key(&**reason) {
            notes.add_named(NoteCode::TooMany, reason, "lost holds at most 32 reasons");
        } else {
            lost.insert(reason.to_string(), count);
        }
    }
    lost
}
