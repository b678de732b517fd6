//! Group commit: requests wait in a bounded queue, one thread writes them, each gets its receipt.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use crate::config::WriterConfig;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::{Inserter, Parcel, Receipt, Row, Store};
use queue::{Job, Queue};

mod queue;
#[cfg(test)]
mod tests;

/// A commit that went well is believed for so long; then whoever asks has one made.
const BELIEVED: Duration = Duration::from_secs(10);

/// Commits that may wait for the index before the writer waits too.
const COMMITS_AHEAD: usize = 4;

/// Why a request could not be stored. The sender should try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Too much waits already.
    #[error("too many events wait to be written")]
    Full,
    /// The commit failed; the reason is in the log.
    #[error("the events could not be written to disk")]
    Failed,
    /// The collector is about to end.
    #[error("the collector is shutting down")]
    Closed,
}

impl WriteError {
    /// A stable word for metrics and answers.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Full => "queue_full",
            Self::Failed => "commit_failed",
            Self::Closed => "shutting_down",
        }
    }
}

/// Handle on the writer thread.
pub struct Writer {
    queue: Arc<Queue>,
    health: Arc<Mutex<Health>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// How the last commit went.
struct Health {
    at: Instant,
    failure: Option<String>,
}

/// What the writer hands on: rows to count and requests to answer.
struct Committed {
    rows: Vec<Row>,
    answers: Vec<(oneshot::Sender<Result<Receipt, WriteError>>, Receipt)>,
    at: Instant,
}

impl Writer {
    /// Starts the threads. `on_commit` gets the rows of every commit, in order, before the requests
    /// that brought them are answered; it runs beside the next commit.
    ///
    /// # Errors
    /// The store cannot be opened for writing, or no thread can be started.
    pub fn start(
        store: Store,
        config: &WriterConfig,
        metrics: Arc<Metrics>,
        on_commit: impl FnMut(&[Row]) + Send + 'static,
    ) -> Result<Self, Error> {
        let inserter = Inserter::new(store, config.distinct_values)?;
        Self::run(inserter, config, metrics, on_commit)
    }

    fn run(
        inserter: Inserter,
        config: &WriterConfig,
        metrics: Arc<Metrics>,
        on_commit: impl FnMut(&[Row]) + Send + 'static,
    ) -> Result<Self, Error> {
        let queue = Arc::new(Queue::new(config, Arc::clone(&metrics)));
        let health = Arc::new(Mutex::new(Health {
            at: Instant::now(),
            failure: None,
        }));
        let (committed, to_apply) = sync_channel(COMMITS_AHEAD);
        let applier = {
            let metrics = Arc::clone(&metrics);
            spawn("apply", move || apply(&to_apply, &metrics, on_commit))?
        };
        let writer = {
            let queue = Arc::clone(&queue);
            let threads = Thread {
                inserter,
                metrics,
                committed,
                health: Arc::clone(&health),
            };
            spawn("writer", move || threads.run(&queue))?
        };
        Ok(Self {
            queue,
            health,
            threads: Mutex::new(vec![writer, applier]),
        })
    }

    /// Waits until the parcel is committed and counted.
    ///
    /// # Errors
    /// Nothing of it was accepted; the sender should try again later.
    pub async fn submit(&self, parcel: Parcel) -> Result<Receipt, WriteError> {
        if parcel.is_empty() {
            return Ok(Receipt::default());
        }
        let (answer, answered) = oneshot::channel();
        self.queue.push(Job { parcel, answer })?;
        // The thread that would have answered is gone: what it wrote, if anything, is not known.
        answered.await.unwrap_or(Err(WriteError::Failed))
    }

    /// Waits until all that was committed before is counted too, and the writer knows what others
    /// changed. Blocks.
    ///
    /// # Errors
    /// Too much waits, the commit failed, or the collector is about to end.
    pub(crate) fn settle(&self) -> Result<(), WriteError> {
        let (answer, answered) = oneshot::channel();
        let parcel = Parcel::default();
        self.queue.push(Job { parcel, answer })?;
        let answer = answered.blocking_recv();
        answer.unwrap_or(Err(WriteError::Failed)).map(drop)
    }

