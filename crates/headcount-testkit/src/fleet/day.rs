//! What one install sends on one day: a pure function of seed, install and day.

use std::collections::BTreeMap;

use headcount_protocol::{
    AppStat, Batch, Deployment, Event, EventBody, EventId, InstallId, InstalledApp, Page, Runtime,
    Stats, Task,
};

use super::DAY_MS;
use super::apps::AppsToday;
use super::catalog::{
    BROWSERS, LOCALES, PAGES, REGRESSION_FACTOR, REGRESSION_TASK, REGRESSION_VERSION, RELEASES,
    systems,
};
use super::dice::Dice;
use super::duties::{APP_STATS, DUTIES, Duty, REGRESSION_EXCEPTIONS};
use super::horizon::Horizon;
use super::install::Install;

/// Tasks an install reports a day beside the one that runs everywhere. It has more: their runs are
/// spread over the days so that sums stay right while an install-day stays a handful of events.
const OTHER_TASKS: usize = 1;
/// Users of the install that `Duty::runs` speaks of.
const USUAL_USERS: f64 = 60.0;
/// Games are played at weekends: Monday first.
const RHYTHM: [f64; 7] = [0.93, 0.92, 0.94, 0.96, 1.02, 1.13, 1.16];
/// A day's page views of one install end here.
const MOST_VIEWS: f64 = 16.0;

/// One day of all installs.
pub(crate) struct Today<'a> {
    pub(crate) seed: u64,
    pub(crate) day: i32,
    /// Another turn of the same day gives other events of the same installs.
    pub(crate) turn: u64,
    pub(crate) horizon: &'a Horizon,
    pub(crate) apps: AppsToday<'a>,
}

/// One install on that day, while its batch is made.
struct Sender<'a> {
    today: &'a Today<'a>,
    install: &'a Install,
    dice: Dice,
    apps: Vec<(&'a str, String)>,
    users: u64,
    start_ms: i64,
    /// No event of the day is later: its end, or now.
    span_ms: i64,
    events: Vec<Event>,
}

impl<'a> Today<'a> {
    /// `None` when the install sends nothing on that day.
    pub(crate) fn batch(&'a self, install: &'a Install) -> Option<Batch> {
        let day = self.day;
        let day_turn = u64::try_from(day)
            .unwrap_or(0)
            .wrapping_add(self.turn << 16);
        let mut dice = Dice::of(self.seed, [install.number, day_turn.wrapping_add(1_000)]);
        let up = dice.chance(install.uptime) || day == install.first;
        if !install.lives_on(day) || !up {
            return None;
        }
        let start_ms = i64::from(self.horizon.start + day) * DAY_MS;
        let mut sender = Sender {
            today: self,
            install,
            dice,
            apps: self.apps.of(install),
            users: install.users_on(self.horizon.days_before_end(day)),
            start_ms,
            span_ms: (self.horizon.now_ms - start_ms).clamp(1, DAY_MS),
            events: Vec::new(),
        };
        sender.stats();
        sender.tasks();
        sender.app_stats();
        sender.pages();
        sender.batch()
    }
}

