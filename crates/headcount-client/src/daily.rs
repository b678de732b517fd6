//! The daily report: once a day at the install's own minute, by one process, whatever restarts.

use headcount_protocol::{Event, EventBody, Stats};

use crate::clock;
use crate::config::Config;
use crate::drain::Drain;
use crate::error::Result;
use crate::install::Install;
use crate::settings::{Feed, Settings};
use crate::spool::{self, Caps};
use crate::state::State;

/// Whether the report of today is due: its minute has come and it was not made yet.
pub(crate) fn is_due(minute: i64, last_day: Option<i64>, now_ms: i64) -> bool {
    let today = clock::day_of(now_ms);
    clock::minute_of(now_ms) >= minute && last_day.is_none_or(|last| last < today)
}

/// The moment of the next report, Unix milliseconds.
#[must_use]
pub(crate) fn next_at_ms(minute: i64, last_day: Option<i64>, now_ms: i64) -> i64 {
    let today = clock::day_of(now_ms);
    let made = last_day.is_some_and(|last| last >= today);
    ((today + i64::from(made)) * 1440 + minute) * 60_000
}

/// Makes the report if it is due and wanted. The day is noted with the event in one transaction: of several
/// processes one reports, and one that dies half-way leaves the day to the next.
pub(crate) fn run(
    state: &State,
    drain: &mut Drain,
    now_ms: i64,
    callback: &dyn Fn() -> Option<Stats>,
) -> Result<bool> {
    run_from(state, drain, now_ms, Install::daily_minute, callback)
}

fn run_from(
    state: &State,
    drain: &mut Drain,
    now_ms: i64,
    minute_of: impl Fn(&Install) -> i64,
    callback: &dyn Fn() -> Option<Stats>,
) -> Result<bool> {
    let wanted = state
        .settings()?
        .is_some_and(|settings| settings.mask() & Feed::Stats.bit() != 0);
    let Some(install) = state.install()?.filter(|_| wanted) else {
        return Ok(false);
    };
    let minute = minute_of(&install);
    if clock::minute_of(now_ms) < minute {
        return Ok(false);
    }
    let last_day = drain
        .spool()
        .transact(|tx| spool::fact(tx, spool::LAST_DAILY_DAY))?;
    if !is_due(minute, last_day, now_ms) {
        return Ok(false);
    }
    let Some(stats) = callback() else {
        return Ok(false);
    };
    let event = Event {
        id: None,
        at_ms: Some(now_ms),
        body: EventBody::Stats(stats),
    };
    drain.direct(Feed::Stats, event, |tx| {
        let due = is_due(minute, spool::fact(tx, spool::LAST_DAILY_DAY)?, now_ms);
        if due {
            spool::set_fact(tx, spool::LAST_DAILY_DAY, clock::day_of(now_ms))?;
        }
        Ok(due)
    })
}

impl State {
    /// Makes the daily report if it is due and wanted, for those who have a timer of their own. Of several
    /// processes one reports. Answers whether this one did.
    ///
    /// # Errors
    /// When the state folder cannot be read or written.
    pub fn record_daily(&self, caps: &Caps, callback: &dyn Fn() -> Option<Stats>) -> Result<bool> {
        let mut drain = Drain::open(self, *caps, 0)?;
        run(self, &mut drain, clock::now_ms(), callback)
    }

    /// The same for a host that has its own moment for it: due from midnight on, still once a day.
    ///
    /// # Errors
    /// When the state folder cannot be read or written.
    pub fn record_daily_now(
        &self,
        caps: &Caps,
        callback: &dyn Fn() -> Option<Stats>,
    ) -> Result<bool> {
        let mut drain = Drain::open(self, *caps, 0)?;
        run_from(self, &mut drain, clock::now_ms(), |_| 0, callback)
    }
}

/// Keeps what the host says about itself, for those who send on its behalf.
pub(crate) fn remember_host(state: &State, config: &Config) -> Result<()> {
    let told = |settings: &mut Settings| {
        if config.app.is_some() {
            settings.app.clone_from(&config.app);
        }
        if config.app_version.is_some() {
            settings.app_version.clone_from(&config.app_version);
        }
        if config.deployment.is_some() {
            settings.deployment.clone_from(&config.deployment);
        }
        if !config.runtime.is_empty() {
            settings.runtime.clone_from(&config.runtime);
        }
    };
    let Some(before) = state.settings()? else {
        return Ok(());
    };
    let mut after = before.clone();
    told(&mut after);
    if after != before {
        state.change(|settings| {
            told(settings);
            Ok(())
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn a_report_is_due_once_a_day_from_its_minute_on() {
        let at = |minute: i64| 20_000 * DAY_MS + minute * 60_000;
        for (now_ms, last_day, due) in [
            (at(256), None, false),
            (at(257), None, true),
            (at(1439), None, true),
            (at(257), Some(19_999), true),
            (at(257), Some(20_000), false),
            (at(257), Some(20_001), false),
        ] {
            assert_eq!(is_due(257, last_day, now_ms), due, "{now_ms} {last_day:?}");
        }
        assert_eq!(next_at_ms(257, Some(20_000), at(300)), at(257) + DAY_MS);
        assert_eq!(next_at_ms(257, None, at(3)), at(257));
    }
}
