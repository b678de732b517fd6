//! Days, weeks and months of the index. Pure arithmetic on UTC days, no clock.

use crate::query::{Bucket, DayRange};
use crate::store::Day;

/// Days of a week and of the trailing bucket.
pub(super) const WEEK_DAYS: i32 = 7;

/// Longest range a question may ask, about 30 years: keeps hostile parameters from looping.
pub(super) const MAX_RANGE_DAYS: i64 = 11_000;

/// A stretch of days that is kept in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Span {
    Day,
    /// Monday to Sunday.
    Week,
    Month,
}

impl Span {
    /// The stretch of this kind that a day belongs to.
    pub(super) fn around(self, day: Day) -> DayRange {
        match self {
            Self::Day => DayRange { from: day, to: day },
            Self::Week => {
                // 1970-01-01 was a Thursday.
                let from = day.0 - (day.0 + 3).rem_euclid(WEEK_DAYS);
                DayRange {
                    from: Day(from),
                    to: Day(from + WEEK_DAYS - 1),
                }
            }
            Self::Month => {
                let (year, month, of_month) = civil(day);
                let from = day.0 - of_month + 1;
                DayRange {
                    from: Day(from),
                    to: Day(from + month_days(year, month) - 1),
                }
            }
        }
    }
}

/// The buckets of a range, ascending: what each is called and the days it covers.
pub(super) fn buckets(range: DayRange, bucket: Bucket) -> Vec<(Day, DayRange)> {
    let cut = |span: Span| {
        let mut found = Vec::new();
        let mut from = range.from;
        while from <= range.to {
            let to = span.around(from).to.min(range.to);
            found.push((from, DayRange { from, to }));
            from = Day(to.0 + 1);
        }
        found
    };
    match bucket {
        Bucket::Day => cut(Span::Day),
        Bucket::Week => cut(Span::Week),
        Bucket::Month => cut(Span::Month),
        Bucket::Whole if range.from <= range.to => vec![(range.from, range)],
        Bucket::Whole => Vec::new(),
        Bucket::Trailing7 => days(range)
            .map(|to| {
                let from = Day(to.0 - WEEK_DAYS + 1);
                (to, DayRange { from, to })
            })
            .collect(),
    }
}

/// The days of a range, ascending.
pub(super) fn days(range: DayRange) -> impl DoubleEndedIterator<Item = Day> {
    (range.from.0..=range.to.0).map(Day)
}

/// A day's month as `FirstSeen` writes it, `2026-08`.
pub(super) fn month_text(day: Day) -> String {
    let (year, month, _) = civil(day);
    format!("{year:04}-{month:02}")
}

/// The days of a month written `2026-08`.
pub(super) fn month_range(text: &str) -> Option<DayRange> {
    let (year, month) = text.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
        return None;
    }
    let (year, month): (i32, i32) = (year.parse().ok()?, month.parse().ok()?);
    (1..=12)
        .contains(&month)
        .then(|| Span::Month.around(first_of(year, month)))
}

/// Year, month and day of the month: the proleptic Gregorian calendar, counted in 400-year eras that
/// start in March.
fn civil(day: Day) -> (i32, i32, i32) {
    let shifted = i64::from(day.0) + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as i32, of_month as i32)
}

fn first_of(year: i32, month: i32) -> Day {
    let year = year - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5;
    Day(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn month_days(year: i32, month: i32) -> i32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_agree_with_a_calendar_library() {
        let mut date = jiff::civil::date(1899, 12, 25);
        let mut day = Day(-25_574);
        while date.year() < 2105 {
            let text = format!("{:04}-{:02}", date.year(), date.month());
            assert_eq!(month_text(day), text);
            let month = month_range(&text).unwrap();
            assert_eq!(day.0 - month.from.0 + 1, i32::from(date.day()), "{date}");
            assert_eq!(
                month.to.0 - month.from.0 + 1,
                i32::from(date.days_in_month())
            );
            let week = Span::Week.around(day);
            let monday = i32::from(date.weekday().to_monday_zero_offset());
            assert_eq!(day.0 - week.from.0, monday, "{date}");
            date = date.checked_add(jiff::ToSpan::days(1)).unwrap();
            day = Day(day.0 + 1);
        }
    }

    #[test]
    fn the_first_and_last_bucket_are_cut() {
        // 2026-08-29, a Saturday, to 2026-09-07, a Monday.
        let range = DayRange {
            from: Day(20_694),
            to: Day(20_703),
        };
        let cut = |bucket| -> Vec<(i32, i32, i32)> {
            buckets(range, bucket)
                .into_iter()
                .map(|(name, days)| (name.0, days.from.0, days.to.0))
                .collect()
        };
        assert_eq!(
            cut(Bucket::Week),
            [
                (20_694, 20_694, 20_695),
                (20_696, 20_696, 20_702),
                (20_703, 20_703, 20_703)
            ]
        );
        assert_eq!(
            cut(Bucket::Month),
            [(20_694, 20_694, 20_696), (20_697, 20_697, 20_703)]
        );
        assert_eq!(cut(Bucket::Whole), [(20_694, 20_694, 20_703)]);
        assert_eq!(cut(Bucket::Day).len(), 10);
        assert_eq!(cut(Bucket::Trailing7)[0], (20_694, 20_688, 20_694));
    }

    #[test]
    fn only_months_are_months() {
        for text in [
            "2026-13", "2026-00", "2026", "2026-8", "x-08", "", "+026-08",
        ] {
            assert!(month_range(text).is_none(), "{text}");
        }
    }
}
