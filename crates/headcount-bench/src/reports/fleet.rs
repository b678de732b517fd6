//! A large fleet as rows, a pure function of seed, install and day: for an index without HTTP.
//!
//! Of 100,000 installs about 43,000 are active a day. Each active install-day has one statistics row
//! with about ten of 200 apps, 3 task rows out of 6 the install usually runs (half with a value, 3 %
//! failed) and 1.5 page views out of 3 it usually shows.

use headcount_collector::store::{Day, ProjectNumber, Row, RowBody, Sym, Wire};

pub(crate) const PROJECT: ProjectNumber = ProjectNumber(1);
const APPS: u32 = 200;
const VERSIONS: u32 = 100;
const PATHS: u32 = 60;
const LOCALES: u32 = 12;
const BROWSERS: u32 = 24;
const SYSTEMS: u32 = 4;
const DAY_MS: i64 = 86_400_000;

/// How large and from when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) installs: u32,
    pub(crate) days: i32,
    pub(crate) first: Day,
    pub(crate) seed: u64,
}

/// Where each kind of text starts among the symbols.
const VERSION: u32 = 1;
const APP: u32 = VERSION + VERSIONS;
const APP_VERSION: u32 = APP + APPS;
const DEPLOYMENT: u32 = APP_VERSION + 4;
const TASK: u32 = DEPLOYMENT + 3;
const RESULT: u32 = TASK + 3;
const PATH: u32 = RESULT + 3;
const LOCALE: u32 = PATH + PATHS;
const BROWSER: u32 = LOCALE + LOCALES;
const SYSTEM: u32 = BROWSER + BROWSERS;
const END: u32 = SYSTEM + SYSTEMS;

/// The texts of the fleet by symbol, from 1.
pub(crate) fn texts() -> Vec<String> {
    (1..END)
        .map(|sym| match sym {
            APP.. if sym < APP_VERSION => format!("app{}", sym - APP),
            APP_VERSION.. if sym < DEPLOYMENT => format!("1.{}.0", sym - APP_VERSION),
            DEPLOYMENT.. if sym < TASK => {
                ["docker", "baremetal", "kubernetes"][(sym - DEPLOYMENT) as usize].to_owned()
            }
            TASK.. if sym < RESULT => format!("task{}", sym - TASK),
            RESULT.. if sym < PATH => {
                ["Success", "KeyError", "Timeout"][(sym - RESULT) as usize].to_owned()
            }
            PATH.. if sym < LOCALE => format!("/page/{}/", sym - PATH),
            LOCALE.. if sym < BROWSER => format!("l{}", sym - LOCALE),
            BROWSER.. if sym < SYSTEM => format!("Browser {}", sym - BROWSER),
            SYSTEM.. => format!("System {}", sym - SYSTEM),
            _ => format!("{}.{}.0", 3 + sym / 30, sym % 30),
        })
        .collect()
}

/// A stateless random number.
fn hash(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_add(0x632b_e59b_d9b4_e019);
    for _ in 0..2 {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    }
    x ^ (x >> 31)
}

