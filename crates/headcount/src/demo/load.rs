//! Sends a fleet's whole past: one thread simulates, several send over kept connections.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use headcount_protocol::{Batch, native};
use headcount_testkit::fleet::{Fleet, FleetDay, merge};

use super::sender::{Post, Sender};
use crate::output;

/// So many days of an install are sent in one batch, as after weeks without network.
const DAYS_PER_BATCH: usize = 14;
const EVENTS_PER_BATCH: usize = 500;
/// Enough requests at once for large group commits.
const SENDERS: usize = 16;
/// Batches that may wait for a sender.
const WAITING: usize = 256;
const BETWEEN_MESSAGES: Duration = Duration::from_secs(1);
/// Where the collector is full and does not say for how long.
const USUAL_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Load {
    pub(super) fleet: Fleet,
    pub(super) address: SocketAddr,
    pub(super) ingest_key: String,
    /// Set from outside to end early.
    pub(super) stopped: AtomicBool,
}

impl Load {
    /// Sends everything and returns the number of events taken. Blocks.
    pub(super) fn run(&self) -> anyhow::Result<u64> {
        let (put, batches) = sync_channel(WAITING);
        let batches = Mutex::new(batches);
        let taken = AtomicU64::new(0);
        thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS)
                .map(|_| scope.spawn(|| self.send_all(&batches, &taken)))
                .collect();
            self.simulate(put, &taken);
            for sender in senders {
                sender
                    .join()
                    .map_err(|_| anyhow::anyhow!("a sender stopped"))??;
            }
            Ok(taken.load(Ordering::Relaxed))
        })
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Ends when all days are handed out, the senders have failed, or it is told to.
    fn simulate(&self, put: SyncSender<Batch>, taken: &AtomicU64) {
        let (mut told, days) = (Instant::now(), self.fleet.len());
        let mut window: Vec<FleetDay> = Vec::new();
        for (index, day) in self.fleet.days().enumerate() {
            window.push(day);
            if window.len() < DAYS_PER_BATCH && index + 1 < days {
                continue;
            }
            for batch in merge(window.drain(..), EVENTS_PER_BATCH) {
                if self.is_stopped() || put.send(batch).is_err() {
                    return;
                }
            }
            if told.elapsed() >= BETWEEN_MESSAGES {
                told = Instant::now();
                let events = taken.load(Ordering::Relaxed);
                output::message(format_args!(
                    "loading: day {} of {days}, {events} events",
                    index + 1
                ));
            }
        }
    }

    /// After a failure the rest is taken and thrown away, so that the simulation is not held up.
    fn send_all(&self, batches: &Mutex<Receiver<Batch>>, taken: &AtomicU64) -> anyhow::Result<()> {
        let mut sender = Sender::new(self.address);
        let mut outcome = Ok(());
        loop {
            let next = batches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            let Ok(batch) = next else { return outcome };
            if self.is_stopped() {
                continue;
            }
            match self.send(&mut sender, &batch) {
                Ok(events) => drop(taken.fetch_add(events, Ordering::Relaxed)),
                Err(error) => {
                    self.stopped.store(true, Ordering::Relaxed);
                    outcome = Err(error);
                }
            }
        }
    }

    /// Again and again until the collector has it, as the module does. Returns the events taken.
    fn send(&self, sender: &mut Sender, batch: &Batch) -> anyhow::Result<u64> {
        let body = native::encode(batch);
        let post = Post {
            target: "/api/v1/batch",
            bearer: Some(&self.ingest_key),
            body: &body,
        };
        while !self.is_stopped() {
            let answer = sender.post(&post).context("sending a batch of the fleet")?;
            match answer.status {
                200 => return Ok(u64::try_from(batch.events.len())?),
                429 | 503 => thread::sleep(answer.retry_after.unwrap_or(USUAL_PAUSE)),
                status => bail!(
                    "a batch of the fleet was answered {status}: {}",
                    String::from_utf8_lossy(&answer.body)
                ),
            }
        }
        Ok(0)
    }
}
