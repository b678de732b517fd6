//! Limits, reserved names and prefixes of GA4, as data: decoding and validation share them.

use std::borrow::Cow;

use crate::json::Json;

/// Most events in one request.
pub const MAX_EVENTS: usize = 25;
/// Most parameters of one event, `timestamp_micros` not counted.
pub const MAX_PARAMS: usize = 25;
/// Most user properties in one request.
pub const MAX_USER_PROPERTIES: usize = 25;
/// Most items of one event.
pub const MAX_ITEMS: usize = 200;
/// Longest name of an event or parameter, in characters.
pub const MAX_NAME_CHARS: usize = 40;
/// Longest value of most parameters, in characters.
pub const MAX_VALUE_CHARS: usize = 100;
/// Longest name of a user property, in characters.
pub const MAX_PROPERTY_NAME_CHARS: usize = 24;
/// Longest value of a user property, in characters.
pub const MAX_PROPERTY_VALUE_CHARS: usize = 36;
/// Longest `user_id`, in characters.
pub const MAX_USER_ID_CHARS: usize = 256;
/// Most bytes of a body.
pub const MAX_BODY_BYTES: usize = 130_000;
/// Oldest moment taken: 72 hours before receipt, in milliseconds.
pub const MAX_AGE_MS: i64 = 72 * 3_600_000;

/// Event names Google keeps for itself, on every stream.
pub const RESERVED_EVENTS: [&str; 31] = [
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_clear_data",
    "app_exception",
    "app_install",
    "app_remove",
    "app_store_refund",
    "app_update",
    "app_upgrade",
    "dynamic_link_app_open",
    "dynamic_link_app_update",
    "dynamic_link_first_open",
    "error",
    "firebase_campaign",
    "firebase_in_app_message_action",
    "firebase_in_app_message_dismiss",
    "firebase_in_app_message_impression",
    "first_open",
    "first_visit",
    "notification_dismiss",
    "notification_foreground",
    "notification_open",
    "notification_receive",
    "notification_send",
    "os_update",
    "session_start",
    "user_engagement",
];
/// User property names Google keeps for itself.
pub const RESERVED_PROPERTIES: [&str; 5] = [
    "first_open_time",
    "first_visit_time",
    "last_deep_link_referrer",
    "user_id",
    "first_open_after_install",
];
/// Parameter names Google keeps for itself.
pub const RESERVED_PARAMS: [&str; 1] = ["firebase_conversion"];
/// Beginnings Google keeps for itself, for parameters; user properties lack the last one.
pub const RESERVED_PREFIXES: [&str; 5] = ["_", "firebase_", "ga_", "google_", "gtag."];

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// Empty.
    Empty,
    /// Does not begin with a letter.
    Start,
    /// Holds something else than letters, digits and underscores.
    Alphabet,
    /// Longer than allowed.
    Long,
    /// Kept by Google for itself.
    Reserved,
}

/// Judges the form of a name: ASCII letters, digits and `_`, a letter first.
#[must_use]
pub fn form_fault(name: &str, max_chars: usize) -> Option<NameFault> {
    let first = name.bytes().next();
    if first.is_none() {
        Some(NameFault::Empty)
    } else if name.chars().count() > max_chars {
        Some(NameFault::Long)
    } else if !first.is_some_and(|b| b.is_ascii_alphabetic()) {
        Some(NameFault::Start)
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        Some(NameFault::Alphabet)
    } else {
        None
    }
}

/// Judges the name of an event.
#[must_use]
pub fn event_fault(name: &str) -> Option<NameFault> {
    form_fault(name, MAX_NAME_CHARS).or_else(|| {
        RESERVED_EVENTS
            .contains(&name)
            .then_some(NameFault::Reserved)
    })
}

