//! The store written and read back through its own interface.

use headcount_protocol::{Deployment, InstallId, InstalledApp, Stats, Task};

use super::*;

const PROJECT: ProjectNumber = ProjectNumber(1);
const NOON: i64 = 20_000 * DAY_MS + DAY_MS / 2;

pub(super) fn task(id: Option<u8>, at_ms: i64, name: &str) -> Entry {
    Entry {
        id: id.map(|id| [id; 16]),
        at_ms,
        body: EntryBody::Task(Task {
            namespace: "memberaudit".to_owned(),
            task: name.to_owned(),
            result: "Success".to_owned(),
            label: String::new(),
            value: Some(34.0),
            count: 1,
        }),
    }
}

pub(super) fn parcel(install: &str, entries: Vec<Entry>) -> Parcel {
    Parcel {
        accepted: vec![Accepted {
            project: PROJECT,
            wire: Wire::Native,
            received_ms: NOON,
            install: InstallId::parse(install).unwrap(),
            version: "5.5.0".to_owned(),
            deployment: String::new(),
            runtime: String::new(),
            entries,
        }],
        ..Parcel::default()
    }
}

fn rows(store: &Store, day: Day) -> Vec<Row> {
    let mut rows = Vec::new();
    store
        .rows_of_day(PROJECT, day, &mut |row| rows.push(row.clone()))
        .unwrap();
    rows
}

#[test]
fn rows_read_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut inserter = Inserter::new(store.clone(), 100).unwrap();
    let stats = Entry {
        id: Some([9; 16]),
        at_ms: NOON,
        body: EntryBody::Stats(Stats {
            users: Some(u64::MAX >> 1),
            tokens: None,
            addons: Some(0),
            deployment: Some(Deployment("docker".to_owned())),
            apps: vec![
                InstalledApp {
                    name: "memberaudit".to_owned(),
                    version: Some("3.1.0".to_owned()),
                },
                InstalledApp {
                    name: "moonmining".to_owned(),
                    version: None,
                },
            ],
        }),
    };
    let page = Entry {
        id: None,
        at_ms: NOON - DAY_MS,
        body: EntryBody::Page {
            path: "/dashboard/".to_owned(),
            title: "Dashboard".to_owned(),
            locale: "en".to_owned(),
            browser: "Firefox".into(),
            os: "Linux".into(),
        },
    };
    let group = [parcel("a", vec![stats, page, task(None, NOON, "update")])];
    let written = inserter.write(&group, NOON).unwrap();
    assert_eq!(written.receipts[0].accepted, 3);
    let today = Day::of_ms(NOON);
    assert_eq!(store.days(PROJECT).unwrap(), [Day(today.0 - 1), today]);
    let mut read = rows(&store, Day(today.0 - 1));
    read.extend(rows(&store, today));
    read.sort_by_key(|row| row.seq);
    assert_eq!(read, written.rows);
    assert_eq!(&*store.text(read[0].deployment), "docker");
    assert_eq!(store.sym("docker"), Some(read[0].deployment));
    assert_eq!(read[1].deployment, Sym::EMPTY);
    assert_eq!(store.first_days(PROJECT).unwrap(), [Day(today.0 - 1)]);
    assert_eq!(store.install_number(PROJECT, "a").unwrap(), Some(0));
    assert_eq!(
        store.install_name(PROJECT, 0).unwrap().as_deref(),
        Some("a")
    );
    assert_eq!(store.projects_with_rows().unwrap(), [PROJECT]);
}

#[test]
fn an_event_id_counts_once_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut last_seq = 0;
    for round in 0..3 {
        let store = Store::open(folder.path()).unwrap();
        let mut inserter = Inserter::new(store.clone(), 100).unwrap();
        let entries = vec![
            task(Some(1), NOON, "a"),
            task(Some(1), NOON, "a"),
            task(Some(10 + round), NOON, "b"),
        ];
        let written = inserter.write(&[parcel("a", entries)], NOON).unwrap();
        let fresh = if round == 0 { 2 } else { 1 };
        assert_eq!(
            written.receipts,
            [Receipt {
                accepted: fresh,
                duplicates: 3 - fresh,
                ..Receipt::default()
            }]
        );
        assert!(written.rows.iter().all(|row| row.seq > last_seq));
        last_seq = written.rows.last().unwrap().seq;
    }
}

