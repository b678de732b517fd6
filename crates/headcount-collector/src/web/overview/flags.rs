//! Tasks that fail more since a release, as the server found them: what marks them in tables. Pure.

use crate::meta::findings::KeptFinding;
use crate::query::DayRange;
use crate::reports::release;

/// A task that fails more since a release.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flag {
    namespace: String,
    task: String,
    /// The first version that fails more.
    pub(crate) since: String,
    /// How many times as often it fails.
    pub(crate) ratio: f64,
    /// Rates, interval, installs.
    pub(crate) evidence: String,
}

impl Flag {
    /// Such as `3.1× since 5.4.0`.
    pub(crate) fn short(&self) -> String {
        format!("{:.1}× since {}", self.ratio, self.since)
    }

    /// Whether a version is one of those that fail more.
    pub(crate) fn covers(&self, version: &str) -> bool {
        !version.is_empty() && !release::order(version, &self.since).is_lt()
    }
}

/// The flags of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Flags(Vec<Flag>);

impl Flags {
    /// Those of what stands, for a page of these days: what began later did not show in them.
    pub(crate) fn of(standing: &[KeptFinding], range: DayRange) -> Self {
        let flag = |kept: &KeptFinding| {
            let finding = &kept.finding;
            let (namespace, task) = finding.task()?;
            (finding.since_day <= range.to).then(|| Flag {
                namespace: namespace.to_owned(),
                task: task.to_owned(),
                since: finding.since.clone(),
                ratio: finding.strength,
                evidence: finding.evidence.clone(),
            })
        };
        Self(standing.iter().filter_map(flag).collect())
    }

    /// The flag of a task.
    pub(crate) fn get(&self, namespace: &str, task: &str) -> Option<&Flag> {
        let own = |flag: &&Flag| flag.namespace == namespace && flag.task == task;
        self.0.iter().find(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::findings::{FindingKind, NewFinding};
    use crate::store::Day;

    #[test]
    fn a_task_is_flagged_from_the_day_it_began() {
        let kept = |subject: &str, since_day| KeptFinding {
            id: 1,
            finding: NewFinding {
                subject: subject.to_owned(),
                kind: FindingKind::Task,
                strong: String::new(),
                text: String::new(),
                evidence: String::new(),
                target: String::new(),
                since: "5.4.0".to_owned(),
                since_day: Day(since_day),
                strength: 3.06,
            },
            first_at: jiff::Timestamp::UNIX_EPOCH,
            found_at: jiff::Timestamp::UNIX_EPOCH,
            seen_at: jiff::Timestamp::UNIX_EPOCH,
            ended_at: None,
            muted: None,
        };
        let subject = NewFinding::task_subject("memberaudit", "update");
        let standing = [kept(&subject, 100), kept("silence\n", 90)];
        let of = |to| {
            let range = DayRange {
                from: Day(0),
                to: Day(to),
            };
            Flags::of(&standing, range)
        };
        let flags = of(100);
        let flag = flags.get("memberaudit", "update").expect("it stands");
        assert_eq!(flag.short(), "3.1× since 5.4.0");
        assert!(flag.covers("5.4.0") && flag.covers("5.10.0"));
        assert!(!flag.covers("5.3.9") && !flag.covers(""));
        assert_eq!(flags.get("memberaudit", "other"), None);
        assert_eq!(of(99), Flags::default());
    }
}
