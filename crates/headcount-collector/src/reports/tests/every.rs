//! Every report there is, with filters, a comparison, CSV and JSON: a new one cannot lack any of them.

use std::collections::BTreeMap;

use super::fleet::{Fleet, LAST, deployment, fleets};
use super::{active, calendar, rows};
use crate::meta::breaks::Break;
use crate::reports::comparison::Compared;
use crate::reports::{Cell, ReportError, Table, names};
use crate::store::Day;

/// What every report of the table is asked for; reports on one task need to know which.
const TASK: &str = "&task=update&namespace=memberaudit";
/// Reports whose rows tell of an earlier time by themselves, in a column of their own.
const THEMSELVES: [(&str, &str); 3] = [
    ("totals", "previous"),
    ("apps", "previous_share"),
    ("deployment", "previous_share"),
];
/// The last hits have no attributes to filter by and no earlier time; asked for either, it says so.
const LIVE: &str = "live";

fn query(from: i32, to: i32, more: &str) -> String {
    format!(
        "from={}&to={}{TASK}{more}",
        calendar::iso(Day(from)),
        calendar::iso(Day(to))
    )
}

/// So many days that as many before are in the fleet's life, too.
fn now(more: &str) -> String {
    query(LAST.0 - 35, LAST.0, more)
}

fn ask(fleet: &Fleet, name: &str, query: &str) -> Table {
    let asked = fleet.report(name, query);
    asked.unwrap_or_else(|error| panic!("{name}?{query}: {error}"))
}

#[test]
fn each_report_counts_its_base() {
    for fleet in fleets() {
        let all = active(&fleet, LAST.0 - 35, LAST.0).len() as u64;
        for name in names() {
            let table = ask(&fleet, name, &now(""));
            assert!(table.base_installs > 0, "{name} has no base");
            assert!(name == LIVE || table.base_installs <= all, "{name}");
            assert!(!table.rows.is_empty(), "{name} has no rows");
        }
    }
}

#[test]
fn each_report_can_be_filtered() {
    for fleet in fleets() {
        for name in names() {
            let filter = "&filter=deployment:docker&filter=!app:srp";
            if name == LIVE {
                let refused = fleet.report(name, &now(filter)).unwrap_err();
                assert!(matches!(refused, ReportError::Parameter { name, .. } if name == "filter"));
                continue;
            }
            let all = ask(&fleet, name, &now(""));
            let some = ask(&fleet, name, &now(filter));
            assert!(
                some.base_installs < all.base_installs,
                "{name} takes no notice of filters"
            );
            assert_eq!(some.columns, all.columns, "{name}");
            assert_ne!(rows(&some), rows(&all), "{name}");
            let none = ask(&fleet, name, &now("&filter=app:nobody"));
            assert_eq!(none.base_installs, 0, "{name}");
            let counted = none.rows.iter().flatten().filter(|cell| {
                let complete = name == "retention" || name == "survival";
                matches!(cell, Cell::Count(count) if *count > 0) && !complete
            });
            assert_eq!(counted.count(), 0, "{name}: {:?}", rows(&none));
            let untold = "!deployment:docker&filter=!deployment:baremetal";
            let parts = ["deployment:docker", "deployment:baremetal", untold]
                .map(|filter| ask(&fleet, name, &now(&format!("&filter={filter}"))).base_installs);
            let fits =
                name.starts_with("upgrade") || parts.iter().sum::<u64>() == all.base_installs;
            assert!(fits, "{name}: {parts:?} of {}", all.base_installs);
        }
    }
}

/// Rows by all their cells before the first number; days by their place.
fn by_key(table: &Table, keys: usize) -> BTreeMap<Vec<String>, Vec<Cell>> {
    let days = calendar::starts(table.from, table.to, crate::query::Bucket::Day);
    let key = |cell: &Cell| match cell {
        Cell::Day(day) => days
            .iter()
            .position(|known| known == day)
            .map_or_else(|| cell.plain(), |place| place.to_string()),
        _ => cell.plain(),
    };
    let keyed = table.rows.iter().map(|row| {
        let own: Vec<String> = row[..keys].iter().map(key).collect();
        (own, row.clone())
    });
    keyed.collect()
}