#[test]
fn an_install_that_only_repeats_others_is_never_active() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut inserter = Inserter::new(store.clone(), 100).unwrap();
    for install in ["a", "b"] {
        let entries = vec![task(Some(1), NOON, "a")];
        inserter.write(&[parcel(install, entries)], NOON).unwrap();
    }
    let first_days = store.first_days(PROJECT).unwrap();
    assert_eq!(first_days, [Day::of_ms(NOON), Day::NEVER]);
}

#[test]
fn notes_of_days_go_only_when_nothing_newer_came() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut inserter = Inserter::new(store.clone(), 100).unwrap();
    let write = |inserter: &mut Inserter, at_ms| {
        let group = [parcel("a", vec![task(None, at_ms, "a")])];
        inserter.write(&group, NOON).unwrap();
    };
    write(&mut inserter, NOON);
    write(&mut inserter, NOON - DAY_MS);
    let dirty = store.dirty_days().unwrap();
    assert_eq!(dirty.len(), 2);
    write(&mut inserter, NOON);
    store.clear_dirty(&dirty).unwrap();
    let left = store.dirty_days().unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].day, left[0].seq), (Day::of_ms(NOON), 3));
}

#[test]
fn values_beyond_the_cap_are_folded_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut inserter = Inserter::new(store.clone(), 2).unwrap();
    let entries = ["a", "b", "c", "d", "a"].map(|name| task(None, NOON, name));
    inserter
        .write(&[parcel("a", entries.to_vec())], NOON)
        .unwrap();
    let names: Vec<String> = rows(&store, Day::of_ms(NOON))
        .iter()
        .map(|row| match row.body {
            RowBody::Task { task, .. } => store.text(task).to_string(),
            _ => unreachable!("only tasks were written"),
        })
        .collect();
    assert_eq!(names, ["a", "b", "(other)", "(other)", "a"]);
    let losses = store.losses(PROJECT).unwrap();
    assert_eq!(losses.len(), 1);
    assert_eq!(losses[0].reason, "too_many_values_task");
    assert_eq!(losses[0].count, 2);
}

#[test]
fn a_failed_group_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut inserter = Inserter::new(store.clone(), 100).unwrap();
    inserter.limit_pages(20);
    let many: Vec<Entry> = (0..2_000)
        .map(|n| task(None, NOON, &format!("task{}", n % 50)))
        .collect();
    assert!(inserter.write(&[parcel("a", many.clone())], NOON).is_err());
    assert_eq!(store.sym("task1"), None);
    assert_eq!(store.install_number(PROJECT, "a").unwrap(), None);
    assert!(store.dirty_days().unwrap().is_empty());
    inserter.limit_pages(10_000);
    let written = inserter.write(&[parcel("b", many)], NOON).unwrap();
    assert_eq!(written.rows.len(), 2_000);
    assert_eq!(written.rows[0].install, 0);
    assert_eq!(rows(&store, Day::of_ms(NOON)), written.rows);
}

#[test]
fn recent_hits_survive_a_restart_and_show_noted_hits_once() {
    let folder = tempfile::tempdir().unwrap();
    let flagged = |verdict, received_ms| Flagged {
        project: PROJECT,
        received_ms,
        install: "a".to_owned(),
        wire: Wire::Native,
        event: "task".to_owned(),
        verdict,
        reason: "bad_value: value is no number".to_owned(),
        payload: "{}".to_owned(),
    };
    {
        let store = Store::open(folder.path()).unwrap();
        let mut inserter = Inserter::new(store.clone(), 100).unwrap();
        let mut group = parcel("a", vec![task(None, NOON, "x"), task(None, NOON, "y")]);
        group.flagged = vec![
            flagged(Verdict::Noted, NOON),
            flagged(Verdict::Refused, NOON + 1),
        ];
        inserter.write(&[group], NOON).unwrap();
        let minutes = store.minutes(PROJECT, NOON);
        assert_eq!(minutes.len(), 1);
        assert_eq!((minutes[0].accepted, minutes[0].refused), (2, 1));
    }
    let store = Store::open(folder.path()).unwrap();
    let hits = store.recent_hits(PROJECT, 10).unwrap();
    let verdicts: Vec<Verdict> = hits.iter().map(|hit| hit.verdict).collect();
    assert_eq!(
        verdicts,
        [Verdict::Refused, Verdict::Noted, Verdict::Accepted]
    );
    assert_eq!(hits[2].event, "task memberaudit y Success");
    assert_eq!(store.recent_hits(PROJECT, 1).unwrap().len(), 1);
    assert!(store.recent_hits(ProjectNumber(2), 10).unwrap().is_empty());
}

