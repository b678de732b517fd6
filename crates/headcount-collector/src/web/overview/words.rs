//! How names of the data read on a page: languages, deployments, filters. Pure.

use crate::chart::number;
use crate::query::{Clause, ClauseValue, Dimension};
use crate::reports::params;

const LANGUAGES: [(&str, &str); 27] = [
    ("en", "English"),
    ("de", "German"),
    ("ru", "Russian"),
    ("fr", "French"),
    ("zh-hans", "Chinese, simplified"),
    ("zh-hant", "Chinese, traditional"),
    ("zh", "Chinese"),
    ("es", "Spanish"),
    ("ko", "Korean"),
    ("ja", "Japanese"),
    ("it", "Italian"),
    ("uk", "Ukrainian"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("nl", "Dutch"),
    ("cs", "Czech"),
    ("sv", "Swedish"),
    ("da", "Danish"),
    ("nb", "Norwegian"),
    ("fi", "Finnish"),
    ("hu", "Hungarian"),
    ("tr", "Turkish"),
    ("el", "Greek"),
    ("ro", "Romanian"),
    ("he", "Hebrew"),
    ("ar", "Arabic"),
    ("vi", "Vietnamese"),
];

/// `English (en)`; unknown codes stand alone.
pub(crate) fn language(code: &str) -> String {
    if code.is_empty() {
        return NOT_TOLD.to_owned();
    }
    let lower = code.to_ascii_lowercase().replace('_', "-");
    let short = lower.split('-').next().unwrap_or_default();
    let named = |wanted: &str| LANGUAGES.iter().find(|(known, _)| *known == wanted);
    match named(&lower).or_else(|| named(short)) {
        Some((_, name)) => format!("{name} ({code})"),
        None => code.to_owned(),
    }
}

/// What stands for an empty name.
pub(crate) const NOT_TOLD: &str = "not told";

/// `Docker`, `Bare metal`, or the word itself.
pub(crate) fn deployment(word: &str) -> String {
    match word {
        "" => NOT_TOLD.to_owned(),
        "docker" => "Docker".to_owned(),
        "baremetal" => "Bare metal".to_owned(),
        other => other.to_owned(),
    }
}

/// A name, or that there is none.
pub(crate) fn name(text: &str) -> String {
    if text.is_empty() {
        NOT_TOLD.to_owned()
    } else {
        text.to_owned()
    }
}

/// The dimensions one can filter by on the page, with their names there.
pub(crate) const FILTERS: [(Dimension, &str); 13] = [
    (Dimension::Version, "Version"),
    (Dimension::App, "App"),
    (Dimension::Deployment, "Deployment"),
    (Dimension::Users, "Users"),
    (Dimension::Tokens, "Tokens"),
    (Dimension::FirstSeen, "First seen"),
    (Dimension::Namespace, "Namespace"),
    (Dimension::Task, "Task"),
    (Dimension::Result, "Result"),
    (Dimension::Path, "Path"),
    (Dimension::Locale, "Locale"),
    (Dimension::Browser, "Browser"),
    (Dimension::Os, "System"),
];

/// The name of a dimension and the condition on it: `Users`, `≥ 2`.
pub(crate) fn clause(clause: &Clause) -> (&'static str, String) {
    let found = FILTERS
        .iter()
        .find(|(dimension, _)| *dimension == clause.dimension);
    let label = found.map_or(params::dimension_name(clause.dimension), |(_, label)| label);
    let condition = match &clause.value {
        ClauseValue::Range(low, u64::MAX) => format!("≥ {}", number::count(*low)),
        ClauseValue::Range(low, high) if low == high => number::count(*low),
        ClauseValue::Range(low, high) => {
            format!("{} to {}", number::count(*low), number::count(*high))
        }
        ClauseValue::Text(text) => match clause.dimension {
            Dimension::Locale => language(text),
            Dimension::Deployment => deployment(text),
            _ => name(text),
        },
    };
    (
        label,
        if clause.negated {
            format!("not {condition}")
        } else {
            condition
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_words() {
        assert_eq!(language("de"), "German (de)");
        assert_eq!(language("en_US"), "English (en_US)");
        assert_eq!(language("zh-hans"), "Chinese, simplified (zh-hans)");
        assert_eq!(language("tlh"), "tlh");
        assert_eq!(language(""), "not told");
        assert_eq!(deployment("baremetal"), "Bare metal");
    }

    #[test]
    fn filters_read_as_conditions() {
        for (text, label, condition) in [
            ("users:2-", "Users", "≥ 2"),
            ("users:10-99", "Users", "10 to 99"),
            ("!app:srp", "App", "not srp"),
            ("locale:de", "Locale", "German (de)"),
            ("version:", "Version", "not told"),
            ("label:x", "label", "x"),
        ] {
            let read = params::clause(text).expect(text);
            assert_eq!(clause(&read), (label, condition.to_owned()));
        }
    }
}
