//! Feeds that went silent: far fewer installs sent them on the last days than usual, all at once. That
//! is a fault of reporting (a server that was moved, a key that was revoked), not installs that left.

use super::{Over, ReportError, Source, calendar};
use crate::query::{Bucket, DayRange, Measure};
use crate::store::Day;

/// Days that tell what is usual, and the days after them that are looked at.
const USUAL_DAYS: i32 = 28;
const RECENT_DAYS: i32 = 7;
/// Installs that a feed usually has before its silence means anything.
const LEAST_USUAL: u64 = 20;
/// A day with fewer than this part of the usual installs is silent.
const SILENT_PART: f64 = 0.3;

/// The feeds with what tells of them; the first one stands for any report at all.
const FEEDS: [(&str, Measure); 4] = [
    ("", Measure::Active),
    ("stats", Measure::Users),
    ("tasks", Measure::Tasks),
    ("pages", Measure::Pages),
];

/// What tells of a feed on charts: numbers of installs go by any report.
pub(crate) fn measure(feed: &str) -> Measure {
    match feed {
        "tasks" => Measure::Tasks,
        "pages" => Measure::Pages,
        _ => Measure::Active,
    }
}

/// A feed that is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Silence {
    /// Empty for all of them.
    pub(crate) feed: &'static str,
    /// Its first silent day.
    pub(crate) since: Day,
    /// Installs that sent it on the last day, and on a usual day.
    pub(crate) now: u64,
    pub(crate) usual: u64,
}

/// Feeds that are silent on a day, the last full one. Where nothing comes at all, only that is said.
///
/// # Errors
/// The data cannot be read.
pub(crate) fn find(source: &Source<'_>, last: Day) -> Result<Vec<Silence>, ReportError> {
    let mut found = Vec::new();
    for (feed, measure) in FEEDS {
        let range = DayRange {
            from: Day(last.0 - USUAL_DAYS - RECENT_DAYS + 1),
            to: last,
        };
        let installs = by_day(source, measure, range)?;
        if let Some(silence) = silent(feed, last, &installs) {
            found.push(silence);
            if feed.is_empty() {
                break;
            }
        }
    }
    Ok(found)
}

/// Installs by day, with a place for each day.
fn by_day(source: &Source<'_>, measure: Measure, range: DayRange) -> Result<Vec<u64>, ReportError> {
    let over = Over {
        range,
        bucket: Bucket::Day,
        filter: &[],
    };
    let rows = source.ask(measure, &[], &over)?.rows;
    let on = |day: Day| {
        let row = rows.iter().find(|row| row.bucket == day);
        row.map_or(0, |row| row.installs)
    };
    let days = calendar::starts(range.from, range.to, Bucket::Day);
    Ok(days.into_iter().map(on).collect())
}

fn silent(feed: &'static str, last: Day, installs: &[u64]) -> Option<Silence> {
    let mut before: Vec<u64> = installs[..installs.len().checked_sub(RECENT_DAYS as usize)?].into();
    before.sort_unstable();
    let usual = *before.get(before.len() / 2)?;
    let quiet = |&&installs: &&u64| (installs as f64) < usual as f64 * SILENT_PART;
    let days = installs.iter().rev().take_while(quiet).count();
    let now = *installs.last()?;
    (usual >= LEAST_USUAL && days > 0).then(|| Silence {
        feed,
        since: Day(last.0 - days as i32 + 1),
        now,
        usual,
    })
}

/// Which of some days are silent beside the usual ones before them: a fleet that grows was not silent
/// when it was small, and one that stays small for long has become so.
pub(crate) fn silent_days(installs: &[u64]) -> Vec<bool> {
    /// Days before that are needed to tell.
    const LEAST_BEFORE: usize = 2;
    let mut usual_days: Vec<u64> = Vec::new();
    let mut silent: Vec<bool> = Vec::new();
    for &today in installs {
        let recent = usual_days.len().saturating_sub(USUAL_DAYS as usize);
        let mut before = usual_days[recent..].to_vec();
        before.sort_unstable();
        let usual = before.get(before.len() / 2).copied().unwrap_or(0);
        let known = before.len() >= LEAST_BEFORE && usual >= LEAST_USUAL;
        let quiet = known && (today as f64) < usual as f64 * SILENT_PART;
        if !quiet {
            usual_days.push(today);
        }
        silent.push(quiet);
    }
    for run in silent.chunk_by_mut(|a, b| a == b) {
        if run.len() > USUAL_DAYS as usize {
            run.fill(false);
        }
    }
    silent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sudden_silence_is_told_with_its_first_day() {
        let of = |recent: &[u64], usual: u64| {
            let mut installs = vec![usual; 28];
            installs.extend(recent);
            silent("tasks", Day(100), &installs).map(|s| (s.since.0, s.now, s.usual))
        };
        assert_eq!(of(&[90, 90, 90, 90, 90, 12, 0], 100), Some((99, 0, 100)));
        assert_eq!(of(&[0, 0, 0, 0, 0, 0, 29], 100), Some((94, 29, 100)));
        // It came back; it fell slowly; it is too small to say.
        assert_eq!(of(&[90, 0, 0, 0, 0, 0, 95], 100), None);
        assert_eq!(of(&[80, 70, 60, 55, 50, 45, 40], 100), None);
        assert_eq!(of(&[9, 9, 9, 9, 9, 0, 0], 10), None);
        assert_eq!(silent("", Day(0), &[]), None);
        let days = silent_days(&[50, 50, 3, 50, 50]);
        assert_eq!(days, [false, false, true, false, false]);
        let grown: Vec<u64> = (1..60).map(|day| day * 5).collect();
        assert!(!silent_days(&grown).contains(&true), "it grows");
        let of = |quiet: usize| {
            let days = [vec![90; 20], vec![5; quiet], vec![90; 3]].concat();
            silent_days(&days).iter().filter(|&&silent| silent).count()
        };
        assert_eq!((of(1), of(20), of(28), of(29)), (1, 20, 28, 0));
    }
}
