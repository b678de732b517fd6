//! The writer under many senders, full queues and a disk that takes no more.

use std::collections::HashSet;
use std::sync::Mutex;

use headcount_protocol::{InstallId, Task};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::store::{Accepted, Day, Entry, EntryBody, ProjectNumber, Wire};

const PROJECT: ProjectNumber = ProjectNumber(1);
const NOON: i64 = 1_700_000_000_000;

fn parcel(install: u8, ids: &[u8]) -> Parcel {
    let entries = ids
        .iter()
        .map(|id| Entry {
            id: (*id != 0).then_some([*id; 16]),
            at_ms: NOON,
            body: EntryBody::Task(Task {
                namespace: "app".to_owned(),
                task: format!("task{id}"),
                result: "Success".to_owned(),
                label: String::new(),
                value: None,
                count: 1,
            }),
        })
        .collect();
    Parcel {
        accepted: vec![Accepted {
            project: PROJECT,
            wire: Wire::Native,
            received_ms: NOON,
            install: InstallId::parse(&format!("install-{install}")).unwrap(),
            version: String::new(),
            deployment: String::new(),
            runtime: String::new(),
            entries,
        }],
        ..Parcel::default()
    }
}

struct Setup {
    _folder: TempDir,
    store: Store,
    writer: Arc<Writer>,
    applied: Arc<Mutex<Vec<Row>>>,
}

fn start(config: &WriterConfig, change: impl FnOnce(&mut Inserter)) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut inserter = Inserter::new(store.clone(), 1_000).unwrap();
    change(&mut inserter);
    let applied = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&applied);
    let metrics = Arc::new(Metrics::default());
    let writer = Writer::run(inserter, config, metrics, move |rows: &[Row]| {
        sink.lock().unwrap().extend_from_slice(rows);
    });
    Setup {
        _folder: folder,
        store,
        writer: Arc::new(writer.unwrap()),
        applied,
    }
}

fn stored(store: &Store) -> Vec<Row> {
    let mut rows = Vec::new();
    store
        .rows_of_day(PROJECT, Day::of_ms(NOON), &mut |row| rows.push(row.clone()))
        .unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_receipt_is_true_and_rows_are_applied_before_it() {
    let Setup {
        _folder,
        store,
        writer,
        applied,
    } = start(&WriterConfig::default(), |_| {});
    let senders: Vec<_> = (0..20_u8)
        .map(|n| {
            let writer = Arc::clone(&writer);
            let applied = Arc::clone(&applied);
            tokio::spawn(async move {
                let mut accepted = 0;
                for round in 0..10_u8 {
                    // Ids 1 to 100 are sent by all, id 0 stands for none.
                    let ids = [round * 10 + n % 10 + 1, 0];
                    let receipt = writer.submit(parcel(n, &ids)).await.unwrap();
                    assert_eq!(receipt.accepted + receipt.duplicates, 2);
                    accepted += receipt.accepted;
                    assert!(applied.lock().unwrap().len() as u64 >= accepted);
                }
                accepted
            })
        })
        .collect();
    let mut accepted = 0;
    for sender in senders {
        accepted += sender.await.unwrap();
    }
    assert_eq!(accepted, 100 + 200);
    writer.stop();
    let rows = stored(&store);
    assert_eq!(rows, *applied.lock().unwrap());
    let ids: Vec<[u8; 16]> = rows.iter().filter_map(|row| row.event_id).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_fails_every_request_of_the_group_and_heals() {
    let setup = start(&WriterConfig::default(), |inserter| {
        inserter.limit_pages(20)
    });
    let writer = &setup.writer;
    let many: Vec<u8> = vec![0; 5_000];
    assert_eq!(
        writer.submit(parcel(1, &many)).await,
        Err(WriteError::Failed)
    );
    assert!(stored(&setup.store).is_empty());
    // What fits is still taken, and is numbered as if nothing had happened.
    let receipt = writer.submit(parcel(2, &[1, 2, 1])).await.unwrap();
    assert_eq!((receipt.accepted, receipt.duplicates), (2, 1));
    assert_eq!(stored(&setup.store)[0].install, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_a_stopped_writer_finishes_what_it_took() {
    let config = WriterConfig {
        queued_events: 10,
        ..WriterConfig::default()
    };
    let setup = start(&config, |_| {});
    let large = vec![0; 3_000];
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let writer = Arc::clone(&setup.writer);
        let parcel = parcel(1, &large);
        waiting.push(tokio::spawn(async move { writer.submit(parcel).await }));
    }
    let (mut stored_parcels, mut full) = (0, 0);
    for sender in waiting {
        match sender.await.unwrap() {
            Ok(receipt) => {
                assert_eq!(receipt.accepted, 3_000);
                stored_parcels += 1;
            }
            Err(WriteError::Full) => full += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(full > 0 && stored_parcels > 0);
    assert_eq!(stored(&setup.store).len(), stored_parcels * 3_000);
    setup.writer.stop();
    assert!(!setup.writer.is_open());
    let late = setup.writer.submit(parcel(1, &[1])).await;
    assert_eq!(late, Err(WriteError::Closed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is sent in whatever groups: each id once, the first sender wins, order is kept.
    #[test]
    fn ids_count_once_in_order_of_arrival(
        sent in prop::collection::vec((0..4_u8, prop::collection::vec(0..20_u8, 0..8)), 1..20),
    ) {
        let setup = start(&WriterConfig::default(), |_| {});
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut seen = HashSet::new();
        let mut expected = Vec::new();
        for (install, ids) in &sent {
            let receipt = runtime.block_on(setup.writer.submit(parcel(*install, ids))).unwrap();
            let fresh: Vec<u8> = ids.iter().copied().filter(|id| *id == 0 || seen.insert(*id)).collect();
            prop_assert_eq!(receipt.accepted, fresh.len() as u64);
            prop_assert_eq!(receipt.duplicates, (ids.len() - fresh.len()) as u64);
            expected.extend(fresh.into_iter().map(|id| (*install, id)));
        }
        let found: Vec<(u8, u8)> = stored(&setup.store)
            .iter()
            .map(|row| {
                let name = setup.store.install_name(PROJECT, row.install).unwrap().unwrap();
                let install = name.trim_start_matches("install-").parse().unwrap();
                (install, row.event_id.map_or(0, |id| id[0]))
            })
            .collect();
        prop_assert_eq!(found, expected);
    }
}
