//! Posts findings to where managers want them: one thread, each post again until it is taken or given up.
//! What waits is in the meta database, so a kill loses nothing.

mod post;
mod retry;

pub(crate) mod address;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::Error;
use crate::ingest::writer::{now_ms, spawn};
use crate::meta::webhooks::{DuePost, Settled};
use crate::meta::{Meta, MetaError};
use crate::outgoing::{self, Reach};
use retry::Step;

pub(crate) use retry::MOST_TRIES;

/// How soon a new post is seen.
const EVERY: Duration = Duration::from_secs(1);
/// Pause when outcomes cannot be written down: what was sent would be sent again at once.
const TROUBLE_PAUSE: Duration = Duration::from_secs(60);
/// Posts of one look at the queue.
const AT_ONCE: u32 = 16;

/// The thread that posts; ends when stopped or dropped.
pub(crate) struct Webhooks {
    poster: Arc<Poster>,
    running: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

/// Sends what is due.
struct Poster {
    agent: ureq::Agent,
    stopping: AtomicBool,
}

impl Webhooks {
    pub(crate) fn new(reach: Reach) -> Self {
        Self {
            poster: Arc::new(Poster {
                agent: outgoing::agent(reach),
                stopping: AtomicBool::new(false),
            }),
            running: Mutex::default(),
        }
    }

    /// Posts what is due, every second.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(&self, meta: Meta) -> Result<(), Error> {
        let (stop, stopped) = channel();
        let poster = Arc::clone(&self.poster);
        let thread = spawn("webhooks", move || {
            let mut pause = EVERY;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = match poster.round(&meta) {
                    Ok(()) => EVERY,
                    Err(error) => {
                        tracing::warn!(%error, "webhooks rest for a minute");
                        TROUBLE_PAUSE
                    }
                };
            }
        })?;
        *self.lock() = Some((stop, thread));
        Ok(())
    }

    /// Breaks off what is being sent, which will be sent again after the next start, and ends.
    pub(crate) fn stop(&self) {
        self.poster.stopping.store(true, Ordering::SeqCst);
        self.poster.agent.clone().shutdown();
        let running = self.lock().take();
        if let Some((stop, thread)) = running {
            drop(stop);
            if thread.join().is_err() {
                tracing::error!("webhooks ended in a panic");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Sender<()>, JoinHandle<()>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Poster {
    /// Sends all posts that are due, one after the other.
    fn round(&self, meta: &Meta) -> Result<(), MetaError> {
        for post in meta.due_posts(now_ms(), AT_ONCE)? {
            if self.stopping.load(Ordering::SeqCst) {
                break;
            }
            self.deliver(meta, &post)?;
        }
        Ok(())
    }

    fn deliver(&self, meta: &Meta, due: &DuePost) -> Result<(), MetaError> {
        let body = match &due.body {
            Some(body) => body.clone(),
            None => {
                let base = meta.address()?.unwrap_or_default();
                let body = post::body(due, &base);
                meta.fix_post(due.id, &body)?;
                body
            }
        };
        let (reply, said) = post::send(&self.agent, due, &body, now_ms());
        if self.stopping.load(Ordering::SeqCst) && reply == retry::Reply::Nothing {
            // Our own doing: no try of the receiver's.
            return Ok(());
        }
        let answered_ms = now_ms();
        let settled = match retry::decide(reply, due.tries + 1, jitter()) {
            Step::Taken => Settled::Taken,
            Step::GiveUp => {
                tracing::warn!(project = due.project, "a post to a webhook was given up");
                Settled::GivenUp
            }
            Step::Later(pause) => {
                let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
                Settled::Later(answered_ms.saturating_add(pause_ms))
            }
        };
        meta.settle_post(due.id, settled, &said, answered_ms)
    }
}

/// A number in 0..1; where the system gives no random bytes pauses have no jitter.
fn jitter() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}
