//! Erases installs for good: one thread finishes what was asked for, by whatever process.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::Collector;
use crate::error::Error;
use crate::index::Index;
use crate::ingest::writer::{now_ms, spawn};
use crate::meta::Meta;
use crate::store::{Asking, Forget, ProjectNumber, Store};

/// Who asked, where it was the install itself.
pub const BY_INSTALL: &str = "install";

/// How soon it is seen that another process asked.
const EVERY: Duration = Duration::from_secs(1);

/// How long whoever asks waits for the end before being told to come again.
const PATIENCE: Duration = Duration::from_secs(8);

/// What an erasure reaches into.
pub struct Reach<'a> {
    pub store: &'a Store,
    pub index: &'a Index,
    pub meta: &'a Meta,
}

/// Finishes every erasure that was asked for. `settle` waits until the index was told of every event
/// that is in the store. Each step may be repeated, so a kill anywhere is made good by the next call.
/// Returns how many were finished.
///
/// # Errors
/// The first failure, after all others were tried.
pub fn finish(
    reach: &Reach<'_>,
    settle: impl Fn() -> Result<(), Error>,
    now_ms: i64,
) -> Result<usize, Error> {
    let open = reach.store.open_forgets()?;
    if open.is_empty() {
        return Ok(0);
    }
    // After the wish is noted nothing new is accepted; what was accepted before is counted now.
    settle()?;
    let mut finished = 0;
    let mut failure = None;
    for forget in open {
        match erase(reach, &forget, now_ms) {
            Ok(()) => finished += 1,
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(finished), Err)
}

fn erase(reach: &Reach<'_>, forget: &Forget, now_ms: i64) -> Result<(), Error> {
    reach.store.erase_events(forget)?;
    // After the events: a day that is derived from now on does not hold the install.
    if let Some(install) = forget.install {
        reach.index.forget(forget.project, install)?;
    }
    let erased = reach.store.forget(forget.id)?;
    reach
        .meta
        .note_erasure(&erased, now_ms)
        .map_err(Error::meta)?;
    reach.store.finish_forget(forget.id, now_ms)
}

/// Notes that an install is to be erased, under a new receipt unless that was asked before.
///
/// # Errors
/// The store cannot be written.
pub fn ask(
    store: &Store,
    project: ProjectNumber,
    install: &str,
    by: &str,
    now_ms: i64,
) -> Result<Forget, Error> {
    let receipt = uuid::Uuid::new_v4().to_string();
    store.ask_to_forget(&Asking {
        project,
        install,
        receipt: &receipt,
        by,
        now_ms,
    })
}

/// The thread that erases; ends when stopped or dropped.
pub(crate) struct Eraser {
    running: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
    /// Changes with every round that finished something.
    rounds: watch::Sender<u64>,
}

impl Default for Eraser {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            rounds: watch::Sender::new(0),
        }
    }
}

impl Eraser {
    /// Does `round` at once, whenever woken, and every second.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(&self, round: impl Fn() + Send + 'static) -> Result<(), Error> {
        let (wake, woken) = channel();
        let thread = spawn("eraser", move || {
            loop {
                round();
                if woken.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected) {
                    break;
                }
            }
        })?;
        *self.lock() = Some((wake, thread));
        Ok(())
    }

    fn wake(&self) {
        if let Some((wake, _)) = self.lock().as_ref() {
            // Where the thread is gone the process is about to end.
            let _ = wake.send(());
        }
    }

    /// Waits for the running round, if any, and ends.
    pub(crate) fn stop(&self) {
        let running = self.lock().take();
        if let Some((wake, thread)) = running {
            drop(wake);
            if thread.join().is_err() {
                tracing::error!("the eraser ended in a panic");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Sender<()>, JoinHandle<()>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One round of the thread.
pub(crate) fn round(collector: &Collector) {
    let reach = Reach {
        store: &collector.store,
        index: &collector.index,
        meta: &collector.meta,
    };
    let settle = || collector.writer.settle().map_err(Error::from);
    match finish(&reach, settle, now_ms()) {
        Ok(0) => {}
        Ok(installs) => {
            tracing::info!(installs, "installs erased");
            collector
                .eraser
                .rounds
                .send_modify(|rounds| *rounds = rounds.wrapping_add(1));
        }
        Err(error) => {
            tracing::warn!(%error, "an install is not erased yet; it will be tried again")
        }
    }
}

impl Collector {
    /// Erases an install of a project: its raw events, its part in the index, what is shown of its
    /// hits. Nothing of it is accepted any more. `by` is who asks, for the audit log. Where it takes
    /// longer than some seconds the answer has no `done_ms` yet; it goes on, also after a restart.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn erase_install(
        &self,
        project: ProjectNumber,
        install: &str,
        by: &str,
    ) -> Result<Forget, Error> {
        let mut rounds = self.eraser.rounds.subscribe();
        let mut found = aside(|| ask(&self.store, project, install, by, now_ms()))?;
        let waiting = async {
            while found.done_ms.is_none() {
                self.eraser.wake();
                // Cannot fail: the sender lives as long as the collector.
                let _ = rounds.changed().await;
                found = aside(|| self.store.forget(found.id))?;
            }
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Ok(found),
        }
    }
}

/// Runs work that waits for the disk without holding up the connections of its thread.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Handle::current().runtime_flavor();
    if runtime == tokio::runtime::RuntimeFlavor::MultiThread {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}
