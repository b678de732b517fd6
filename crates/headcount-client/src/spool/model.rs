//! Random walks through the spool beside a model in memory: after each step both hold the same.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Batch, Caps, Claim, Claimed, Incoming, Note, Outcome, Source, Spool};
use super::{append, claim, settle};
use crate::loss::LossReason;
use crate::settings::{Feed, TokenKind};
use crate::state::State;

const CAP: u64 = 40;
const LIMIT: u32 = 7;

#[derive(Clone, Debug)]
enum Action {
    /// Events of a feed for some destinations (bits).
    Append(u8, u8, u8),
    /// A destination and a sender ask for a batch.
    Claim(u32, u8),
    /// The holder of a destination's batch ends it.
    Settle(u32, u8),
    /// The holder of a destination's batch is killed: its lock dies with it.
    Kill(u32),
    DropFeed(u32, u8),
    /// Longer than any lease.
    Pass,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let one = prop_oneof![
        4 => (1_u8..12, 0_u8..3, 1_u8..4).prop_map(|(n, feed, to)| Action::Append(n, feed, to)),
        4 => (1_u32..3, 0_u8..2).prop_map(|(to, who)| Action::Claim(to, who)),
        4 => (1_u32..3, 0_u8..5).prop_map(|(to, how)| Action::Settle(to, how)),
        1 => (1_u32..3).prop_map(Action::Kill),
        1 => (1_u32..3, 0_u8..3).prop_map(|(to, feed)| Action::DropFeed(to, feed)),
        1 => Just(Action::Pass),
    ];
    proptest::collection::vec(one, 1..60)
}

/// What the spool should hold: per destination the waiting events in order, with their feed.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<u32, Vec<(u8, Feed)>>,
    delivered: BTreeMap<u32, BTreeSet<u8>>,
    lost: u64,
    appended: u64,
}

impl Model {
    fn distinct(&self) -> BTreeSet<u8> {
        self.waiting.values().flatten().map(|(id, _)| *id).collect()
    }

    /// The oldest go until the cap holds.
    fn keep_cap(&mut self) {
        let ids = self.distinct();
        let over = ids.len().saturating_sub(CAP as usize);
        for id in ids.into_iter().take(over) {
            for queue in self.waiting.values_mut() {
                let before = queue.len();
                queue.retain(|(one, _)| *one != id);
                self.lost += (before - queue.len()) as u64;
            }
        }
    }
}

struct Walk {
    spool: Spool,
    model: Model,
    held: BTreeMap<u32, (Claim, Batch)>,
    /// What senders were sending when they were killed.
    left: BTreeMap<u32, Batch>,
    now_ms: i64,
    next: u8,
}

impl Walk {
    fn step(&mut self, action: &Action) {
        self.now_ms += 1;
        match *action {
            Action::Append(n, feed, to) => self.append(n, Feed::ALL[usize::from(feed)], to),
            Action::Claim(to, who) => self.claim(to, who),
            Action::Settle(to, how) => self.settle(to, how),
            Action::Kill(to) => {
                if let Some((_, batch)) = self.held.remove(&to) {
                    self.left.insert(to, batch);
                }
            }
            Action::DropFeed(to, feed) => {
                let feed = Feed::ALL[usize::from(feed)];
                self.spool
                    .transact(|tx| super::settle::drop_feed(tx, to, feed))
                    .unwrap();
                let queue = self.model.waiting.entry(to).or_default();
                let before = queue.len();
                queue.retain(|(_, one)| *one != feed);
                self.model.lost += (before - queue.len()) as u64;
            }
            Action::Pass => self.now_ms += 120_000,
        }
        self.compare();
    }

    fn append(&mut self, n: u8, feed: Feed, to: u8) {
        let n = n.min(u8::MAX - self.next);
        let destinations: Vec<u32> = (1..3).filter(|bit| to & (1 << (bit - 1)) != 0).collect();
        let incoming: Vec<Incoming> = (0..n)
            .map(|index| Incoming {
                id: [self.next + index; 16],
                at_ms: self.now_ms,
                feed,
                body: vec![1; 8],
                raw: None,
                destinations: destinations.clone(),
            })
            .collect();
        let caps = Caps {
            events: CAP,
            ..Caps::default()
        };
        self.spool
            .transact(|tx| append(tx, &incoming, &Source::Direct, &caps))
            .unwrap();
        for one in &incoming {
            for to in &destinations {
                self.model
                    .waiting
                    .entry(*to)
                    .or_default()
                    .push((one.id[0], feed));
                self.model.appended += 1;
            }
        }
        self.next += n;
        self.model.keep_cap();
    }