#[test]
fn each_report_can_be_compared() {
    for fleet in fleets() {
        for name in names() {
            // By day, so that places of days are the same in both ranges.
            let asked = now("&bucket=day&filter=deployment:docker&compare=previous");
            if name == LIVE {
                assert!(fleet.report(name, &now("&compare=previous")).is_err());
                continue;
            }
            let plain = ask(&fleet, name, &now("&bucket=day&filter=deployment:docker"));
            let table = ask(&fleet, name, &asked);
            if let Some((_, column)) = THEMSELVES.iter().find(|(known, _)| *known == name) {
                assert_eq!(rows(&table), rows(&plain), "{name} compares by itself");
                let place = table.columns.iter().position(|known| known == column);
                let off = ask(&fleet, name, &now("&compare=off"));
                let cells = |table: &Table| -> Vec<Cell> {
                    table
                        .rows
                        .iter()
                        .map(|row| row[place.unwrap()].clone())
                        .collect()
                };
                assert!(
                    cells(&table).iter().any(|cell| *cell != Cell::Null),
                    "{name}"
                );
                assert!(cells(&off).iter().all(|cell| *cell == Cell::Null), "{name}");
                continue;
            }
            let before = query(
                LAST.0 - 71,
                LAST.0 - 36,
                "&bucket=day&filter=deployment:docker",
            );
            let before = ask(&fleet, name, &before);
            let earlier = table.earlier.as_ref().unwrap_or_else(|| panic!("{name}"));
            assert_eq!(earlier.base_installs, Some(before.base_installs), "{name}");
            let width = plain.columns.len();
            assert_eq!(table.columns[..width], plain.columns, "{name}");
            assert!(
                table.columns.len() > width,
                "{name} tells of no earlier time"
            );
            let Compared::Joined(keys) = crate::reports::find(name).unwrap().compared else {
                panic!("{name} says nothing of how it is compared");
            };
            let (now, was) = (by_key(&plain, keys), by_key(&before, keys));
            let joined = by_key(&table, keys);
            assert_eq!(
                joined.len(),
                now.keys()
                    .chain(was.keys())
                    .collect::<std::collections::BTreeSet<_>>()
                    .len(),
                "{name}"
            );
            for (key, row) in joined {
                assert_eq!(row.len(), table.columns.len(), "{name}");
                for (place, column) in table.columns.iter().enumerate().skip(width) {
                    let plain_name = column.strip_prefix("previous_").unwrap();
                    let of = plain.columns.iter().position(|known| known == plain_name);
                    match was.get(&key) {
                        Some(was) => assert_eq!(row[place], was[of.unwrap()], "{name} {key:?}"),
                        None => assert!(
                            matches!(row[place], Cell::Null | Cell::Count(0)),
                            "{name} {key:?}"
                        ),
                    }
                }
                match now.get(&key) {
                    Some(now) => assert_eq!(row[..width], now[..], "{name}"),
                    None => assert!(
                        row[keys..width]
                            .iter()
                            .all(|cell| matches!(cell, Cell::Null | Cell::Count(0))),
                        "{name} {key:?}"
                    ),
                }
            }
        }
    }
}

#[test]
fn weeks_and_a_year_before_are_compared_too() {
    let [fleet, ..] = fleets();
    let weeks = ask(&fleet, "installs", &now("&bucket=week&compare=previous"));
    let earlier = weeks.earlier.as_ref().unwrap();
    assert_eq!((weeks.from.0 - earlier.range.from.0) % 7, 0);
    let before = ask(
        &fleet,
        "installs",
        &query(earlier.range.from.0, earlier.range.to.0, "&bucket=week"),
    );
    let told: Vec<&Cell> = weeks.rows.iter().map(|row| &row[4]).collect();
    let expected: Vec<&Cell> = before.rows.iter().map(|row| &row[1]).collect();
    assert_eq!(told, expected);
    let year = ask(&fleet, "installs", &now("&compare=year"));
    assert_eq!(year.earlier.unwrap().base_installs, Some(0));
    let wrong = fleet.report("installs", "compare=tomorrow").unwrap_err();
    assert!(matches!(wrong, ReportError::Parameter { name, .. } if name == "compare"));
}

