//! The dictionary of every field that can leave an installation: how it is checked, cleaned, named and explained.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::event::{EventBody, Page, Stats, Task};
use crate::{scrub, text, user_agent, vocabulary};

/// One field: what it holds, why it is collected, and what becomes of it before it leaves.
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
    /// Length or range, in words.
    pub bounds: String,
    /// What it means.
    pub meaning: String,
    /// Why it is collected.
    pub reason: String,
    /// An example, as JSON.
    pub example: String,
    /// Longest text in bytes, largest integer, or most items of a list.
    pub limit: Option<usize>,
    /// The only form it may have.
    #[serde(default)]
    pub form: Form,
    /// What is taken out before it leaves, unless the token asks for raw values.
    #[serde(default)]
    pub scrub: Scrub,
    /// Its name on the GA4 wire; `None` when it does not leave there.
    pub ga4: Option<String>,
    /// Its name on the Measurement Protocol v1 wire; `None` when it does not leave there.
    pub v1: Option<String>,
}

/// What a text may consist of.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Anything but control characters.
    #[default]
    Any,
    /// One lower-case word, such as a deployment kind.
    Word,
    /// Letters, digits and dashes.
    Locale,
}

/// What is taken out of a text.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Scrub {
    /// Nothing: it cannot name a person or a thing.
    #[default]
    Nothing,
    /// Numbers, ids, addresses and long random strings of a path become placeholders.
    Path,
    /// The same in a title.
    Title,
    /// A user agent becomes family, major version and system.
    UserAgent,
    /// Of an exception the class name stays, its message goes.
    Exception,
}

impl Field {
    /// The text trimmed, cut to its limit and without control characters; `None` when it is required but
    /// empty. A text that has not the field's form becomes empty.
    #[must_use]
    pub fn checked(&self, text: &str) -> Option<String> {
        let text = text::cut(text.trim(), self.limit.unwrap_or(usize::MAX)).trim_end();
        let text = match self.form {
            Form::Any if text.contains(char::is_control) => text.replace(char::is_control, " "),
            Form::Any => text.to_owned(),
            Form::Word => vocabulary::deployment(text).map_or_else(String::new, |word| word.0),
            Form::Locale => text::locale_as_sent(text).unwrap_or_default(),
        };
        (!self.required || !text.is_empty()).then_some(text)
    }

    /// The text without what could name a person, a thing or the install.
    #[must_use]
    pub fn scrubbed(&self, text: &str) -> String {
        match self.scrub {
            Scrub::Nothing => text.to_owned(),
            Scrub::Path => scrub::scrub_path(text),
            Scrub::Title => scrub::scrub_title(text),
            Scrub::UserAgent => user_agent::reduce(text).to_string(),
            Scrub::Exception if crate::event::is_failure(text) => scrub::exception_class(text),
            Scrub::Exception => text.to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dictionary {
    field: Vec<Field>,
}

/// The dictionary as it is kept: TOML with one `[[field]]` for each.
pub const SOURCE: &str = include_str!("dictionary.toml");

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the text is part of the program and tested"
    )]
    let dictionary: Dictionary = toml::from_str(SOURCE).expect("the dictionary is valid TOML");
    dictionary.field
});

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static Field>> = LazyLock::new(|| {
    let fields = FIELDS.iter();
    fields.map(|field| (field.name.as_str(), field)).collect()
});

/// All fields, those of the batch first, in the order of the dictionary.
#[must_use]
pub fn fields() -> &'static [Field] {
    &FIELDS
}

/// The field of this name, for example `page.path`.
#[must_use]
pub fn field(name: &str) -> Option<&'static Field> {
    BY_NAME.get(name).copied()
}

/// Every text of an event with the name of its field, for checking and cleaning in place.
pub fn texts_mut(body: &mut EventBody) -> Vec<(&'static str, &mut String)> {
    match body {
        EventBody::Stats(stats) => {
            let deployment = stats.deployment.iter_mut();
            let mut texts: Vec<_> = deployment
                .map(|word| ("stats.deployment", &mut word.0))
                .collect();
            for app in &mut stats.apps {
                texts.push(("stats.apps[].name", &mut app.name));
                texts.extend(
                    app.version
                        .iter_mut()
                        .map(|text| ("stats.apps[].version", text)),
                );
            }
            texts
        }
        EventBody::Task(task) => vec![
            ("task.namespace", &mut task.namespace),
            ("task.task", &mut task.task),
            ("task.result", &mut task.result),
            ("task.label", &mut task.label),
        ],
        EventBody::Stat(stat) => vec![
            ("stat.namespace", &mut stat.namespace),
            ("stat.task", &mut stat.task),
            ("stat.label", &mut stat.label),
        ],
        EventBody::Page(page) => vec![
            ("page.path", &mut page.path),
            ("page.title", &mut page.title),
            ("page.locale", &mut page.locale),
            ("page.user_agent", &mut page.user_agent),
        ],
    }
}

