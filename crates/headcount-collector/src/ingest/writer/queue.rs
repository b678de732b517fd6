//! The queue in front of the writer: bounded in requests and in events, taken in whole groups.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::WriteError;
use crate::config::WriterConfig;
use crate::metrics::Metrics;
use crate::store::{Parcel, Receipt};

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
    /// empty.
    pub(super) fn take(&self, jobs: &mut Vec<Job>) -> bool {
        let mut state = self.lock();
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
        state = self.gather(state);
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

    /// Where the last group held several requests their senders are probably about to send the next
    /// ones: waits a little for as many. A lone sender never waits.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let wanted = state.last_group;
        let deadline = Instant::now() + self.limits.group_wait;
        while state.open && state.jobs.len() < wanted && state.events < self.limits.group_events {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            state.wanted = Some(wanted);
            state = self
                .filled
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
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
            drop(job.answer.send(Err(WriteError::Failed)));
        }
    }
}
