//! `analytics_event` as add-on apps know it from Alliance Auth, in its newer and its older shape.

use headcount_protocol::{Deployment, InstalledApp, Stats};

use crate::client::{Client, Recorded};
use crate::clock;
use crate::record::{Draft, TaskParts};
use crate::settings::Feed;

/// Namespace of the original's own daily statistics.
const OWN_NAMESPACE: &str = "allianceauth.analytics";

/// A call of `analytics_event`.
#[derive(Clone, Copy, Debug)]
pub struct AnalyticsEvent<'a> {
    namespace: &'a str,
    task: &'a str,
    label: &'a str,
    result: &'a str,
    value: f64,
    event_type: &'a str,
    /// In the older shape one word is the result of a task, or the label of a statistic.
    is_old: bool,
}

impl<'a> AnalyticsEvent<'a> {
    /// The shape since 4.0: `namespace, task, label, result, value`.
    #[must_use]
    pub const fn new(
        namespace: &'a str,
        task: &'a str,
        label: &'a str,
        result: &'a str,
        value: f64,
    ) -> Self {
        Self {
            namespace,
            task,
            label,
            result,
            value,
            event_type: "Celery",
            is_old: false,
        }
    }

    /// The shape until 3.x: `category, action, label, value`, where the label of a task is its result.
    #[must_use]
    pub const fn old(category: &'a str, action: &'a str, label: &'a str, value: f64) -> Self {
        Self {
            namespace: category,
            task: action,
            label: "",
            result: label,
            value,
            event_type: "Celery",
            is_old: true,
        }
    }

    /// `Stats`, `Celery` (the default) or `Page`: which feed the event belongs to.
    #[must_use]
    pub const fn event_type(mut self, event_type: &'a str) -> Self {
        self.event_type = event_type;
        self
    }

    fn feed(&self) -> Feed {
        match self.event_type {
            "Stats" => Feed::Stats,
            "Page" => Feed::Pages,
            // The original drops what it does not know without a word; a task event it most likely is.
            _ => Feed::Tasks,
        }
    }

    /// Where the call is a part of the daily statistics: which part.
    fn daily_part(&self) -> Option<Stats> {
        if self.namespace != OWN_NAMESPACE || self.feed() != Feed::Stats {
            return None;
        }
        // Since 4.0 the word is the label; before, it came where the result is now.
        let word = if self.label.is_empty() {
            self.result
        } else {
            self.label
        };
        let number = (self.value.is_finite() && self.value >= 0.0).then_some(self.value as u64);
        let mut stats = Stats::default();
        match (self.task, word) {
            ("send_extension_stats", app) if !app.is_empty() => {
                stats.apps.push(InstalledApp {
                    name: app.to_owned(),
                    version: None,
                });
            }
            ("send_install_stats", "existence") => {}
            ("send_install_stats", "users") => stats.users = number,
            ("send_install_stats", "tokens") => stats.tokens = number,
            ("send_install_stats", "addons") => stats.addons = number,
            ("send_install_stats", other) => {
                let kind = other.strip_prefix("existence_")?;
                stats.deployment = Some(Deployment(kind.to_owned()));
            }
            _ => return None,
        }
        Some(stats)
    }
}

impl Client {
    /// Records a call of `analytics_event`. Statistics without a result are numbers of the app itself, and those in
    /// the older shape, which has no result.
    pub fn analytics_event(&self, event: &AnalyticsEvent<'_>) -> Recorded {
        let feed = event.feed();
        if !self.wants(feed) {
            return Recorded::Off;
        }
        if let Some(part) = event.daily_part() {
            return self.record_stats(&part);
        }
        if feed == Feed::Stats && (event.is_old || event.result.is_empty()) {
            let label = if event.is_old {
                event.result
            } else {
                event.label
            };
            return self.record_stat(event.namespace, event.task, label, event.value);
        }
        let parts = TaskParts {
            namespace: event.namespace,
            task: event.task,
            result: event.result,
            label: event.label,
            value: Some(event.value),
            count: 1,
        };
        self.push(&Draft::task(clock::event_ms(), feed, &parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daily_statistics_are_known_in_both_shapes() {
        let users = Stats {
            users: Some(128),
            ..Stats::default()
        };
        let new = AnalyticsEvent::new(OWN_NAMESPACE, "send_install_stats", "users", "", 128.0);
        let old = AnalyticsEvent::old(OWN_NAMESPACE, "send_install_stats", "users", 128.0);
        for event in [new, old] {
            assert_eq!(event.event_type("Stats").daily_part(), Some(users.clone()));
            assert_eq!(event.daily_part(), None, "a task event is no statistic");
        }
        let docker = AnalyticsEvent::new(
            OWN_NAMESPACE,
            "send_install_stats",
            "existence_docker",
            "",
            1.0,
        );
        let part = docker.event_type("Stats").daily_part().unwrap();
        assert_eq!(part.deployment, Some(Deployment("docker".into())));
    }

    #[test]
    fn the_old_label_is_the_result() {
        let event = AnalyticsEvent::old("aaprobe", "probe_fail", "ProbeError", 0.0);
        assert_eq!(
            (event.result, event.label, event.feed()),
            ("ProbeError", "", Feed::Tasks)
        );
    }
}
