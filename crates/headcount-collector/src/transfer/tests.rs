//! Events out and in again: nothing lost, nothing twice, bad lines told.

use headcount_protocol::{AppStat, InstallId, InstalledApp, Stats, Task};

use super::*;
use crate::query::DayRange;
use crate::store::{Accepted, Entry, EntryBody, Inserter, Parcel, ProjectNumber, Store, Wire};

const PROJECT: ProjectNumber = ProjectNumber(1);
const NOON: i64 = 20_000 * 86_400_000 + 43_200_000;
const EVER: DayRange = DayRange {
    from: Day(i32::MIN),
    to: Day(i32::MAX),
};

fn bodies() -> Vec<EntryBody> {
    let task = |result: &str, value| {
        EntryBody::Task(Task {
            namespace: "n".to_owned(),
            task: "a, \"b\"\nc".to_owned(),
            result: result.to_owned(),
            label: "ü".to_owned(),
            value,
            count: 3,
        })
    };
    let app = |name: &str, version: Option<&str>| InstalledApp {
        name: name.to_owned(),
        version: version.map(str::to_owned),
    };
    vec![
        EntryBody::Stats(Stats {
            users: Some(i64::MAX as u64),
            tokens: None,
            addons: Some(0),
            deployment: None,
            apps: vec![app("x", Some("1.0")), app("y", None)],
        }),
        task("Success", Some(34.5)),
        task("Success", Some(34.5)),
        task("", None),
        EntryBody::Stat(AppStat {
            namespace: "n".to_owned(),
            task: "s".to_owned(),
            label: String::new(),
            value: -2.0,
        }),
        EntryBody::Page {
            path: "/".to_owned(),
            title: String::new(),
            locale: "de".to_owned(),
            browser: "Firefox".into(),
            os: "Linux".into(),
        },
    ]
}

/// A store with every kind of event on two days, with and without ids.
fn filled() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    fill(&store);
    (folder, store)
}

fn fill(store: &Store) {
    let mut inserter = Inserter::new(store.clone(), 100).unwrap();
    for (install, with_id) in [("a", false), ("b, c", true)] {
        for day in [0, 86_400_000] {
            let entry = |(n, body)| Entry {
                id: with_id.then(|| [n as u8 + if day == 0 { 0 } else { 100 }; 16]),
                at_ms: NOON - day,
                body,
            };
            let accepted = vec![Accepted {
                project: PROJECT,
                wire: if with_id {
                    Wire::Native
                } else {
                    Wire::Universal
                },
                received_ms: NOON + 1,
                install: InstallId::parse(install).unwrap(),
                version: "5.5.0".to_owned(),
                deployment: "docker".to_owned(),
                runtime: r#"{"python":"3.11"}"#.to_owned(),
                entries: bodies().into_iter().enumerate().map(entry).collect(),
            }];
            let parcel = Parcel {
                accepted,
                ..Parcel::default()
            };
            inserter.write(&[parcel], NOON).unwrap();
        }
    }
}

fn exported(store: &Store, format: Format, range: DayRange) -> String {
    let mut export = Export::new(store, PROJECT, format, range).unwrap();
    let mut all = Vec::new();
    while let Some(piece) = export.next_piece().unwrap() {
        all.extend(piece);
    }
    String::from_utf8(all).unwrap()
}

/// Lines without what differs between collectors.
fn told(text: &str) -> Vec<serde_json::Value> {
    let line = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        let fields = value.as_object_mut().unwrap();
        fields.remove("seq");
        fields.remove("id");
        value
    };
    text.lines().map(line).collect()
}

fn run(store: &Store, text: &str) -> Imported {
    import(store, PROJECT, text.as_bytes(), (100, NOON)).unwrap()
}

#[test]
fn what_goes_out_comes_in_once() {
    let (_folder, store) = filled();
    let text = exported(&store, Format::Ndjson, EVER);
    assert_eq!(text.lines().count(), 24);
    // Where it came from all of it is there.
    let again = run(&store, &text);
    assert_eq!((again.accepted, again.duplicates), (0, 24), "{again:?}");
    let folder = tempfile::tempdir().unwrap();
    let other = Store::open(folder.path()).unwrap();
    for expected in [(24, 0), (0, 24)] {
        let done = run(&other, &text);
        assert_eq!((done.accepted, done.duplicates), expected, "{done:?}");
        assert_eq!(told(&exported(&other, Format::Ndjson, EVER)), told(&text));
    }
    assert_eq!(other.dirty_days().unwrap().len(), 2);
    let day = Day::of_ms(NOON);
    let of_day = exported(&store, Format::Ndjson, DayRange { from: day, to: day });
    assert_eq!(of_day.lines().count(), 12);
}

#[test]
fn csv_keeps_cells_apart() {
    let (_folder, store) = filled();
    let text = exported(&store, Format::Csv, EVER);
    let columns = text.lines().next().unwrap().split(',').count();
    assert_eq!(columns, 25);
    assert!(text.contains("\"a, \"\"b\"\"\nc\""), "{text}");
    assert!(text.contains("\r\n\"b, c\","), "{text}");
    assert_eq!(text.matches("\r\n").count(), 25);
}

#[test]
fn bad_lines_are_told_by_number() {
    let (_folder, store) = filled();
    let good = exported(&store, Format::Ndjson, EVER);
    let good = good.lines().next().unwrap();
    let long = "x".repeat(1 << 21);
    let text = [
        good,
        "",
        "{",
        &good.replace("stats", "other"),
        &good.replace("2024-", "later-"),
        &good.replace("\"wire\"", "\"wird\""),
        &long,
        &good.replace("\"a\"", "\"\""),
        good,
    ]
    .join("\n");
    let folder = tempfile::tempdir().unwrap();
    let other = Store::open(folder.path()).unwrap();
    let done = run(&other, &text);
    assert_eq!((done.accepted, done.duplicates, done.rejected), (1, 1, 6));
    let lines: Vec<u64> = done.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8]);
    assert!(done.problems[1].reason.contains("type"), "{done:?}");
}

#[test]
fn days_are_written_as_dates() {
    assert_eq!(day_of("1970-01-01"), Some(Day(0)));
    assert_eq!(day_of("2024-10-04"), Some(Day(20_000)));
    assert_eq!(day_of("2024-13-04"), None);
}

#[test]
fn an_export_beside_a_writing_process_has_every_text() {
    let folder = tempfile::tempdir().unwrap();
    let writing = Store::open(folder.path()).unwrap();
    // As another process opened it, before anything came.
    let exporting = Store::open(folder.path()).unwrap();
    fill(&writing);
    let all = exported(&exporting, Format::Ndjson, EVER);
    assert!(all.contains("\"label\":\"ü\""), "{all}");
    assert_eq!(all, exported(&writing, Format::Ndjson, EVER));
}
