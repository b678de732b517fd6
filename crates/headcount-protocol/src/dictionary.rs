//! The dictionary of every field a native batch can carry, for operators and for the docs.

use serde::Deserialize;

/// One field: what it holds, and why it is collected.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Where it stands, as in [`crate::native::BATCH_FIELDS`] or [`crate::native::EVENT_FIELDS`].
    pub name: String,
    /// Type on the wire: `text`, `uuid`, `time`, `integer`, `number` or `list`.
    pub kind: String,
    /// The feed it belongs to: `stats`, `tasks`, `pages`, or `all`.
    pub feed: String,
    /// Whether an event without it is rejected.
    pub required: bool,
    /// Length or range.
    pub bounds: String,
    /// What it means.
    pub meaning: String,
    /// Why it is collected.
    pub reason: String,
    /// An example, as JSON.
    pub example: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dictionary {
    field: Vec<Field>,
}

/// The dictionary as it is kept: TOML with one `[[field]]` for each.
pub const SOURCE: &str = include_str!("dictionary.toml");

/// All fields, those of the batch first, in the order of the dictionary. Parses on each call.
#[must_use]
pub fn fields() -> Vec<Field> {
    #[expect(
        clippy::expect_used,
        reason = "the text is part of the program and tested"
    )]
    let dictionary: Dictionary = toml::from_str(SOURCE).expect("the dictionary is valid TOML");
    dictionary.field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::{BATCH_FIELDS, EVENT_FIELDS};

    #[test]
    fn dictionary_names_exactly_the_fields_of_the_wire() {
        let told: Vec<String> = fields().into_iter().map(|field| field.name).collect();
        let known: Vec<&str> = BATCH_FIELDS.iter().chain(&EVENT_FIELDS).copied().collect();
        assert_eq!(told, known);
    }

    #[test]
    fn entries_are_complete() {
        for field in fields() {
            let texts = [&field.bounds, &field.meaning, &field.reason, &field.example];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", field.name);
            let kinds = ["text", "uuid", "time", "integer", "number", "list"];
            assert!(kinds.contains(&field.kind.as_str()), "{}", field.name);
            assert!(["all", "stats", "tasks", "pages"].contains(&field.feed.as_str()));
            let example: Result<serde_json::Value, _> = serde_json::from_str(&field.example);
            assert!(example.is_ok(), "{}: {}", field.name, field.example);
        }
    }
}