/// Between 0 and 1.
fn share(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

impl Fleet {
    fn of(&self, install: u32, salt: u64) -> u64 {
        hash(self.seed ^ salt << 48, u64::from(install))
    }

    /// Day of the fleet on which an install joins: 45 % are there from the start.
    fn joins(&self, install: u32) -> i32 {
        let among = f64::from(install) / f64::from(self.installs);
        (((among - 0.45) / 0.55).max(0.0) * f64::from(self.days)) as i32
    }

    fn is_active(&self, install: u32, day: i32) -> bool {
        let leaves = share(self.of(install, 1)) * f64::from(self.days) * 3.3;
        let age = day - self.joins(install);
        let daily = 0.35 + 0.63 * share(self.of(install, 2)).sqrt();
        let today = share(hash(self.of(install, 3), u64::from(day.unsigned_abs())));
        age == 0 || age > 0 && f64::from(day) < leaves.max(30.0) && today < daily
    }

    /// A release every few days; most installs follow within weeks, some hardly ever.
    fn version(&self, install: u32, day: i32) -> Sym {
        let lag = 4.0 / (share(self.of(install, 4)) + 0.02);
        let every = f64::from(self.days + 200) / f64::from(VERSIONS);
        let version = (f64::from(day + 200) - lag) / every;
        Sym(VERSION + (version.max(0.0) as u32).min(VERSIONS - 1))
    }

    fn apps(&self, install: u32, day: i32) -> Vec<(Sym, Sym)> {
        (0..APPS)
            .filter(|&app| {
                let popular = 0.65 / (1.0 + f64::from(app) * 0.06).powf(1.35);
                share(hash(self.of(install, 5), u64::from(app))) < popular
            })
            .map(|app| {
                let lag = (self.of(install, 6) % 90) as i32;
                let version = ((day + 90 - lag) / 120).clamp(0, 3);
                (Sym(APP + app), Sym(APP_VERSION + version.unsigned_abs()))
            })
            .collect()
    }

    pub(crate) fn first_day(&self, install: u32) -> Day {
        Day(self.first.0 + self.joins(install))
    }

    /// The rows of a day, in order of `seq`, which goes on from `seq`.
    pub(crate) fn rows(&self, day: i32, seq: &mut i64) -> Vec<Row> {
        let mut rows = Vec::new();
        for install in (0..self.installs).filter(|&install| self.is_active(install, day)) {
            let version = self.version(install, day);
            let deployment = Sym(DEPLOYMENT + (self.of(install, 7) % 3) as u32);
            let of_day = hash(self.of(install, 8), u64::from(day.unsigned_abs()));
            let mut push = |body| {
                *seq += 1;
                let at_ms = i64::from(self.first.0 + day) * DAY_MS + *seq % DAY_MS;
                rows.push(Row {
                    project: PROJECT,
                    day: Day(self.first.0 + day),
                    seq: *seq,
                    event_id: None,
                    install,
                    at_ms,
                    received_ms: at_ms,
                    wire: Wire::Native,
                    version,
                    deployment,
                    runtime: Sym::EMPTY,
                    body,
                });
            };
            let size = (share(self.of(install, 9)) * 8.0).exp() * (1.0 + f64::from(day) / 900.0);
            push(RowBody::Stats {
                users: Some(size as u64),
                tokens: Some((size * 3.7) as u64),
                addons: None,
                apps: self.apps(install, day),
            });
            for nth in 0..3 {
                push(self.task(install, hash(of_day, nth)));
            }
            for nth in 0..1 + of_day % 2 {
                push(self.page(install, hash(of_day, 10 + nth)));
            }
        }
        rows
    }

    fn task(&self, install: u32, random: u64) -> RowBody {
        let kind = hash(self.of(install, 10), random % 6);
        let popular = (share(kind).powi(3) * f64::from(APPS)) as u32;
        let failed = share(hash(random, 1)) < 0.03;
        let result = if failed {
            1 + (random >> 8) as u32 % 2
        } else {
            0
        };
        let has_value = kind.is_multiple_of(2);
        RowBody::Task {
            namespace: Sym(APP + popular),
            task: Sym(TASK + (kind >> 8) as u32 % 3),
            result: Sym(RESULT + result),
            label: Sym::EMPTY,
            value: has_value.then(|| (share(hash(random, 2)) * 7.0).exp().round()),
            count: 1 + (random >> 16) as u32 % 4,
        }
    }

    fn page(&self, install: u32, random: u64) -> RowBody {
        let usual = hash(self.of(install, 11), random % 3);
        let skewed =
            |salt: u64, among: u32| (share(hash(usual, salt)).powi(3) * f64::from(among)) as u32;
        RowBody::Page {
            path: Sym(PATH + skewed(1, PATHS)),
            title: Sym::EMPTY,
            locale: Sym(LOCALE + skewed(2, LOCALES)),
            browser: Sym(BROWSER + skewed(3, BROWSERS)),
            os: Sym(SYSTEM + skewed(4, SYSTEMS)),
        }
    }
}
