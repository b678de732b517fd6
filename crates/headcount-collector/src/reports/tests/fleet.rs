//! A small fleet made from a seed: its events as plain values, and the same events in a collector.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use headcount_protocol::{AppStat, InstallId, InstalledApp, Stats, Task};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;

use crate::app::Collector;
use crate::config::Config;
use crate::index::Index;
use crate::meta::breaks::Break;
use crate::reports::{self, Params, ReportError, Source, Table, calendar};
use crate::store::{Accepted, Day, Entry, EntryBody, Parcel, ProjectNumber, Wire};

/// The last day of the fleet, 2026-06-30.
pub(super) const LAST: Day = Day(20_634);
pub(super) const DAYS: i32 = 75;
const INSTALLS: usize = 60;
const DAY_MS: i64 = 86_400_000;
const PROJECT: ProjectNumber = ProjectNumber(3);
const VERSIONS: [&str; 4] = ["5.3.0", "5.4.0", "5.4.1", "5.5.0"];
const APPS: [&str; 5] = ["corptools", "memberaudit", "structures", "srp", "=1+1"];

pub(super) struct Event {
    pub(super) install: usize,
    pub(super) day: i32,
    at_ms: i64,
    pub(super) version: String,
    pub(super) told: Told,
}

impl Event {
    /// Its moment as reports tell it.
    pub(super) fn at(&self) -> String {
        calendar::iso_moment(self.at_ms)
    }
}

pub(super) enum Told {
    Stats {
        users: u64,
        apps: Vec<String>,
    },
    Task {
        namespace: String,
        task: String,
        result: String,
        value: f64,
    },
    Page {
        path: String,
        locale: String,
        browser: String,
    },
    Stat {
        value: f64,
    },
}

pub(super) struct Fleet {
    /// In order of time.
    pub(super) events: Vec<Event>,
    collector: Arc<Collector>,
    _folder: TempDir,
}

impl Fleet {
    /// A fleet with all its events committed and counted.
    fn seeded(seed: u64) -> Self {
        let mut events = simulate(seed);
        events.sort_by_key(|event| event.at_ms);
        let folder = tempfile::tempdir().unwrap();
        let collector = Collector::open(Config::new(folder.path())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for some in events.chunks(500) {
            let accepted = some.iter().map(accepted).collect();
            let parcel = Parcel {
                accepted,
                ..Parcel::default()
            };
            runtime.block_on(collector.writer.submit(parcel)).unwrap();
        }
        Self {
            events,
            collector,
            _folder: folder,
        }
    }

    pub(super) fn within(&self, from: i32, to: i32) -> impl Iterator<Item = &Event> {
        self.events
            .iter()
            .filter(move |event| event.day >= from && event.day <= to)
    }

    pub(super) fn report(&self, name: &str, query: &str) -> Result<Table, ReportError> {
        self.report_beside(name, query, &[])
    }

    /// A report where some days are known to be wrong.
    pub(super) fn report_beside(
        &self,
        name: &str,
        query: &str,
        breaks: &[Break],
    ) -> Result<Table, ReportError> {
        let params = Params::parse(query, Day(LAST.0 + 1))?;
        self.source(|source| {
            let source = Source { breaks, ..*source };
            reports::run(&source, name, &params)
        })
    }

    /// Its index, and its project there.
    pub(super) fn index(&self) -> (&Index, ProjectNumber) {
        (&self.collector.index, PROJECT)
    }

    /// Runs `work` with the source of its reports.
    pub(super) fn source<T>(
        &self,
        work: impl FnOnce(&Source<'_>) -> Result<T, ReportError>,
    ) -> Result<T, ReportError> {
        let failed = |error: crate::error::Error| ReportError::Data(error.to_string());
        let Collector { index, store, .. } = self.collector.as_ref();
        work(&Source {
            project: "fleet",
            breaks: &[],
            now_ms: i64::from(LAST.0 + 1) * DAY_MS,
            narrowed: false,
            answer: &|query| index.answer(PROJECT, query).map_err(failed),
            lives: &|query| index.lives(PROJECT, query).map_err(failed),
            spread: &|query| index.spread(PROJECT, query).map_err(failed),
            hits: &|limit| store.recent_hits(PROJECT, limit).map_err(failed),
        })
    }
}

/// The three fleets of the tests: those that run at the same time share them.
pub(super) fn fleets() -> [Arc<Fleet>; 3] {
    const SEEDS: [u64; 3] = [7, 8, 9];
    static KNOWN: Mutex<[Weak<Fleet>; 3]> = Mutex::new([const { Weak::new() }; 3]);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    std::array::from_fn(|k| {
        known[k].upgrade().unwrap_or_else(|| {
            let made = Arc::new(Fleet::seeded(SEEDS[k]));
            known[k] = Arc::downgrade(&made);
            made
        })
    })
}

/// The version an install has of every app on a day; some do not tell.
pub(super) fn app_version(install: usize, day: i32) -> Option<&'static str> {
    let moves = usize::try_from(day / 20).unwrap_or(0);
    [Some("1.0"), Some("1.1.0"), None, Some("2.0rc1")][(install + moves) % 4]
}

fn simulate(seed: u64) -> Vec<Event> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut events = Vec::new();
    for install in 0..INSTALLS {
        let first = LAST.0 - random.random_range(0..DAYS);
        let life = random.random_range(1..DAYS);
        let lazy = random.random_bool(0.4);
        let users = random.random_range(1_u64..2_000);
        let mut version = random.random_range(0..2_usize);
        for day in first..=LAST.0.min(first + life) {
            let silent = if lazy { 0.75 } else { 0.1 };
            if random.random_bool(silent) {
                continue;
            }
            if day > LAST.0 - 20 && random.random_bool(0.15) {
                version = (version + 1).min(VERSIONS.len() - 1);
            }
            for _ in 0..random.random_range(1..4) {
                let told = told(&mut random, users);
                let at_ms = i64::from(day) * DAY_MS + random.random_range(0..DAY_MS);
                let version = if random.random_bool(0.1) {
                    ""
                } else {
                    VERSIONS[version]
                };
                events.push(Event {
                    install,
                    day,
                    at_ms,
                    version: version.to_owned(),
                    told,
                });
            }
        }
    }
    events
}

