//! Which apps an install has on a day, and in which version. A pure function of install and day.

use super::catalog::{APPS, TAIL_BACK, TAIL_FRONT};
use super::dice::Dice;
use super::horizon::Horizon;
use super::install::Install;

#[derive(Clone, Debug)]
struct App {
    name: String,
    /// Share of installs that have it on the last day.
    adoption: f64,
    /// Growth of its logarithm over a year.
    trend: f64,
    release_every: i32,
    release_phase: i32,
    major: u32,
}

/// A power law at first; the last third is on a handful of installs each.
fn popularity(rank: f64) -> f64 {
    0.78 / (1.0 + rank / 6.5).powf(1.3) * (-(rank / 65.0).powf(1.5)).exp()
}

/// All apps of a fleet.
#[derive(Clone, Debug)]
pub(crate) struct Apps(Vec<App>);

/// The state of all apps on one day, made once for all installs.
pub(crate) struct AppsToday<'a> {
    apps: &'a Apps,
    day: i32,
    adoption: Vec<f64>,
}

/// Trends of apps that the pages should show rising or falling, as growth a year.
const TRENDS: [(&str, f64); 8] = [
    ("memberaudit", 0.28),
    ("afat", 0.45),
    ("metenox", 1.30),
    ("charlink", 0.90),
    ("fleetactivitytracking", -0.20),
    ("moonmining", -0.12),
    ("hrapplications", -0.35),
    ("moonstuff", -0.80),
];

impl Apps {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Dice::of(seed, [u64::MAX, 1]);
        let tail = TAIL_FRONT
            .iter()
            .flat_map(|front| TAIL_BACK.iter().map(move |back| format!("{front}{back}")));
        let apps = APPS.iter().map(|name| (*name).to_owned()).chain(tail);
        let draw = |(rank, name): (u32, String)| {
            let told = TRENDS.iter().find(|(known, _)| *known == name);
            App {
                adoption: popularity(f64::from(rank)),
                trend: told.map_or_else(|| 0.22 * dice.gauss(), |(_, trend)| *trend),
                release_every: 25 + super::install::whole(dice.exponential(60.0)),
                release_phase: super::install::whole(dice.between(0.0, 4_000.0)),
                major: 1 + dice.poisson(0.7),
                name,
            }
        };
        Self((0..).zip(apps).map(draw).collect())
    }

    pub(crate) fn on<'a>(&'a self, day: i32, horizon: &Horizon) -> AppsToday<'a> {
        let years_before_end = f64::from(horizon.days_before_end(day)) / 365.0;
        let adoption = |app: &App| (app.adoption * (-app.trend * years_before_end).exp()).min(0.95);
        AppsToday {
            apps: self,
            day,
            adoption: self.0.iter().map(adoption).collect(),
        }
    }
}

impl AppsToday<'_> {
    /// Names and versions of the apps an install has.
    pub(crate) fn of(&self, install: &Install) -> Vec<(&str, String)> {
        let apps = self.apps.0.iter().zip(&self.adoption);
        apps.zip(&install.tastes)
            .filter(|((_, adoption), taste)| taste.reluctance < **adoption)
            .map(|((app, _), taste)| (app.name.as_str(), self.version(app, taste.lag_days)))
            .collect()
    }

    fn version(&self, app: &App, lag_days: i32) -> String {
        let release = (self.day + app.release_phase - lag_days).max(0) / app.release_every;
        format!("{}.{}.{}", app.major, release / 4, release % 4)
    }
}

/// What one install makes of one app.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taste {
    /// It has the app while the adoption is above this.
    reluctance: f64,
    lag_days: i32,
}

/// One taste for each app. Big installs have more apps, slow ones older versions.
pub(crate) fn tastes(seed: u64, number: u64, size_rank: f64, slowness: f64) -> Vec<Taste> {
    let mut dice = Dice::of(seed, [number, 2]);
    let draw = |_| Taste {
        reluctance: dice.unit().powf(1.0 / (1.5 - size_rank)),
        lag_days: super::install::whole((dice.unit() * 60.0 * slowness).min(2_000.0)),
    };
    (0..APPS.len() + TAIL_FRONT.len() * TAIL_BACK.len())
        .map(draw)
        .collect()
}
