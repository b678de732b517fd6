//! Retention and survival beside counts from the raw events of three random fleets.

use std::collections::{BTreeMap, BTreeSet};

use super::fleet::{DAYS, Fleet, LAST, deployment, fleets};
use super::{active, calendar, first_days, rows};
use crate::query::Bucket;
use crate::store::Day;

fn whole(more: &str) -> String {
    let from = calendar::iso(Day(LAST.0 - DAYS));
    format!("from={from}&to={}{more}", calendar::iso(LAST))
}

/// Installs first seen in some days, with that day; those of one deployment where one is named.
fn born(fleet: &Fleet, from: i32, to: i32, only: Option<&str>) -> BTreeMap<usize, i32> {
    let mut first = first_days(fleet);
    first.retain(|&install, day| {
        (from..=to).contains(day) && only.is_none_or(|only| deployment(install) == only)
    });
    first
}

#[test]
fn retention_by_month_week_and_day() {
    for (seed, fleet) in fleets().into_iter().enumerate() {
        let (from, to) = (LAST.0 - DAYS, LAST.0 - 3);
        for (bucket, filter, only) in [
            ("", "", None),
            ("&bucket=week", "&filter=deployment:docker", Some("docker")),
            ("&bucket=day", "", None),
        ] {
            let cut = match bucket {
                "" => Bucket::Month,
                "&bucket=week" => Bucket::Week,
                _ => Bucket::Day,
            };
            let starts = calendar::starts(Day(from), Day(to), cut);
            let end = |k: usize| starts.get(k + 1).map_or(to, |next| next.0 - 1);
            let mut expected = Vec::new();
            for (c, start) in starts.iter().enumerate() {
                let cohort: BTreeSet<usize> =
                    born(&fleet, start.0, end(c), only).into_keys().collect();
                for (k, later) in starts.iter().enumerate().skip(c) {
                    let kept = active(&fleet, later.0, end(k))
                        .intersection(&cohort)
                        .count();
                    let next = Day(end(k) + 1);
                    let opens = calendar::starts(next, next, cut);
                    let tomorrow = calendar::starts(later.to_owned(), next, cut);
                    let complete = u8::from(tomorrow.len() > 1 && opens == [next]);
                    expected.push(format!(
                        "{}|{}|{}|{kept}|{complete}",
                        calendar::iso(*start),
                        k - c,
                        cohort.len()
                    ));
                }
            }
            let query = format!(
                "from={}&to={}{bucket}{filter}",
                calendar::iso(Day(from)),
                calendar::iso(Day(to))
            );
            let table = fleet.report("retention", &query).unwrap();
            let found: Vec<String> = rows(&table)
                .iter()
                .map(|row| {
                    let cells: Vec<&str> = row.split('|').collect();
                    [cells[0], cells[1], cells[2], cells[3], cells[5]].join("|")
                })
                .collect();
            assert_eq!(found, expected, "seed {seed} {bucket}");
            let all = born(&fleet, from, to, only).len();
            assert_eq!(table.base_installs, all as u64);
            assert!(all > 10, "the fleet is too dull");
        }
    }
}

/// The curve counted age by age over all installs.
fn kaplan_meier(lives: &[(i32, i32)], to: i32) -> Vec<(u64, u64, f64, f64)> {
    let mut out = Vec::new();
    let (mut kept, mut sum) = (1.0, 0.0);
    for age in 0.. {
        let (mut at_risk, mut dead) = (0_u64, 0_u64);
        for &(first, last) in lives {
            let gone = (last + 7 < to).then_some(last - first + 1);
            let known = gone.unwrap_or(to - 7 - first);
            at_risk += u64::from(known >= age);
            dead += u64::from(gone == Some(age));
        }
        if at_risk == 0 {
            return out;
        }
        kept *= 1.0 - dead as f64 / at_risk as f64;
        sum += dead as f64 / (at_risk as f64 * (at_risk - dead) as f64);
        let low = if kept < 1.0 {
            f64::exp(-f64::exp(
                (-kept.ln()).ln() + 1.959_964 * sum.sqrt() / kept.ln().abs(),
            ))
        } else {
            f64::NAN
        };
        out.push((at_risk, dead, kept, low));
    }
    out
}

#[test]
fn survival_with_its_band() {
    for (seed, fleet) in fleets().into_iter().enumerate() {
        for (filter, only) in [("", None), ("&filter=deployment:docker", Some("docker"))] {
            let first = born(&fleet, LAST.0 - DAYS, LAST.0, only);
            let lives: Vec<(i32, i32)> = first
                .iter()
                .map(|(&install, &first)| {
                    let own = fleet.events.iter().filter(|e| e.install == install);
                    (first, own.map(|event| event.day).max().unwrap())
                })
                .collect();
            let table = fleet.report("survival", &whole(filter)).unwrap();
            assert_eq!(table.base_installs, lives.len() as u64);
            let expected = kaplan_meier(&lives, LAST.0);
            assert_eq!(table.rows.len(), expected.len(), "seed {seed}");
            let number = |text: String| text.parse::<f64>().unwrap();
            for (age, (row, (at_risk, dead, kept, low))) in
                table.rows.iter().zip(&expected).enumerate()
            {
                assert_eq!(row[0].plain(), age.to_string());
                assert_eq!(row[4].plain(), at_risk.to_string(), "seed {seed} age {age}");
                assert_eq!(row[5].plain(), dead.to_string());
                assert!((number(row[1].plain()) - kept).abs() < 1e-5, "{row:?}");
                if low.is_finite() {
                    assert!((number(row[2].plain()) - low).abs() < 1e-5, "{row:?} {low}");
                }
            }
            let gone: u64 = expected.iter().map(|step| step.1).sum();
            assert!(gone > 5, "the fleet is too dull");
        }
    }
}

#[test]
fn without_dates_they_go_over_a_year() {
    for fleet in fleets() {
        let table = fleet.report("survival", "").unwrap();
        assert_eq!(table.to.0 - table.from.0, 364);
        assert_eq!(table.base_installs, first_days(&fleet).len() as u64);
        let table = fleet.report("installs", "").unwrap();
        assert_eq!(table.to.0 - table.from.0, 29);
    }
}
