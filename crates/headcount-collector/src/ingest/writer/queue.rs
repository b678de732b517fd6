//! The queue in front of the writer: bounded in requests and in events, taken in whole groups.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::WriteError;
use crate::config::WriterConfig;
use crate::metrics::Metrics;
use crate::store::{Parcel, Receipt};

/// Once no job came for so long, no more are waited for.
const GATHER_STEP: Duration = Duration::from_micros(300);

/// One request that waits.
pub(super) struct Job {
    pub(super) parcel: Parcel,
    pub(super) answer: oneshot::Sender<Result<Receipt, WriteError>>,
}

pub(super) struct Queue {
    state: Mutex<State>,
    /// Signalled when the writer waits for a job.
    filled: Condvar,
    limits: WriterConfig,
    metrics: Arc<Metrics>,
}

struct State {
    jobs: VecDeque<Job>,
    events: usize,
    open: bool,
    /// The writer waits until this many jobs are there.
    wanted: Option<usize>,
    /// Jobs of the last group: as many are likely to come again.
    last_group: usize,
}

impl Queue {
    pub(super) fn new(limits: &WriterConfig, metrics: Arc<Metrics>) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                events: 0,
                open: true,
                wanted: None,
                last_group: 0,
            }),
            filled: Condvar::new(),
            limits: limits.clone(),
            metrics,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, job: Job) -> Result<(), WriteError> {
        let weight = job.parcel.weight();
        let mut state = self.lock();
        if !state.open {
            return Err(WriteError::Closed);
        }
        // One request alone always fits, however large.
        let full = state.jobs.len() >= self.limits.queued_requests
            || (!state.jobs.is_empty() && state.events + weight > self.limits.queued_events);
        if full {
            return Err(WriteError::Full);
        }
        state.events += weight;
        state.jobs.push_back(job);
        self.metrics.queued_events.inc_by(weight as i64);
        let awaited = state.wanted.is_some_and(|wanted| {
            state.jobs.len() >= wanted || state.events >= self.limits.group_events
        });
        drop(state);
        if awaited {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for jobs and moves a group of them into `jobs`; `false` once the queue is closed and
    /// empty. `last_took` is the time the last group took.
    pub(super) fn take(&self, jobs: &mut Vec<Job>, last_took: Duration) -> bool {
        let mut state = self.lock();
        // Whoever was answered just now is about to send again; whoever waits already came since.
        let expected = state.last_group + state.jobs.len();
        while state.jobs.is_empty() {
            if !state.open {
                return false;
            }
            state.wanted = Some(1);
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let patience = self.limits.group_wait.min(last_took / 2);
        state = self.gather(state, expected, patience);
        state.wanted = None;
        let mut events = 0;
        while let Some(job) = state.jobs.front() {
            let weight = job.parcel.weight();
            if !jobs.is_empty() && events + weight > self.limits.group_events {
                break;
            }
            events += weight;
            jobs.extend(state.jobs.pop_front());
        }
        state.events -= events;
        state.last_group = jobs.len();
        self.metrics.queued_events.dec_by(events as i64);
        true
    }

    /// Waits for as many jobs as are expected, as long as they keep coming: one commit for all of
    /// them costs less than two. A lone sender never waits, since none but its own is expected.
    fn gather<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        expected: usize,
        patience: Duration,
    ) -> MutexGuard<'a, State> {
        let deadline = Instant::now() + patience;
        while state.open && state.jobs.len() < expected && state.events < self.limits.group_events {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            let before = state.jobs.len();
            state.wanted = Some(expected);
            state = self
                .filled
                .wait_timeout(state, left.min(GATHER_STEP))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if state.jobs.len() == before {
                break;
            }
        }
        state
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().open
    }

    pub(super) fn close(&self) {
        self.lock().open = false;
        self.filled.notify_all();
    }

    /// Drops what waits; its senders are told that it failed.
    pub(super) fn abandon(&self) {
        let jobs = std::mem::take(&mut self.lock().jobs);
        for job in jobs {
            // A sender that went away needs no answer.
            let _ = job.answer.send(Err(WriteError::Failed));
        }
    }
}