fn told(random: &mut StdRng, users: u64) -> Told {
    match random.random_range(0..5) {
        0 => Told::Stats {
            users: users + random.random_range(0..5),
            apps: APPS
                .iter()
                .filter(|_| random.random_bool(0.5))
                .map(|&app| app.to_owned())
                .collect(),
        },
        1 | 2 => {
            let results = [
                "Success", "Success", "Success", "KeyError", "Timeout", "Retry",
            ];
            Told::Task {
                namespace: "memberaudit".to_owned(),
                task: ["update", "clean"][random.random_range(0..2)].to_owned(),
                result: results[random.random_range(0..results.len())].to_owned(),
                value: f64::from(random.random_range(1..500)),
            }
        }
        3 => Told::Page {
            path: ["/", "/dashboard/", "/<b>/"][random.random_range(0..3)].to_owned(),
            locale: ["en", "de", ""][random.random_range(0..3)].to_owned(),
            browser: ["Firefox", "Chrome"][random.random_range(0..2)].to_owned(),
        },
        _ => Told::Stat {
            value: f64::from(random.random_range(1..90)),
        },
    }
}

/// How an install is run; some never tell.
pub(super) fn deployment(install: usize) -> &'static str {
    ["docker", "baremetal", "baremetal", "docker", ""][install % 5]
}

fn accepted(event: &Event) -> Accepted {
    let body = match &event.told {
        Told::Stats { users, apps } => EntryBody::Stats(Stats {
            users: Some(*users),
            tokens: Some(users * 3),
            apps: apps
                .iter()
                .map(|name| InstalledApp {
                    name: name.clone(),
                    version: app_version(event.install, event.day).map(str::to_owned),
                })
                .collect(),
            ..Stats::default()
        }),
        Told::Task {
            namespace,
            task,
            result,
            value,
        } => EntryBody::Task(Task {
            namespace: namespace.clone(),
            task: task.clone(),
            result: result.clone(),
            label: String::new(),
            value: Some(*value),
            count: 1,
        }),
        Told::Stat { value } => EntryBody::Stat(AppStat {
            namespace: "metenox".to_owned(),
            task: "daily".to_owned(),
            label: "moons".to_owned(),
            value: *value,
        }),
        Told::Page {
            path,
            locale,
            browser,
        } => EntryBody::Page {
            path: path.clone(),
            title: format!("Title of {path}"),
            locale: locale.clone(),
            browser: browser.as_str().into(),
            os: "Linux".into(),
        },
    };
    Accepted {
        project: PROJECT,
        wire: Wire::Native,
        received_ms: event.at_ms,
        install: InstallId::parse(&format!("install-{}", event.install)).unwrap(),
        version: event.version.clone(),
        deployment: deployment(event.install).to_owned(),
        runtime: String::new(),
        entries: vec![Entry {
            id: None,
            at_ms: event.at_ms,
            body,
        }],
    }
}