#[test]
fn broken_days_are_no_measure() {
    let [fleet, ..] = fleets();
    let known = Break {
        id: 1,
        from: Day(LAST.0 - 38),
        to: Day(LAST.0 - 36),
        feed: "tasks".to_owned(),
        reason: "the server was moved".to_owned(),
    };
    let breaks = [known];
    let asked = |name: &str| {
        fleet
            .report_beside(name, &now("&compare=previous"), &breaks)
            .unwrap()
    };
    let tasks = asked("tasks");
    let earlier = tasks.earlier.as_ref().unwrap();
    assert_eq!(earlier.left_out.as_deref(), Some("the server was moved"));
    assert_eq!(earlier.base_installs, None);
    assert!(
        tasks
            .rows
            .iter()
            .all(|row| row[7..].iter().all(|cell| *cell == Cell::Null))
    );
    assert_eq!(tasks.json()["previous"]["left_out"], "the server was moved");
    assert!(asked("pages").earlier.unwrap().left_out.is_none());
    for row in asked("totals").rows {
        let of_tasks = row[0].plain().starts_with("task_");
        assert_eq!(row[2] == Cell::Null, of_tasks, "{row:?}");
    }
}

#[test]
fn each_report_is_csv_and_json() {
    let [fleet, ..] = fleets();
    for name in names() {
        let compare = if name == LIVE {
            ""
        } else {
            "&compare=previous"
        };
        let table = ask(&fleet, name, &now(compare));
        let csv = table.csv();
        let mut lines = csv.split("\r\n");
        assert_eq!(
            lines.next(),
            Some(table.columns.join(",").as_str()),
            "{name}"
        );
        assert_eq!(
            lines.filter(|line| !line.is_empty()).count(),
            table.rows.len()
        );
        assert!(csv.ends_with("\r\n"), "{name}");
        let json = table.json();
        for (field, expected) in [
            ("report", name),
            ("project", "fleet"),
            ("from", &calendar::iso(table.from)),
            ("to", &calendar::iso(table.to)),
        ] {
            assert_eq!(json[field], expected, "{name}");
        }
        assert!(json["as_of"].as_str().unwrap().ends_with('Z'), "{name}");
        assert_eq!(json["base"]["installs"], table.base_installs, "{name}");
        assert_eq!(
            json["previous"].is_object(),
            table.earlier.is_some(),
            "{name}"
        );
        let width = json["columns"].as_array().unwrap().len();
        let found = json["rows"].as_array().unwrap();
        assert_eq!(found.len(), table.rows.len(), "{name}");
        assert!(
            found
                .iter()
                .all(|row| row.as_array().unwrap().len() == width)
        );
        assert!(table.rows.iter().all(|row| row.len() == width), "{name}");
    }
    // Filters and bases by deployment were compared above: there is more than one.
    let kinds: std::collections::BTreeSet<&str> = (0..5).map(deployment).collect();
    assert_eq!(kinds.len(), 3);
}

/// The contract names these columns; a report may have more.
#[test]
fn each_report_has_the_columns_of_the_contract() {
    let contract: [(&str, &str); 20] = [
        ("totals", "metric value previous"),
        ("installs", "day active new gone"),
        ("versions", "day version installs"),
        ("apps", "app installs share previous_share"),
        ("app-versions", "app app_version version installs"),
        ("sizes", "from to installs"),
        (
            "tasks",
            "namespace task runs failures installs top_exception median_value",
        ),
        ("task", "day runs failures"),
        ("task-exceptions", "exception runs first_version"),
        ("task-versions", "version runs failures"),
        (
            "app-stats",
            "namespace task label installs median p90 total",
        ),
        ("pages", "path title views installs"),
        ("locales", "locale views installs"),
        ("browsers", "browser views installs"),
        ("deployment", "deployment installs"),
        ("retention", "cohort age installs kept"),
        ("survival", "age_days kept low high"),
        ("upgrade", "version days_since_release share"),
        ("upgrade-lag", "version days_to_50 days_to_90"),
        ("live", "received_at install protocol event verdict reason"),
    ];
    let [fleet, ..] = fleets();
    for (name, columns) in contract {
        let table = ask(&fleet, name, &now(""));
        for column in columns.split(' ') {
            assert!(
                table.columns.iter().any(|known| known == column),
                "{name} {column}"
            );
        }
    }
}
