//! One simulated install: when it lives, how big it is, how it upgrades. Drawn once, then constant.

use super::apps::{self, Taste};
use super::catalog::{LOCALES, RELEASES};
use super::dice::Dice;
use super::horizon::Horizon;

/// Share of installs that were there before the fleet's first day.
const FOUNDERS: f64 = 0.55;
/// Founders turn collection on one after another: mean days.
const FOUNDING_DAYS: f64 = 9.0;

#[derive(Clone, Debug)]
pub(crate) struct Install {
    pub(crate) number: u64,
    pub(crate) id: String,
    /// Index of its first day, 0 is the first day of the fleet.
    pub(crate) first: i32,
    /// Index of the first day on which it is gone for good.
    pub(crate) end: i32,
    /// Indices of the first and last day of a break.
    pub(crate) pause: Option<(i32, i32)>,
    /// Share of days on which it is up.
    pub(crate) uptime: f64,
    pub(crate) docker: bool,
    pub(crate) python: &'static str,
    /// Users on the fleet's last day.
    pub(crate) users: f64,
    pub(crate) tokens_per_user: f64,
    /// One for each app.
    pub(crate) tastes: Vec<Taste>,
    /// Per release the index of the day it is put in; `i32::MAX` for never.
    pub(crate) upgrades: [i32; RELEASES.len()],
    /// Minute of the UTC day of its daily statistics.
    pub(crate) beat_minute: i32,
    /// Hours its evening comes before UTC's.
    pub(crate) zone_hours: i32,
    pub(crate) locale: &'static str,
    pub(crate) sends_tasks: bool,
    pub(crate) sends_pages: bool,
}

impl Install {
    pub(crate) fn draw(seed: u64, number: u64, horizon: &Horizon) -> Self {
        let mut dice = Dice::of(seed, [number, 0]);
        let founder = dice.chance(FOUNDERS);
        let first = if founder {
            whole(dice.exponential(FOUNDING_DAYS)).min(horizon.days - 1)
        } else {
            horizon.draw_first(&mut dice)
        };
        let docker = dice.chance(if founder { 0.55 } else { 0.72 });
        let tried_out = !founder && dice.chance(if docker { 0.17 } else { 0.08 });
        let life = if tried_out {
            1.0 + dice.exponential(16.0)
        } else {
            dice.weibull(if docker { 1_900.0 } else { 2_500.0 }, 0.82)
                + if founder { 25.0 } else { 0.0 }
        };
        let size = dice.gauss();
        let tempo = dice.log_normal(1.0, 0.55);
        let laggard = if dice.chance(0.10) { 7.0 } else { 1.0 };
        let slowness = tempo * laggard * if docker { 0.85 } else { 1.25 };
        // 0 is the smallest, 1 the biggest install: close to the normal distribution function.
        let size_rank = 1.0 / (1.0 + (-1.702 * size).exp());
        let (locale, zone_hours) = home(&mut dice);
        let end = first.saturating_add(whole(life)).max(first + 1);
        Self {
            number,
            id: uuid(&mut dice),
            first,
            end,
            pause: pause(&mut dice, first, end),
            uptime: if dice.chance(0.06) {
                dice.between(0.3, 0.7)
            } else {
                dice.between(0.95, 1.0)
            },
            docker,
            python: ["3.10", "3.11", "3.12", "3.13"]
                [dice.weighted([0.15, 0.5, 0.25, 0.1].into_iter())],
            users: (57.0 * (1.42 * size).exp()).max(1.0),
            tokens_per_user: dice.log_normal(6.0, 0.5),
            tastes: apps::tastes(seed, number, size_rank, slowness),
            upgrades: upgrades(&mut dice, first, slowness, horizon),
            beat_minute: whole(dice.between(0.0, 1_440.0)),
            zone_hours,
            locale,
            sends_tasks: dice.chance(0.62),
            sends_pages: dice.chance(0.14),
        }
    }

    pub(crate) fn lives_on(&self, day: i32) -> bool {
        let pausing = self
            .pause
            .is_some_and(|(from, to)| (from..=to).contains(&day));
        (self.first..self.end).contains(&day) && !pausing
    }

    /// Index into `RELEASES` of what runs on a day.
    pub(crate) fn release_on(&self, day: i32) -> usize {
        self.upgrades
            .iter()
            .rposition(|put_in| *put_in <= day)
            .unwrap_or(0)
    }

    /// Installs grow by a tenth a year.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1, and small"
    )]
    pub(crate) fn users_on(&self, days_before_end: i32) -> u64 {
        let grown = self.users * (-0.10 * f64::from(days_before_end) / 365.0).exp();
        grown.round().max(1.0) as u64
    }
}

/// Main language and the time zone that goes with it.
fn home(dice: &mut Dice) -> (&'static str, i32) {
    let (locale, _) = LOCALES[dice.weighted(LOCALES.iter().map(|(_, share)| *share))];
    let zone_hours = match locale {
        "en" => [-8, -6, -5, 0, 10][dice.weighted([0.15, 0.1, 0.35, 0.3, 0.1].into_iter())],
        "ru" => 3,
        "zh-hans" => 8,
        "ko" | "ja" => 9,
        _ => 1,
    };
    (locale, zone_hours)
}

/// One install in twelve goes away for weeks and comes back.
fn pause(dice: &mut Dice, first: i32, end: i32) -> Option<(i32, i32)> {
    let comes_back = dice.chance(0.085);
    let from = first + 5 + whole(dice.exponential(120.0));
    let length = whole(dice.between(10.0, 60.0));
    (comes_back && from + length < end).then_some((from, from + length))
}

fn upgrades(
    dice: &mut Dice,
    first: i32,
    slowness: f64,
    horizon: &Horizon,
) -> [i32; RELEASES.len()] {
    let newest_first_try = dice.chance(0.96);
    let mut upgrades = [i32::MAX; RELEASES.len()];
    for (put_in, release) in upgrades.iter_mut().zip(&RELEASES) {
        let out = horizon.release_day(release);
        let skipped = dice.chance(release.skipped_by);
        let wait = dice.log_normal(17.0, 0.95) * slowness * release.slowness;
        if out <= first && first > 0 {
            // A new install starts with what is newest, a few with an old guide.
            *put_in = if newest_first_try { first } else { first + 30 };
        } else if !skipped {
            *put_in = out.saturating_add(whole(wait));
        }
    }
    // Whoever never took any of the old releases has always run the oldest.
    upgrades[0] = i32::MIN;
    upgrades
}

/// A random UUID of version 4 in its usual form.
fn uuid(dice: &mut Dice) -> String {
    let bytes = (u128::from(dice.next()) << 64 | u128::from(dice.next())).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// Rounded down; saturates.
#[expect(
    clippy::cast_possible_truncation,
    reason = "saturating is what is wanted"
)]
pub(crate) fn whole(number: f64) -> i32 {
    number as i32
}
