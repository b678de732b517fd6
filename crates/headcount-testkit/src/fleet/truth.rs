//! What reports about a fleet must say, counted one event after the other. Knows no index, no SQL.

use std::collections::{BTreeMap, BTreeSet};

use headcount_protocol::event::is_failure;
use headcount_protocol::{Batch, Event, EventBody, InstallId};

use super::DAY_MS;

/// Days without an event after which an install is gone.
const QUIET_DAYS: i32 = 7;

/// What one install told on one day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DayFacts {
    /// The following four: as of the last event of the day that told it.
    pub version: Option<String>,
    pub deployment: Option<String>,
    pub users: Option<u64>,
    pub tokens: Option<u64>,
    /// Name and version, all reports of the day together.
    pub apps: BTreeSet<(String, String)>,
    /// Namespace, task and result to runs.
    pub tasks: BTreeMap<(String, String, String), u64>,
    /// Path, title and locale to views.
    pub pages: BTreeMap<(String, String, String), u64>,
    /// Namespace, task and label to the last number.
    pub stats: BTreeMap<(String, String, String), f64>,
}

/// All facts of all days.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    days: BTreeMap<i32, BTreeMap<InstallId, DayFacts>>,
    events: u64,
}

impl Truth {
    /// Adds a batch; batches may come in any order of days, but not of moments within a day.
    pub fn add(&mut self, batch: &Batch) {
        for event in &batch.events {
            self.events += 1;
            // Events of a fleet always have a moment.
            let Some(at_ms) = event.at_ms else { continue };
            let day = i32::try_from(at_ms.div_euclid(DAY_MS)).unwrap_or(i32::MAX);
            let installs = self.days.entry(day).or_default();
            let facts = installs.entry(batch.install.clone()).or_default();
            facts.version = batch.app_version.clone().or(facts.version.take());
            let deployment = batch.runtime.deployment.as_ref().map(|kind| kind.0.clone());
            facts.deployment = deployment.or(facts.deployment.take());
            facts.add(event);
        }
    }

    /// Number of events added.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Facts of each install that was active on a day.
    pub fn on(&self, day: i32) -> impl Iterator<Item = (&InstallId, &DayFacts)> {
        self.days.get(&day).into_iter().flatten()
    }

    /// Installs with an event on a day.
    #[must_use]
    pub fn active(&self, day: i32) -> usize {
        self.on(day).count()
    }

    /// Installs with an event in a range of days, both included.
    #[must_use]
    pub fn active_in(&self, from: i32, to: i32) -> BTreeSet<&InstallId> {
        self.days
            .range(from..=to)
            .flat_map(|(_, installs)| installs.keys())
            .collect()
    }

    /// Installs whose first event falls on a day.
    #[must_use]
    pub fn arrived(&self, day: i32) -> usize {
        let before = self.active_in(i32::MIN, day - 1);
        self.on(day)
            .filter(|(install, _)| !before.contains(install))
            .count()
    }

    /// Installs that were active 8 days before a day and on none of the 7 days between.
    #[must_use]
    pub fn gone(&self, day: i32) -> usize {
        let since = self.active_in(day - QUIET_DAYS, day - 1);
        let last = self.on(day - QUIET_DAYS - 1);
        last.filter(|(install, _)| !since.contains(install)).count()
    }

    /// Installs by the last version they told in a range of days; empty where none told any.
    #[must_use]
    pub fn versions(&self, from: i32, to: i32) -> BTreeMap<String, u64> {
        let mut last: BTreeMap<&InstallId, &str> = BTreeMap::new();
        for (install, facts) in self.range(from, to) {
            last.insert(install, facts.version.as_deref().unwrap_or_default());
        }
        let mut installs = BTreeMap::new();
        for version in last.into_values() {
            *installs.entry(version.to_owned()).or_default() += 1;
        }
        installs
    }

    /// Installs by app, as of the last day in the range on which they told any.
    #[must_use]
    pub fn apps(&self, from: i32, to: i32) -> BTreeMap<String, u64> {
        let mut last: BTreeMap<&InstallId, &BTreeSet<(String, String)>> = BTreeMap::new();
        for (install, facts) in self.range(from, to) {
            if !facts.apps.is_empty() {
                last.insert(install, &facts.apps);
            }
        }
        let mut installs = BTreeMap::new();
        for apps in last.into_values() {
            let names: BTreeSet<&String> = apps.iter().map(|(name, _)| name).collect();
            for name in names {
                *installs.entry(name.clone()).or_default() += 1;
            }
        }
        installs
    }

    /// Namespace and task to runs and failures.
    #[must_use]
    pub fn tasks(&self, from: i32, to: i32) -> BTreeMap<(String, String), (u64, u64)> {
        let mut tasks: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
        for (_, facts) in self.range(from, to) {
            for ((namespace, task, result), runs) in &facts.tasks {
                let sums = tasks.entry((namespace.clone(), task.clone())).or_default();
                sums.0 += runs;
                sums.1 += if is_failure(result) { *runs } else { 0 };
            }
        }
        tasks
    }

    /// Path and title to views.
    #[must_use]
    pub fn pages(&self, from: i32, to: i32) -> BTreeMap<(String, String), u64> {
        let mut pages = BTreeMap::new();
        for (_, facts) in self.range(from, to) {
            for ((path, title, _), views) in &facts.pages {
                *pages.entry((path.clone(), title.clone())).or_default() += views;
            }
        }
        pages
    }

    /// Locale to views.
    #[must_use]
    pub fn locales(&self, from: i32, to: i32) -> BTreeMap<String, u64> {
        let mut locales = BTreeMap::new();
        for (_, facts) in self.range(from, to) {
            for ((_, _, locale), views) in &facts.pages {
                *locales.entry(locale.clone()).or_default() += views;
            }
        }
        locales
    }

    fn range(&self, from: i32, to: i32) -> impl Iterator<Item = (&InstallId, &DayFacts)> {
        self.days
            .range(from..=to)
            .flat_map(|(_, installs)| installs)
    }
}

impl DayFacts {
    fn add(&mut self, event: &Event) {
        match &event.body {
            EventBody::Stats(stats) => {
                self.users = stats.users.or(self.users);
                self.tokens = stats.tokens.or(self.tokens);
                let apps = stats.apps.iter();
                self.apps.extend(
                    apps.map(|app| (app.name.clone(), app.version.clone().unwrap_or_default())),
                );
            }
            EventBody::Task(task) => {
                let key = (
                    task.namespace.clone(),
                    task.task.clone(),
                    task.result.clone(),
                );
                *self.tasks.entry(key).or_default() += u64::from(task.count);
            }
            EventBody::Stat(stat) => {
                let key = (
                    stat.namespace.clone(),
                    stat.task.clone(),
                    stat.label.clone(),
                );
                self.stats.insert(key, stat.value);
            }
            EventBody::Page(page) => {
                let key = (page.path.clone(), page.title.clone(), page.locale.clone());
                *self.pages.entry(key).or_default() += 1;
            }
        }
    }
}
