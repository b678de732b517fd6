//! What must be done now and then: old rows out, quiet senders forgotten. Never in a hit's way.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::app::Collector;
use crate::error::Error;
use crate::ingest::writer::{now_ms, spawn};
use crate::store::{Day, ProjectNumber};

const EVERY: Duration = Duration::from_secs(60);

/// Raw rows are kept this much longer than events are accepted, so that a day that may still get
/// events can always be derived whole.
const MARGIN_DAYS: i32 = 2;

/// The thread that does it; ends when stopped or dropped.
#[derive(Default)]
pub(crate) struct Upkeep {
    running: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Upkeep {
    /// Does `work` every minute.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(&self, work: impl Fn() + Send + 'static) -> Result<(), Error> {
        let (stop, stopped) = channel();
        let thread = spawn("upkeep", move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                work();
            }
        })?;
        *self.lock() = Some((stop, thread));
        Ok(())
    }

    /// Waits for the running round, if any, and ends.
    pub(crate) fn stop(&self) {
        let running = self.lock().take();
        if let Some((stop, thread)) = running {
            drop(stop);
            if thread.join().is_err() {
                tracing::error!("upkeep ended in a panic");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Sender<()>, JoinHandle<()>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One round.
pub(crate) fn round(collector: &Collector) {
    let now_ms = now_ms();
    collector.ingest.forget_quiet();
    if let Err(error) = collector.store.forget_flagged(now_ms) {
        tracing::warn!(%error, "upkeep failed");
    }
    match collector.store.projects_with_rows() {
        Ok(projects) => projects
            .into_iter()
            .for_each(|project| prune(collector, project, now_ms)),
        Err(error) => tracing::warn!(%error, "upkeep failed"),
    }
}

/// Removes the raw events of a project that are beyond its retention, once the index needs them no
/// more: what is not closed yet waits for a later round.
fn prune(collector: &Collector, project: ProjectNumber, now_ms: i64) {
    match try_prune(collector, project, now_ms) {
        Ok(0) => {}
        Ok(rows) => tracing::info!(rows, "raw events beyond the retention removed"),
        Err(error) => {
            tracing::warn!(%error, "raw events beyond the retention could not be removed yet")
        }
    }
}

/// The first day whose raw events stay where they are kept for so many days.
pub(crate) fn horizon(retention_days: u32, now_ms: i64) -> Day {
    let retention = i32::try_from(retention_days).unwrap_or(i32::MAX);
    let day = Day::of_ms(now_ms).0.saturating_sub(retention);
    Day(day.saturating_sub(MARGIN_DAYS))
}

fn try_prune(collector: &Collector, project: ProjectNumber, now_ms: i64) -> Result<u64, Error> {
    let (store, index) = (&collector.store, &collector.index);
    let horizon = horizon(collector.retention_days(project), now_ms);
    if store.reaches_before(project, horizon)?
        && index.is_closed_before(project, horizon)
        && !store.give_up_before(project, horizon)?
    {
        tracing::debug!("raw events stay until the index of their days is written");
    }
    // Also what an earlier round gave up and could not finish.
    store.remove_given_up(project)
}
