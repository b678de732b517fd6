//! Which weeks are published, and that random fleets through the real reports reveal nothing.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::query::{Answer, AnswerRow, Query};

/// Thursday 2026-11-26.
const TODAY: Day = Day(20_783);
const GRID: u64 = 10;

fn kept(last_day: Day, k: u64, content: &str) -> KeptWeek {
    KeptWeek {
        last_day,
        k,
        content: content.to_owned(),
    }
}

#[test]
fn full_weeks_are_due_a_day_after_their_sunday_and_once() {
    let sunday = Day(20_779);
    assert_eq!(sunday_up_to(TODAY), sunday);
    assert_eq!(sunday_up_to(sunday), sunday);
    let since = |first: i32, today: i32| due(Day(first), Day(today), &[]);
    assert_eq!(since(sunday.0 - 6, sunday.0 + 1), []);
    assert_eq!(since(sunday.0 - 6, sunday.0 + 2), [sunday]);
    assert_eq!(since(sunday.0 - 5, sunday.0 + 2), []);
    assert_eq!(since(sunday.0 - 13, TODAY.0), [Day(sunday.0 - 7), sunday]);
    assert_eq!(since(0, TODAY.0).len(), 104);
    let one = [kept(sunday, GRID, "null")];
    assert_eq!(due(Day(sunday.0 - 13), TODAY, &one), [Day(sunday.0 - 7)]);
}

#[test]
fn weeks_that_were_finer_are_not_shown() {
    let figures = Figures {
        installs: 20,
        versions: Parts::default(),
        deployments: Parts::default(),
        sizes: Parts::default(),
        apps: Vec::new(),
    };
    let content = serde_json::to_string(&figures).unwrap();
    let weeks = [
        kept(Day(1), 10, &content),
        kept(Day(8), 20, "null"),
        kept(Day(15), 20, &content),
    ];
    let days = |k| -> Vec<i32> { shown(&weeks, k).iter().map(|w| w.last_day.0).collect() };
    assert_eq!(days(10), [1, 15]);
    assert_eq!(days(20), [15]);
}

/// Installs per week and value, as an index would answer them.
fn answers(random: &mut StdRng, weeks: i32, values: usize) -> Vec<Vec<u64>> {
    (0..weeks)
        .map(|_| {
            (0..values)
                .map(|value| {
                    // Heavy-tailed, with many small groups.
                    let most = [400, 60, 12, 5][value % 4];
                    random.random_range(0..=most)
                })
                .collect()
        })
        .collect()
}

#[test]
fn random_weeks_show_only_multiples_of_k_that_add_up() {
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..50 {
        let weeks = answers(&mut random, 8, 7);
        let answer = |query: &Query| {
            let monday = |week: usize| Day(20_700 + (7 - (20_700 + 3) % 7) + week as i32 * 7);
            let row = |week: usize, key: Vec<String>, installs: u64| AnswerRow {
                bucket: monday(week),
                key,
                installs,
                amount: 0.0,
                failures: 0,
                median: None,
                p90: None,
            };
            let mut rows = Vec::new();
            for (week, counts) in weeks.iter().enumerate() {
                if query.by.is_empty() {
                    rows.push(row(week, Vec::new(), counts.iter().sum()));
                    continue;
                }
                for (value, &count) in counts.iter().enumerate() {
                    rows.push(row(week, vec![format!("v{value}")], count));
                }
            }
            Ok(Answer { base: 0, rows })
        };
        let source = Source {
            breaks: &[],
            project: "one",
            now_ms: 0,
            answer: &answer,
            lives: &|_| Err(ReportError::Data("not asked".to_owned())),
            spread: &|_| Err(ReportError::Data("not asked".to_owned())),
            hits: &|_| Ok(Vec::new()),
            narrowed: false,
        };
        let sundays: Vec<Day> = due(Day(20_700), TODAY, &[]);
        let grid = Grid::new(GRID).unwrap();
        let kept = publish(&source, grid, Day(20_700), &sundays).unwrap();
        assert_eq!(kept.len(), sundays.len());
        let weeks = shown(&kept, GRID);
        assert!(!weeks.is_empty());
        for week in weeks {
            let Figures {
                installs,
                versions,
                apps,
                ..
            } = week.figures;
            let parts = versions.groups.iter().chain(&apps);
            assert!(
                parts
                    .clone()
                    .all(|g| g.installs >= GRID && g.installs % GRID == 0)
            );
            assert!(apps.iter().all(|group| group.installs <= installs + GRID));
            let sum: u64 =
                versions.groups.iter().map(|g| g.installs).sum::<u64>() + versions.others;
            let shown = versions.groups.len() as u64 + 1;
            assert!(
                sum.abs_diff(installs) <= (shown + 1) * GRID / 2,
                "{sum} {installs}"
            );
        }
    }
}

#[test]
fn the_line_has_gaps_that_follow_from_what_is_published() {
    let week = |nth: i32, installs| Week {
        last_day: Day(20_779 + nth * WEEK_DAYS),
        figures: Figures {
            installs,
            versions: Parts::default(),
            deployments: Parts::default(),
            sizes: Parts::default(),
            apps: Vec::new(),
        },
    };
    let noted = |from: i32, to: i32, feed: &str| Break {
        id: 1,
        from: Day(from),
        to: Day(to),
        feed: feed.to_owned(),
        reason: "of nobody's business".to_owned(),
    };
    // The fourth week is far below, the fifth and the sixth were not published.
    let weeks = [(0, 100), (1, 110), (2, 120), (3, 20), (6, 120), (7, 130)];
    let weeks = weeks.map(|(nth, installs)| week(nth, installs));
    let of = |breaks: &[Break]| -> Vec<Option<Gap>> {
        line(&weeks, breaks).iter().map(|point| point.gap).collect()
    };
    let silent = Some(Gap::Silent);
    let missing = Some(Gap::Unpublished);
    let quiet = [None, None, None, silent, missing, missing, None, None];
    assert_eq!(of(&[]), quiet);
    let monday = 20_779 + WEEK_DAYS + 1 - WEEK_DAYS;
    // Three days are not half of a week, and a break of task events is none of installs.
    assert_eq!(of(&[noted(monday, monday + 2, "")]), quiet);
    assert_eq!(of(&[noted(monday, monday + 6, "tasks")]), quiet);
    let mut broken = quiet;
    broken[1] = Some(Gap::Noted);
    assert_eq!(of(&[noted(monday, monday + 3, "stats")]), broken);
    let numbers: Vec<_> = line(&weeks, &[]).iter().map(|p| p.installs).collect();
    assert_eq!((numbers[3], numbers[4]), (Some(20), None));
    assert_eq!(line(&[], &[]), []);
}