#[test]
fn old_rows_go_and_refused_hits_after_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut inserter = Inserter::new(store.clone(), 100).unwrap();
    let mut entries: Vec<Entry> = (0..2_500)
        .map(|_| task(None, NOON - 3 * DAY_MS, "old"))
        .collect();
    entries.push(task(Some(1), NOON - 2 * DAY_MS, "kept"));
    inserter.write(&[parcel("a", entries)], NOON).unwrap();
    let before = Day(Day::of_ms(NOON).0 - 2);
    assert_eq!(store.remove_given_up(PROJECT).unwrap(), 0);
    // Notes that the index is behind hold the rows.
    assert!(!store.give_up_before(PROJECT, before).unwrap());
    store.clear_dirty(&store.dirty_days().unwrap()).unwrap();
    assert!(store.reaches_before(PROJECT, before).unwrap());
    assert!(store.give_up_before(PROJECT, before).unwrap());
    assert_eq!(store.days(PROJECT).unwrap(), [before]);
    assert_eq!(store.remove_given_up(PROJECT).unwrap(), 2_500);
    assert!(!store.reaches_before(PROJECT, before).unwrap());
    // Late rows of those days are refused, also by who opens the store anew, and counted.
    let late = parcel("a", vec![task(None, NOON - 3 * DAY_MS, "late")]);
    let written = inserter.write(&[late], NOON).unwrap();
    assert_eq!((written.rows.len(), written.receipts[0].too_old), (0, 1));
    assert_eq!(store.losses(PROJECT).unwrap()[0].reason, "too_old");
    let again = Store::open(folder.path()).unwrap();
    assert_eq!(again.horizon(PROJECT), Some(before));
    assert_eq!(store.days(PROJECT).unwrap(), [before]);
    // The install keeps its first day and the order of arrival goes on.
    assert_eq!(store.first_days(PROJECT).unwrap()[0].0, before.0 - 1);

    let flagged = Flagged {
        project: PROJECT,
        received_ms: NOON,
        install: String::new(),
        wire: Wire::Ga4,
        event: String::new(),
        verdict: Verdict::Refused,
        reason: String::new(),
        payload: String::new(),
    };
    let refused = Parcel {
        flagged: vec![flagged; 5],
        ..Parcel::default()
    };
    inserter.write(&[refused], NOON).unwrap();
    let refused_hits = || {
        let hits = store.recent_hits(PROJECT, 1_000).unwrap();
        let refused = hits.iter().filter(|hit| hit.verdict == Verdict::Refused);
        refused.count()
    };
    store.forget_flagged(NOON + DAY_MS).unwrap();
    assert_eq!(refused_hits(), 5);
    store.forget_flagged(NOON + DAY_MS + 1).unwrap();
    assert_eq!(refused_hits(), 0);
}

#[test]
fn a_flood_of_refused_hits_is_counted_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut inserter = Inserter::new(store.clone(), 100).unwrap();
    let flagged = Flagged {
        project: PROJECT,
        received_ms: NOON,
        install: String::new(),
        wire: Wire::Ga4,
        event: String::new(),
        verdict: Verdict::Refused,
        reason: String::new(),
        payload: String::new(),
    };
    for minute in 0..5 {
        let refused = Parcel {
            flagged: vec![flagged.clone(); 400],
            ..Parcel::default()
        };
        inserter.write(&[refused], NOON + minute * 60_000).unwrap();
    }
    assert_eq!(store.recent_hits(PROJECT, 5_000).unwrap().len(), 1_000);
    let losses = store.losses(PROJECT).unwrap();
    assert_eq!((losses.len(), losses[0].count), (1, 500));
    let minutes = store.minutes(PROJECT, NOON + 4 * 60_000);
    let refused: u64 = minutes.iter().map(|minute| minute.refused).sum();
    assert_eq!(refused, 2_000);
}