/// Names of the fields that an event carries, `*.id`, `*.at` and `*.type` not among them.
#[must_use]
pub fn carried(body: &EventBody) -> Vec<&'static str> {
    let told = |pairs: &[(&'static str, bool)]| {
        let told = pairs.iter().filter(|(_, is_told)| *is_told);
        told.map(|(name, _)| *name).collect()
    };
    match body {
        EventBody::Stats(Stats {
            users,
            tokens,
            addons,
            deployment,
            apps,
        }) => told(&[
            ("stats.users", users.is_some()),
            ("stats.tokens", tokens.is_some()),
            ("stats.addons", addons.is_some()),
            ("stats.deployment", deployment.is_some()),
            ("stats.apps[].name", !apps.is_empty()),
            (
                "stats.apps[].version",
                apps.iter().any(|app| app.version.is_some()),
            ),
        ]),
        EventBody::Task(Task {
            result,
            label,
            value,
            ..
        }) => told(&[
            ("task.namespace", true),
            ("task.task", true),
            ("task.result", !result.is_empty()),
            ("task.label", !label.is_empty()),
            ("task.value", value.is_some()),
            ("task.count", true),
        ]),
        EventBody::Stat(stat) => told(&[
            ("stat.namespace", true),
            ("stat.task", true),
            ("stat.label", !stat.label.is_empty()),
            ("stat.value", true),
        ]),
        EventBody::Page(Page {
            title,
            locale,
            user_agent,
            ..
        }) => told(&[
            ("page.path", true),
            ("page.title", !title.is_empty()),
            ("page.locale", !locale.is_empty()),
            ("page.user_agent", !user_agent.is_empty()),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::{BATCH_FIELDS, EVENT_FIELDS};

    #[test]
    fn dictionary_names_exactly_the_fields_of_the_wire() {
        let told: Vec<&str> = fields().iter().map(|field| field.name.as_str()).collect();
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
            assert!(
                field.kind != "text" || field.limit.is_some(),
                "{} is text without a limit",
                field.name
            );
            let limit = field.limit.filter(|_| field.name != "*.type");
            let told = limit.is_none_or(|limit| field.bounds.contains(&limit.to_string()));
            assert!(
                told,
                "{}: {} does not tell {limit:?}",
                field.name, field.bounds
            );
        }
    }

    #[test]
    fn texts_are_checked_and_scrubbed_as_the_dictionary_says() {
        let check = |name: &str, text: &str, expected: Option<&str>| {
            let field = field(name).unwrap();
            assert_eq!(field.checked(text).as_deref(), expected, "{name} {text:?}");
        };
        check("task.namespace", "  a\tb ", Some("a b"));
        check("task.namespace", "  ", None);
        check("task.label", "", Some(""));
        check("page.locale", "en_GB", Some("en-GB"));
        check("page.locale", "<script>", Some(""));
        check("stats.deployment", "docker", Some("docker"));
        check("stats.deployment", "my own server", Some(""));
        for field in fields().iter().filter(|field| field.kind == "text") {
            let limit = field.limit.unwrap();
            let kept = field.checked(&"a".repeat(limit + 50)).unwrap();
            assert!(kept.len() <= limit, "{}", field.name);
        }
        let scrubbed = |name: &str, text: &str| field(name).unwrap().scrubbed(text);
        assert!(!scrubbed("page.path", "/r/98000001/").contains("98000001"));
        assert!(!scrubbed("page.title", "Mail to a@b.example").contains('@'));
        assert_eq!(scrubbed("task.result", "KeyError: 'secret'"), "KeyError");
        assert_eq!(scrubbed("task.result", "Success"), "Success");
        assert_eq!(scrubbed("task.label", "98000001"), "98000001");
    }
}