/// Judges the name of an event's parameter.
#[must_use]
pub fn param_fault(name: &str) -> Option<NameFault> {
    let reserved = RESERVED_PARAMS.contains(&name) || has_reserved_prefix(name);
    if reserved && !name.is_empty() {
        return Some(NameFault::Reserved);
    }
    form_fault(name, MAX_NAME_CHARS)
}

/// Judges the name of a user property.
#[must_use]
pub fn property_fault(name: &str) -> Option<NameFault> {
    if RESERVED_PROPERTIES.contains(&name) || has_reserved_prefix(name) {
        return Some(NameFault::Reserved);
    }
    form_fault(name, MAX_PROPERTY_NAME_CHARS)
}

/// Whether a name begins as only Google's own may.
#[must_use]
pub fn has_reserved_prefix(name: &str) -> bool {
    RESERVED_PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Longest value of a parameter, in characters; `None` where there is no limit.
#[must_use]
pub fn max_value_chars(param: &str) -> Option<usize> {
    match param {
        "page_title" => Some(300),
        "page_referrer" => Some(420),
        "page_location" | "page_path" => Some(1000),
        // Cookie values, exempt since October 2025.
        "session_id" | "session_number" => None,
        _ => Some(MAX_VALUE_CHARS),
    }
}

/// Whether the name at `index` already came before, among the first 200: an object of thousands of
/// names is over its limit anyway and must not cost their square.
pub(super) fn is_repeated(pairs: &[(Cow<'_, str>, Json<'_>)], index: usize) -> bool {
    const MAX_COMPARED: usize = 200;
    let name = &pairs[index].0;
    pairs[..index.min(MAX_COMPARED)]
        .iter()
        .any(|(earlier, _)| earlier == name)
}

/// Top-level fields, in the spelling of the reference.
pub const FIELDS: [&str; 13] = [
    "client_id",
    "app_instance_id",
    "user_id",
    "timestamp_micros",
    "user_properties",
    "user_data",
    "consent",
    "non_personalized_ads",
    "user_location",
    "ip_override",
    "device",
    "user_agent",
    "validation_behavior",
];

/// Whether `name` is `field` in `snake_case` or in `lowerCamelCase`.
#[must_use]
pub fn is_field(name: &str, field: &str) -> bool {
    if name == field {
        return true;
    }
    let mut camel = name.bytes();
    let mut upper = false;
    for byte in field.bytes() {
        if byte == b'_' {
            upper = true;
            continue;
        }
        let wanted = if upper {
            byte.to_ascii_uppercase()
        } else {
            byte
        };
        upper = false;
        if camel.next() != Some(wanted) {
            return false;
        }
    }
    camel.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged() {
        for (name, fault) in [
            ("celery_event", None),
            ("_bad", Some(NameFault::Start)),
            ("9lives", Some(NameFault::Start)),
            ("campaign@details", Some(NameFault::Alphabet)),
            ("session_start", Some(NameFault::Reserved)),
            ("", Some(NameFault::Empty)),
            ("Session_Start", None),
        ] {
            assert_eq!(event_fault(name), fault, "{name}");
        }
        assert_eq!(event_fault(&"x".repeat(40)), None);
        assert_eq!(event_fault(&"x".repeat(41)), Some(NameFault::Long));
        assert_eq!(param_fault("ga_x"), Some(NameFault::Reserved));
        assert_eq!(
            param_fault("firebase_conversion"),
            Some(NameFault::Reserved)
        );
        assert_eq!(property_fault("user_id"), Some(NameFault::Reserved));
        assert_eq!(property_fault(&"x".repeat(25)), Some(NameFault::Long));
    }

    #[test]
    fn fields_have_two_spellings() {
        for (name, field, same) in [
            ("client_id", "client_id", true),
            ("clientId", "client_id", true),
            ("clientid", "client_id", false),
            ("clientIdX", "client_id", false),
            ("nonPersonalizedAds", "non_personalized_ads", true),
            ("events", "events", true),
        ] {
            assert_eq!(is_field(name, field), same, "{name}");
        }
    }
}
