//! Days, weeks and months as people write them. Pure; knows no clock.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, Unit};

use crate::query::Bucket;
use crate::store::Day;

const EPOCH: Date = Date::constant(1970, 1, 1);
const MS_PER_DAY: i64 = 86_400_000;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The civil date of a day.
pub(crate) fn date(day: Day) -> Date {
    EPOCH.saturating_add(SignedDuration::from_hours(24 * i64::from(day.0)))
}

/// The day of a civil date.
pub(crate) fn day(date: Date) -> Day {
    let days = EPOCH
        .until((Unit::Day, date))
        .map_or(0, |span| span.get_days());
    Day(days)
}

/// The UTC day of a moment.
pub(crate) fn day_of_ms(ms: i64) -> Day {
    Day(i32::try_from(ms.div_euclid(MS_PER_DAY)).unwrap_or(0))
}

/// Reads `2026-08-01`; nothing longer or shorter.
pub(crate) fn parse(text: &str) -> Option<Day> {
    if text.len() != 10 {
        return None;
    }
    text.parse::<Date>().ok().map(day)
}

/// Whether a text is a month as in `2026-08`.
pub(crate) fn is_month(text: &str) -> bool {
    text.len() == 7 && parse(&format!("{text}-01")).is_some()
}

/// `2026-08-01`.
pub(crate) fn iso(day: Day) -> String {
    date(day).to_string()
}

/// `2026-08-01T12:00:00.123Z`.
pub(crate) fn iso_moment(ms: i64) -> String {
    let moment = Timestamp::from_millisecond(ms).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// `13:04:41.204`.
pub(crate) fn clock(ms: i64) -> String {
    let moment = Timestamp::from_millisecond(ms).unwrap_or_default();
    moment.strftime("%H:%M:%S%.3f").to_string()
}

/// `1 Aug`.
pub(crate) fn short(day: Day) -> String {
    let date = date(day);
    format!("{} {}", date.day(), month_name(date))
}

/// `1 Aug 2026`.
pub(crate) fn long(day: Day) -> String {
    format!("{} {}", short(day), date(day).year())
}

/// `Aug 2026`.
pub(crate) fn month(of: Day) -> String {
    let date = date(of);
    format!("{} {}", month_name(date), date.year())
}

fn month_name(date: Date) -> &'static str {
    MONTHS[usize::from(date.month().unsigned_abs() - 1) % 12]
}

/// The same day of the year before; 29 February becomes the 28th.
pub(crate) fn year_before(of: Day) -> Day {
    let date = date(of);
    let year = date.year() - 1;
    let before = Date::new(year, date.month(), date.day());
    before
        .or_else(|_| Date::new(year, date.month(), 28))
        .map_or(Day(of.0 - 365), day)
}

/// First day of each bucket of a range, cut by the range: a first week may start on a Thursday.
pub(crate) fn starts(from: Day, to: Day, bucket: Bucket) -> Vec<Day> {
    (from.0..=to.0)
        .map(Day)
        .filter(|&day| day == from || opens(day, bucket))
        .collect()
}

fn opens(day: Day, bucket: Bucket) -> bool {
    match bucket {
        Bucket::Day | Bucket::Trailing7 => true,
        // 1970-01-05 was a Monday.
        Bucket::Week => (day.0 - 4).rem_euclid(7) == 0,
        Bucket::Month => date(day).day() == 1,
        Bucket::Whole => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for (number, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (20_666, "2026-08-01"),
            (11_016, "2000-02-29"),
        ] {
            assert_eq!(iso(Day(number)), text);
            assert_eq!(parse(text), Some(Day(number)));
        }
        for bad in [
            "2026-8-1",
            "2026-02-30",
            "",
            "2026-08-01T00:00Z",
            "20260801",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn buckets_start_on_mondays_and_firsts() {
        let range = |bucket| {
            let from = parse("2026-07-30").expect("a date");
            let to = parse("2026-08-11").expect("a date");
            starts(from, to, bucket)
                .into_iter()
                .map(iso)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            range(Bucket::Week),
            ["2026-07-30", "2026-08-03", "2026-08-10"]
        );
        assert_eq!(range(Bucket::Month), ["2026-07-30", "2026-08-01"]);
        assert_eq!(range(Bucket::Whole), ["2026-07-30"]);
        assert_eq!(range(Bucket::Day).len(), 13);
    }

    #[test]
    fn a_year_before_a_leap_day_is_the_28th() {
        let before = |text| iso(year_before(parse(text).expect("a date")));
        assert_eq!(before("2024-02-29"), "2023-02-28");
        assert_eq!(before("2026-11-22"), "2025-11-22");
    }

    #[test]
    fn words_for_days_and_moments() {
        assert_eq!(long(Day(20_666)), "1 Aug 2026");
        assert_eq!(iso_moment(1_000), "1970-01-01T00:00:01.000Z");
        assert_eq!(clock(46_881_204), "13:01:21.204");
        assert!(is_month("2026-08") && !is_month("2026-13") && !is_month("2026-8"));
    }
}