impl Sender<'_> {
    fn batch(mut self) -> Option<Batch> {
        if self.events.is_empty() {
            return None;
        }
        self.events.sort_by_key(|event| event.at_ms);
        let deployment = if self.install.docker {
            "docker"
        } else {
            "baremetal"
        };
        let facts = BTreeMap::from([("python".to_owned(), self.install.python.to_owned())]);
        Some(Batch {
            install: InstallId::parse(&self.install.id)?,
            app: Some("allianceauth".to_owned()),
            app_version: Some(
                RELEASES[self.install.release_on(self.today.day)]
                    .version
                    .to_owned(),
            ),
            batch_id: Some(event_id(self.start_ms, &mut self.dice)),
            sent_at_ms: Some(self.today.horizon.now_ms),
            runtime: Runtime {
                deployment: Some(Deployment(deployment.to_owned())),
                facts,
            },
            events: self.events,
            lost: BTreeMap::new(),
        })
    }

    fn push(&mut self, at_ms: i64, body: EventBody) {
        let id = Some(event_id(at_ms, &mut self.dice));
        self.events.push(Event {
            id,
            at_ms: Some(at_ms),
            body,
        });
    }

    /// A moment of the day so far.
    fn some_time(&mut self) -> i64 {
        let span = usize::try_from(self.span_ms).unwrap_or(1);
        self.start_ms + i64::try_from(self.dice.below(span)).unwrap_or(0)
    }

    #[expect(clippy::cast_precision_loss, reason = "a day has few milliseconds")]
    fn elapsed(&self) -> f64 {
        self.span_ms as f64 / DAY_MS as f64
    }

    fn rhythm(&self) -> f64 {
        let weekday = self.today.horizon.weekday(self.today.day);
        RHYTHM[usize::try_from(weekday).unwrap_or(0)]
    }

    #[expect(clippy::cast_precision_loss, reason = "users are few")]
    fn size(&self) -> f64 {
        self.users as f64 / USUAL_USERS
    }

    /// Once a day at the install's own minute; a new install reports when it is set up.
    fn stats(&mut self) {
        let jitter = i64::from(self.dice.poisson(20_000.0));
        let mut at_ms = self.start_ms + i64::from(self.install.beat_minute) * 60_000 + jitter;
        if self.today.day == self.install.first {
            at_ms = self.some_time();
        }
        if at_ms >= self.start_ms + self.span_ms {
            return;
        }
        let apps = self.apps.iter().map(|(name, version)| InstalledApp {
            name: (*name).to_owned(),
            version: Some(version.clone()),
        });
        let stats = Stats {
            users: Some(self.users),
            tokens: Some(rounded(
                self.size() * USUAL_USERS * self.install.tokens_per_user,
            )),
            addons: None,
            deployment: None,
            apps: apps.collect(),
        };
        self.push(at_ms, EventBody::Stats(stats));
    }

    fn tasks(&mut self) {
        if !self.install.sends_tasks {
            return;
        }
        let mine: Vec<&Duty> = DUTIES[1..]
            .iter()
            .filter(|duty| self.has(duty.app))
            .collect();
        self.task(&DUTIES[0], 1.0);
        let stride = mine.len() / OTHER_TASKS;
        let offset = self.dice.below(mine.len());
        for turn in 0..OTHER_TASKS {
            let duty = mine[(offset + turn * stride) % mine.len()];
            #[expect(clippy::cast_precision_loss, reason = "a few dozens")]
            self.task(duty, mine.len() as f64 / OTHER_TASKS as f64);
        }
    }

    fn has(&self, app: &str) -> bool {
        app.is_empty() || self.apps.iter().any(|(name, _)| *name == app)
    }

    fn task(&mut self, duty: &Duty, times: f64) {
        let noise = self.dice.log_normal(1.0, 0.12);
        let mean =
            duty.runs * self.size().powf(0.8) * self.rhythm() * noise * times * self.elapsed();
        let runs = self.dice.poisson(mean);
        let extra = self.regression(duty);
        let failures = self.dice.poisson(f64::from(runs) * duty.failing).min(runs);
        let broken = self
            .dice
            .poisson(f64::from(runs) * duty.failing * extra)
            .min(runs - failures);
        let succeeded = runs - failures - broken;
        if succeeded > 0 {
            let value = duty.value * self.dice.log_normal(1.0, 0.35);
            let sum = (f64::from(succeeded) * value).round();
            self.runs(duty, "Success", succeeded, Some(sum));
        }
        if failures > 0 {
            let exception = self.exception(duty.exceptions);
            self.runs(duty, exception, failures, None);
        }
        if broken > 0 {
            let exception = self.exception(REGRESSION_EXCEPTIONS);
            self.runs(duty, exception, broken, None);
        }
    }

    /// How many more failures one release brings to one task.
    fn regression(&self, duty: &Duty) -> f64 {
        let broken_since = RELEASES
            .iter()
            .position(|release| release.version == REGRESSION_VERSION);
        let runs_it = self.install.release_on(self.today.day);
        let hit = (duty.namespace, duty.task) == REGRESSION_TASK
            && broken_since.is_some_and(|since| runs_it >= since);
        if hit { REGRESSION_FACTOR - 1.0 } else { 0.0 }
    }

    /// The first exception of a list is twice as common as the second, and so on.
    fn exception(&mut self, exceptions: &[&'static str]) -> &'static str {
        let weights =
            (0..exceptions.len()).map(|rank| 0.5f64.powi(i32::try_from(rank).unwrap_or(0)));
        exceptions[self.dice.weighted(weights)]
    }

    fn runs(&mut self, duty: &Duty, result: &str, count: u32, value: Option<f64>) {
        let at_ms = self.some_time();
        let task = Task {
            namespace: duty.namespace.to_owned(),
            task: duty.task.to_owned(),
            result: result.to_owned(),
            label: String::new(),
            value,
            count,
        };
        self.push(at_ms, EventBody::Task(task));
    }

    fn app_stats(&mut self) {
        for (rank, &(app, namespace, task, label, median)) in (0..).zip(&APP_STATS) {
            // Reporting about itself is an app's own, newer feature: a quarter of the installs
            // have it.
            let mut constant = Dice::of(self.today.seed, [self.install.number, 100 + rank]);
            let reports = constant.chance(0.25);
            let own = constant.log_normal(median, 0.9);
            if reports && self.has(app) {
                let at_ms = self.some_time();
                let grown = own * self.size().powf(0.4) * self.dice.log_normal(1.0, 0.02);
                let stat = AppStat {
                    namespace: namespace.to_owned(),
                    task: task.to_owned(),
                    label: label.to_owned(),
                    value: grown.round(),
                };
                self.push(at_ms, EventBody::Stat(stat));
            }
        }
    }

    fn pages(&mut self) {
        if !self.install.sends_pages {
            return;
        }
        let mean = (2.6 * self.size().powf(0.6) * self.rhythm()).min(MOST_VIEWS) * self.elapsed();
        for _ in 0..self.dice.poisson(mean) {
            let at_ms = self.evening();
            let page = self.page();
            self.push(at_ms, EventBody::Page(page));
        }
    }

    /// Mostly the hours around nine in the evening of the install's time zone.
    #[expect(clippy::cast_possible_truncation, reason = "hours of one day")]
    fn evening(&mut self) -> i64 {
        let hour = 20.5 + 3.2 * self.dice.gauss() - f64::from(self.install.zone_hours);
        let in_day = (hour * 3_600_000.0) as i64;
        let offset = in_day.rem_euclid(DAY_MS);
        if offset < self.span_ms {
            self.start_ms + offset
        } else {
            self.some_time()
        }
    }

    fn page(&mut self) -> Page {
        let locale = match self.dice.unit() {
            u if u < 0.80 => self.install.locale,
            u if u < 0.94 => "en",
            _ => LOCALES[self.dice.below(LOCALES.len())].0,
        };
        let shares = PAGES.map(|page| if self.has(page.app) { page.share } else { 0.0 });
        let page = &PAGES[self.dice.weighted(shares.into_iter())];
        Page {
            path: page.path.to_owned(),
            title: page.title(locale).to_owned(),
            locale: locale.to_owned(),
            user_agent: self.user_agent(),
        }
    }

    /// Reduced, as the module sends it: family, major version, system.
    fn user_agent(&mut self) -> String {
        let shares = BROWSERS.iter().map(|browser| browser.3);
        let (family, newest, every, _) = BROWSERS[self.dice.weighted(shares)];
        let behind = i32::try_from(self.dice.poisson(0.4)).unwrap_or(0);
        let age = self.today.horizon.days_before_end(self.today.day) / every;
        let systems = systems(family);
        let (os, _) = systems[self.dice.weighted(systems.iter().map(|system| system.1))];
        format!("{family} {} / {os}", (newest - age - behind).max(1))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, small"
)]
fn rounded(number: f64) -> u64 {
    number.round().max(0.0) as u64
}

/// A UUID of version 7, so that ids of one day lie side by side in an index.
pub(crate) fn event_id(at_ms: i64, dice: &mut Dice) -> EventId {
    let (high, low) = (dice.next().to_be_bytes(), dice.next().to_be_bytes());
    let random = [
        high[0], high[1], low[0], low[1], low[2], low[3], low[4], low[5], low[6], low[7],
    ];
    let millis = u64::try_from(at_ms).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random)
        .into_uuid()
        .into_bytes()
}