    /// Whether new requests are taken.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.queue.is_open()
    }

    /// Why nothing can be written at the moment; `None` when all is well. Has an empty commit made
    /// where the last one failed or was long ago. Blocks.
    pub(crate) fn trouble(&self) -> Option<String> {
        let believed = {
            let health = lock(&self.health);
            health.failure.is_none() && health.at.elapsed() < BELIEVED
        };
        if believed {
            return None;
        }
        let error = self.settle().err()?;
        let failure = lock(&self.health).failure.clone();
        Some(failure.unwrap_or_else(|| error.to_string()))
    }

    /// Takes no more requests, writes and answers those that wait, and ends the threads. Blocks.
    pub fn stop(&self) {
        self.queue.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the writer ended in a panic");
            }
        }
    }
}

fn lock(health: &Mutex<Health>) -> std::sync::MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a thread of the collector.
pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|source| Error::Io {
            path: format!("thread {name}").into(),
            source,
        })
}

struct Thread {
    inserter: Inserter,
    metrics: Arc<Metrics>,
    committed: SyncSender<Committed>,
    health: Arc<Mutex<Health>>,
}

impl Thread {
    fn run(mut self, queue: &Queue) {
        // Whatever ends this thread, nobody may wait for it.
        let _closer = Closer(queue);
        let mut jobs = Vec::new();
        let mut last_took = Duration::ZERO;
        while queue.take(&mut jobs, last_took) {
            let begun = Instant::now();
            self.write(&mut jobs);
            last_took = begun.elapsed();
        }
    }

    fn write(&mut self, jobs: &mut Vec<Job>) {
        let (parcels, answers): (Vec<Parcel>, Vec<_>) =
            jobs.drain(..).map(|job| (job.parcel, job.answer)).unzip();
        let begun = Instant::now();
        let written = self.inserter.write(&parcels, now_ms());
        *lock(&self.health) = Health {
            at: Instant::now(),
            failure: written.as_ref().err().map(ToString::to_string),
        };
        match written {
            Ok(outcome) => {
                let at = Instant::now();
                self.metrics.committed(outcome.rows.len(), at - begun);
                for ((_, reason), count) in &outcome.refused {
                    self.metrics.refused(reason, *count);
                }
                let committed = Committed {
                    rows: outcome.rows,
                    answers: answers.into_iter().zip(outcome.receipts).collect(),
                    at,
                };
                if let Err(gone) = self.committed.send(committed) {
                    // The index is behind until the next start, but the events are safe.
                    tracing::error!("committed events cannot be counted: restart the collector");
                    answer(gone.0.answers);
                }
            }
            Err(error) => {
                self.metrics.commit_failed();
                tracing::error!(%error, requests = answers.len(), "a commit failed");
                for sender in answers {
                    // A sender that went away will come again.
                    let _ = sender.send(Err(WriteError::Failed));
                }
            }
        }
    }
}

struct Closer<'a>(&'a Queue);

impl Drop for Closer<'_> {
    fn drop(&mut self) {
        self.0.close();
        self.0.abandon();
    }
}

fn apply(to_apply: &Receiver<Committed>, metrics: &Metrics, mut on_commit: impl FnMut(&[Row])) {
    while let Ok(committed) = to_apply.recv() {
        if !committed.rows.is_empty() {
            on_commit(&committed.rows);
        }
        metrics.applied(committed.at.elapsed());
        answer(committed.answers);
    }
}

fn answer(answers: Vec<(oneshot::Sender<Result<Receipt, WriteError>>, Receipt)>) {
    for (sender, receipt) in answers {
        // A sender that went away will come again and be told of duplicates.
        let _ = sender.send(Ok(receipt));
    }
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
