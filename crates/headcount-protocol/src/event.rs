//! The shared vocabulary: batches of events of one install. Never knows a wire's field names.

use std::collections::BTreeMap;

/// Longest install id taken, in bytes: a UUID has 36, the longest seen in the wild 64.
pub const MAX_INSTALL_ID_BYTES: usize = 128;

/// The name an install goes by at one collector: mostly a UUID, but any short text is valid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstallId(String);

impl InstallId {
    /// Trims and checks an id: `None` when it is empty, too long or has control characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bounded = !text.is_empty() && text.len() <= MAX_INSTALL_ID_BYTES;
        (bounded && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The id as text, as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The 16 bytes of an event's UUID; the same event sent twice carries the same id.
pub type EventId = [u8; 16];

/// What one install sent in one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Who sent it.
    pub install: InstallId,
    /// Name of the program the install runs, for example `allianceauth`.
    pub app: Option<String>,
    /// Version of that program.
    pub app_version: Option<String>,
    /// Survives retries of the same batch.
    pub batch_id: Option<EventId>,
    /// The sender's clock when it sent, Unix milliseconds.
    pub sent_at_ms: Option<i64>,
    /// How the install is run.
    pub runtime: Runtime,
    /// The events, in the order sent.
    pub events: Vec<Event>,
    /// Events the sender had to drop, by reason.
    pub lost: BTreeMap<String, u64>,
}

/// How an install is run: deployment kind and versions of what it runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runtime {
    /// `None` when not told.
    pub deployment: Option<Deployment>,
    /// Other facts, for example `python` to `3.11`.
    pub facts: BTreeMap<String, String>,
}

/// The kind of deployment, a short lower-case word: `docker`, `baremetal`, or another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Deployment(pub String);

/// One event: when it happened and what.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `None` on wires that have no event id.
    pub id: Option<EventId>,
    /// Unix milliseconds by the sender's clock; `None` means the moment of receipt.
    pub at_ms: Option<i64>,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EventBody {
    /// Daily statistics, whole (native) or a part (one hit of the Google wires).
    Stats(Stats),
    /// Background task runs.
    Task(Task),
    /// A number an add-on app reports about itself: the last one per install and day counts.
    Stat(AppStat),
    /// A page view.
    Page(Page),
}

impl EventBody {
    /// A few words that say what happened, for people: `task memberaudit update_character`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stats(stats) => stats.name(),
            Self::Task(task) => format!("task {} {}", task.namespace, task.task),
            Self::Stat(stat) => format!("stat {} {}", stat.namespace, stat.task),
            Self::Page(page) => format!("page {}", page.path),
        }
    }
}

/// Daily statistics. Every field is optional since the Google wires send one per hit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Number of users.
    pub users: Option<u64>,
    /// Number of tokens (API credentials the host keeps for its users).
    pub tokens: Option<u64>,
    /// Number of installed apps where only the number is told.
    pub addons: Option<u64>,
    /// Deployment kind where it is told as a statistic.
    pub deployment: Option<Deployment>,
    /// Apps that are installed. Over a day the union of all reports counts.
    pub apps: Vec<InstalledApp>,
}

impl Stats {
    fn name(&self) -> String {
        let mut name = "stats".to_owned();
        let numbers = [
            ("users", self.users),
            ("tokens", self.tokens),
            ("addons", self.addons),
        ];
        for (word, number) in numbers {
            if number.is_some() {
                name.push(' ');
                name.push_str(word);
            }
        }
        if let Some(Deployment(word)) = &self.deployment {
            name.push(' ');
            name.push_str(word);
        }
        match self.apps.as_slice() {
            [] => {}
            [app] => name.extend([" app ", &app.name]),
            apps => name.push_str(&format!(" {} apps", apps.len())),
        }
        name
    }
}

/// One installed app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledApp {
    /// Distribution or app label.
    pub name: String,
    /// `None` when not told.
    pub version: Option<String>,
}

/// One or more equal runs of a background task.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The app the task belongs to.
    pub namespace: String,
    /// The task's name.
    pub task: String,
    /// `Success`, or the class name of the exception, or another short word.
    pub result: String,
    /// Free context word.
    pub label: String,
    /// Sum of the context numbers of all `count` runs.
    pub value: Option<f64>,
    /// Number of runs, at least 1.
    pub count: u32,
}

/// Results that are no failure, compared without case. Every other result is an exception's name.
const NOT_FAILURES: [&str; 7] = [
    "", "success", "ok", "retry", "warning", "skipped", "ignored",
];

/// Whether a task result stands for a failure.
#[must_use]
pub fn is_failure(result: &str) -> bool {
    !NOT_FAILURES
        .iter()
        .any(|word| result.eq_ignore_ascii_case(word))
}

/// A number an add-on app reports about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct AppStat {
    /// The reporting app.
    pub namespace: String,
    /// The report's name.
    pub task: String,
    /// What is counted.
    pub label: String,
    /// The number.
    pub value: f64,
}

/// One page view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Path without query string.
    pub path: String,
    /// Title, may be empty.
    pub title: String,
    /// Locale such as `en` or `zh-hans`, lower case, may be empty.
    pub locale: String,
    /// User agent as sent or already reduced (`Firefox 132 / Linux`), may be empty.
    pub user_agent: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn install_ids_are_bounded() {
        assert_eq!(
            InstallId::parse(" 555 ").as_ref().map(InstallId::as_str),
            Some("555")
        );
        assert_eq!(InstallId::parse(""), None);
        assert_eq!(InstallId::parse("a\nb"), None);
        assert_eq!(InstallId::parse(&"x".repeat(129)), None);
    }

    #[test]
    fn events_are_named_for_people() {
        let app = |name: &str| InstalledApp {
            name: name.to_owned(),
            version: None,
        };
        let mut stats = Stats {
            users: Some(3),
            ..Stats::default()
        };
        assert_eq!(EventBody::Stats(stats.clone()).name(), "stats users");
        stats.apps = vec![app("a")];
        assert_eq!(EventBody::Stats(stats.clone()).name(), "stats users app a");
        stats.apps.push(app("b"));
        stats.deployment = Some(Deployment("docker".to_owned()));
        assert_eq!(EventBody::Stats(stats).name(), "stats users docker 2 apps");
        let page = Page {
            path: "/x/".to_owned(),
            ..Page::default()
        };
        assert_eq!(EventBody::Page(page).name(), "page /x/");
    }

    #[test]
    fn exception_names_are_failures() {
        for (result, failed) in [
            ("Success", false),
            ("", false),
            ("RETRY", false),
            ("KeyError", true),
        ] {
            assert_eq!(is_failure(result), failed, "{result}");
        }
    }
}