    fn claim(&mut self, to: u32, who: u8) {
        // As the lock file says: free when nobody holds it or its holder was killed. A holder whose lease
        // is over is one that a forked child outlived.
        let locked = self
            .held
            .get(&to)
            .is_none_or(|(held, _)| held.owner == [who; 16]);
        let claim_ = Claim {
            locked,
            destination: to,
            kind: TokenKind::Headcount,
            owner: [who; 16],
            now_ms: self.now_ms,
            limit: LIMIT,
            interval_ms: 0,
            force: true,
        };
        let id = [self.now_ms as u8; 16];
        let claimed = self.spool.transact(|tx| claim(tx, &claim_, id)).unwrap();
        let waiting = self.model.waiting.get(&to).is_none_or(Vec::is_empty);
        let leased = self.held.get(&to).is_some_and(|(held, _)| {
            held.owner != claim_.owner && self.now_ms - held.now_ms < 60_000
        });
        match claimed {
            Claimed::Batch(batch) => {
                assert!(!leased, "two senders at one destination");
                let ids: Vec<u8> = batch.events.iter().map(|event| event.id[0]).collect();
                let queue: Vec<u8> = self.model.waiting[&to].iter().map(|(id, _)| *id).collect();
                assert_eq!(ids, queue[..ids.len()], "the oldest go first");
                assert!(ids.len() <= LIMIT as usize);
                if let Some(left) = self.left.remove(&to) {
                    let frozen: Vec<u8> = left.events.iter().map(|event| event.id[0]).collect();
                    assert!(
                        left.id == batch.id && ids.iter().all(|id| frozen.contains(id))
                            || !queue.iter().any(|id| frozen.contains(id)),
                        "what a killed sender was sending goes out again as it was"
                    );
                }
                self.held.insert(to, (claim_, batch));
            }
            Claimed::Nothing => assert!(waiting),
            Claimed::Busy => assert!(leased),
            other => panic!("{other:?} without a failure"),
        }
    }

    fn settle(&mut self, to: u32, how: u8) {
        let Some((claim, batch)) = self.held.remove(&to) else {
            return;
        };
        let outcome = match how {
            0 | 1 => Outcome::Delivered {
                rejected: BTreeSet::new(),
            },
            2 => Outcome::Later { next_at_ms: 0 },
            3 => Outcome::Split { next_at_ms: 0 },
            _ => Outcome::GiveUp(LossReason::Refused),
        };
        let note = Note {
            status: Some(200),
            text: String::new(),
        };
        let held = self
            .spool
            .transact(|tx| settle(tx, &claim, &batch, &outcome, &note))
            .unwrap();
        assert!(held, "nobody else claimed it");
        let ids: Vec<u8> = batch.events.iter().map(|event| event.id[0]).collect();
        let queue = self.model.waiting.entry(to).or_default();
        let left: Vec<u8> = queue
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| ids.contains(id))
            .collect();
        match outcome {
            Outcome::Delivered { .. } => {
                queue.retain(|(id, _)| !ids.contains(id));
                // What a cap or a switch took meanwhile was counted as lost before.
                self.model.delivered.entry(to).or_default().extend(left);
            }
            Outcome::GiveUp(_) => {
                queue.retain(|(id, _)| !ids.contains(id));
                self.model.lost += left.len() as u64;
            }
            Outcome::Split { .. } if ids.len() == 1 => {
                queue.retain(|(id, _)| !ids.contains(id));
                self.model.lost += left.len() as u64;
            }
            Outcome::Split { .. }
            | Outcome::Later { .. }
            | Outcome::Progress { .. }
            | Outcome::Stop => {}
        }
    }

    fn compare(&mut self) {
        let (rows, totals) = self
            .spool
            .transact(|tx| {
                let rows: Vec<(u32, [u8; 16])> = tx
                    .prepare("SELECT destination, id FROM deliveries JOIN events ON seq = event ORDER BY destination, seq")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<rusqlite::Result<_>>()?;
                Ok((rows, super::caps::totals(tx)?))
            })
            .unwrap();
        let expected: Vec<(u32, [u8; 16])> = self
            .model
            .waiting
            .iter()
            .flat_map(|(to, queue)| queue.iter().map(|(id, _)| (*to, [*id; 16])))
            .collect();
        assert_eq!(rows, expected);
        let events = self.model.distinct().len() as u64;
        assert_eq!(totals, (events, events * (8 + super::caps::ROW_BYTES)));
        let delivered: u64 = self
            .model
            .delivered
            .values()
            .map(|ids| ids.len() as u64)
            .sum();
        let accounted = rows.len() as u64 + delivered + self.model.lost;
        assert_eq!(
            accounted, self.model.appended,
            "every event waits, arrived or is counted"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_spool_is_what_the_model_says(actions in actions()) {
        let dir = tempfile::tempdir().unwrap();
        let spool = State::at(dir.path()).spool().unwrap();
        let mut walk = Walk {
            spool,
            model: Model::default(),
            held: BTreeMap::new(),
            left: BTreeMap::new(),
            now_ms: 1_000_000,
            next: 0,
        };
        for action in &actions {
            walk.step(action);
        }
    }
}
