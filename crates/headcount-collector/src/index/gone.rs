//! Installs that went silent: on which day each was active for the last time.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::abreast;
use super::calendar::{WEEK_DAYS, days};
use super::view::Snapshot;
use crate::error::Error;
use crate::query::DayRange;
use crate::store::Day;

/// Days to read from which on a second thread pays.
const MANY_DAYS: usize = 32;

/// For each day of a range on which installs are gone, ascending: the day they were last active on, and
/// who. Gone on a day is who was active 8 days before it and on none of the 7 days between.
pub(super) fn gone(
    snapshot: &Snapshot<'_>,
    range: DayRange,
) -> Result<Vec<(Day, RoaringBitmap)>, Error> {
    let reach = DayRange {
        from: Day(range.from.0 - WEEK_DAYS - 1),
        to: Day(range.to.0 - 1),
    };
    let reach: Vec<Day> = days(reach).collect();
    let active = abreast::each(&reach, MANY_DAYS, |&day| {
        let day = DayRange { from: day, to: day };
        snapshot.view(day).active()
    })?;
    let last = |(&day, window): (&Day, &[Arc<RoaringBitmap>])| {
        let (last, silent) = window.split_first()?;
        let mut gone = last.as_ref() - silent.first()?.as_ref();
        for since in &silent[1..] {
            if gone.is_empty() {
                break;
            }
            gone -= since.as_ref();
        }
        (!gone.is_empty()).then_some((day, gone))
    };
    let windows = active.windows(WEEK_DAYS as usize + 1);
    Ok(reach.iter().zip(windows).filter_map(last).collect())
}
