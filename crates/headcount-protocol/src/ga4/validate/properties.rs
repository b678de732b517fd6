//! Complaints about user properties.

use super::Messages;
use crate::ga4::decode::field;
use crate::ga4::rules::{self, NameFault};
use crate::json::Json;

const PATH: &str = "user_properties";

pub(super) fn check(root: &Json<'_>, now_ms: i64, out: &mut Messages) {
    let Some(value) = field(root, "user_properties") else {
        return;
    };
    let Json::Object(pairs) = value else {
        let text = format!(
            "The user_properties must be an object, not {}.",
            value.kind()
        );
        out.add(PATH, text, "VALUE_INVALID");
        return;
    };
    if pairs.len() > rules::MAX_USER_PROPERTIES {
        let text = format!(
            "A request can have at most [25] user properties, not [{}].",
            pairs.len()
        );
        out.add(PATH, text, "EXCEEDED_MAX_ENTITIES");
    }
    for (index, (name, property)) in pairs.iter().enumerate() {
        named(name, out);
        if rules::is_repeated(pairs, index) {
            let text = format!("User property [{name}] is there twice.");
            out.add(PATH, text, "NAME_DUPLICATED");
        }
        let path = format!("{PATH}.{name}");
        let value = property
            .get("value")
            .filter(|value| !matches!(value, Json::Null));
        let Some(value) = value else {
            let text = format!("User property [{name}] needs a value.");
            out.add(&path, text, "VALUE_REQUIRED");
            continue;
        };
        let chars = value.as_text().map_or(0, |text| text.chars().count());
        if chars > rules::MAX_PROPERTY_VALUE_CHARS {
            let text = format!("User property [{name}] has a value of over [36] characters.");
            out.add(&path, text, "VALUE_OUT_OF_BOUNDS");
        }
        out.too_old(&path, field(property, "timestamp_micros"), now_ms);
    }
}

fn named(name: &str, out: &mut Messages) {
    let Some(fault) = rules::property_fault(name) else {
        return;
    };
    let (why, code) = match fault {
        NameFault::Reserved => ("which is reserved", "NAME_RESERVED"),
        NameFault::Empty => ("which is empty", "NAME_INVALID"),
        NameFault::Long => ("which has over [24] characters", "NAME_INVALID"),
        NameFault::Start => (
            "which does not start with an alphabetic character",
            "NAME_INVALID",
        ),
        NameFault::Alphabet => (
            "which has other than alphanumeric characters and underscores",
            "NAME_INVALID",
        ),
    };
    out.add(
        PATH,
        format!("User property has name [{name}] {why}."),
        code,
    );
}
