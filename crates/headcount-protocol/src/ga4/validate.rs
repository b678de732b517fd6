//! The answer of the GA4 validation endpoint: messages with path, text and code as documented.

use super::Key;
use super::decode::{field, is_strict, millis};
use super::rules;
use crate::answer::{self, Answer};
use crate::json::Json;

mod events;
mod properties;

/// One complaint about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The field to blame; `None` when it is the body itself.
    pub field_path: Option<String>,
    /// One sentence or two.
    pub description: String,
    /// One of the documented codes, for example `VALUE_REQUIRED`.
    pub validation_code: &'static str,
}

/// The JSON answer to a request. Nothing of it is to be stored.
#[must_use]
pub fn debug(query: Option<&str>, body: &[u8], now_ms: i64) -> String {
    let messages = validate(query, body, now_ms)
        .into_iter()
        .map(|message| {
            let mut fields = Vec::new();
            if let Some(path) = message.field_path {
                fields.push(("fieldPath", Answer::Text(path)));
            }
            fields.push(("description", Answer::Text(message.description)));
            fields.push((
                "validationCode",
                Answer::Text(message.validation_code.to_owned()),
            ));
            fields
        })
        .collect();
    answer::print(&vec![("validationMessages", Answer::List(messages))])
}

/// All complaints about a request at `now_ms` (Unix milliseconds); none when it is fine. Whether
/// the ids and the secret are right is not looked at.
#[must_use]
pub fn validate(query: Option<&str>, body: &[u8], now_ms: i64) -> Vec<Message> {
    let key = Key::parse(query);
    let mut out = Messages(Vec::new());
    let ids = [
        ("api_secret", key.api_secret.is_none()),
        ("measurement_id", key.stream().is_none()),
        ("firebase_app_id", key.stream().is_none()),
    ];
    for (name, absent) in ids {
        if absent {
            let text = format!("Unable to find non-empty parameter [{name}] value in request.");
            out.add(name, text, "VALUE_REQUIRED");
        }
    }
    if body.len() > rules::MAX_BODY_BYTES {
        let text = format!(
            "The body has [{}] bytes, at most [130000] are allowed.",
            body.len()
        );
        out.of_body(text, "VALUE_OUT_OF_BOUNDS");
        return out.0;
    }
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(root @ Json::Object(_)) => check(&key, &root, now_ms, &mut out),
        Ok(other) => {
            let text = format!("the root is {}, not an object", other.kind());
            out.unparsable(&text);
        }
        Err(error) => out.unparsable(&error.to_string()),
    }
    out.0
}

/// Most messages of one answer: a body can hold thousands of faults.
const MAX_MESSAGES: usize = 100;

struct Messages(Vec<Message>);

impl Messages {
    fn push(&mut self, path: Option<String>, description: String, code: &'static str) {
        if self.0.len() < MAX_MESSAGES {
            self.0.push(Message {
                field_path: path,
                description,
                validation_code: code,
            });
        }
    }

    fn add(&mut self, path: &str, description: impl Into<String>, code: &'static str) {
        self.push(Some(path.to_owned()), description.into(), code);
    }

    fn of_body(&mut self, description: impl Into<String>, code: &'static str) {
        self.push(None, description.into(), code);
    }

    fn unparsable(&mut self, why: &str) {
        let text = format!("Unable to parse Measurement Protocol JSON payload. {why}");
        self.of_body(text, "VALUE_INVALID");
    }

    fn too_old(&mut self, path: &str, value: Option<&Json<'_>>, now_ms: i64) {
        let Some(value) = value.filter(|value| !matches!(value, Json::Null)) else {
            return;
        };
        let Some(ms) = millis(value) else {
            let text = format!(
                "Measurement timestamp_micros must be a number, not {}.",
                value.kind()
            );
            self.add(path, text, "VALUE_INVALID");
            return;
        };
        if ms < now_ms.saturating_sub(rules::MAX_AGE_MS) {
            let now_micros = now_ms.saturating_mul(1000);
            let text = format!(
                "Measurement timestamp_micros has timestamp too far in the past. Measurement \
                 protocol only supports timestamps [72h] into the past. The current time in UNIX \
                 microseconds is [{now_micros}]."
            );
            self.add(path, text, "VALUE_INVALID");
        }
    }
}

fn check(key: &Key, root: &Json<'_>, now_ms: i64, out: &mut Messages) {
    known_fields(root, out);
    sender(key, root, out);
    if field(root, "user_id")
        .and_then(Json::as_text)
        .is_some_and(|id| id.chars().count() > rules::MAX_USER_ID_CHARS)
    {
        out.add(
            "user_id",
            "The user_id can have at most [256] characters.",
            "VALUE_OUT_OF_BOUNDS",
        );
    }
    out.too_old("timestamp_micros", field(root, "timestamp_micros"), now_ms);
    if let Some(consent) = field(root, "consent") {
        for name in ["ad_user_data", "ad_personalization"] {
            let value = field(consent, name).map(|value| value.as_text().unwrap_or_default());
            if value.is_some_and(|value| value != "GRANTED" && value != "DENIED") {
                let text = format!("Consent {name} must be GRANTED or DENIED.");
                out.add(&format!("consent.{name}"), text, "VALUE_INVALID");
            }
        }
    }
    if let Some(value) = field(root, "validation_behavior") {
        let text = value.as_text().unwrap_or_default();
        if text != "RELAXED" && text != "ENFORCE_RECOMMENDATIONS" {
            let text = "The validation_behavior must be RELAXED or ENFORCE_RECOMMENDATIONS.";
            out.add("validation_behavior", text, "VALUE_INVALID");
        }
    }
    properties::check(root, now_ms, out);
    events::check(root, is_strict(root), now_ms, out);
}

fn known_fields(root: &Json<'_>, out: &mut Messages) {
    let Json::Object(pairs) = root else { return };
    for (index, (name, _)) in pairs.iter().enumerate() {
        let known = name == "events" || rules::FIELDS.iter().any(|f| rules::is_field(name, f));
        if !known {
            let text = format!(
                "Unable to parse Measurement Protocol JSON payload. Cannot find field [{name}]."
            );
            out.add(name, text, "VALUE_INVALID");
        } else if rules::is_repeated(pairs, index) {
            out.add(
                name,
                format!("Field [{name}] is there twice."),
                "NAME_DUPLICATED",
            );
        }
    }
}

fn sender(key: &Key, root: &Json<'_>, out: &mut Messages) {
    let text = |name| {
        field(root, name)
            .and_then(Json::as_text)
            .unwrap_or_default()
    };
    let is_app = key.firebase_app_id.is_some() && key.measurement_id.is_none();
    if !is_app {
        if text("client_id").trim().is_empty() {
            out.add(
                "client_id",
                "Measurement requires a client_id.",
                "VALUE_REQUIRED",
            );
        }
        return;
    }
    let id = text("app_instance_id");
    if id.is_empty() {
        let text = "Measurement requires an app_instance_id.";
        out.add("app_instance_id", text, "VALUE_REQUIRED");
        return;
    }
    let digits = id.chars().count();
    if digits != 32 {
        let text = format!(
            "Measurement app_instance_id is expected to be a 32 digit hexadecimal number but was \
             [{digits}] digits."
        );
        out.add("app_instance_id", text, "VALUE_INVALID");
    }
    if let Some(c) = id.chars().find(|c| !c.is_ascii_hexdigit()) {
        let text = format!("Measurement app_instance_id contains non hexadecimal character [{c}].");
        out.add("app_instance_id", text, "VALUE_INVALID");
    }
}
