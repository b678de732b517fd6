//! This process's ring and worker, begun with the first event, and begun anew in a forked child.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::gate::Gate;
use crate::worker::Running;

/// Another thread makes the ring meanwhile: this long an event waits for it, then it is lost, counted.
const BEGIN_WAIT: Duration = Duration::from_millis(50);
/// After a failure (no space, no permission) it is tried again this much later, then twice as late, ...
const FIRST_RETRY: Duration = Duration::from_secs(10);
/// ... up to this.
const LAST_RETRY: Duration = Duration::from_secs(15 * 60);

/// The lives of the module in this process and the processes it was forked from, the last one current.
#[derive(Default)]
pub(crate) struct Lives {
    first: OnceLock<Box<Life>>,
    /// Id of the process that is beginning a life; 0 when none is. A lock that a fork cannot leave held.
    beginning: AtomicU32,
}

/// One life: a ring with its worker, or the failure to make one.
struct Life {
    state: Result<Arc<Running>, Failure>,
    next: OnceLock<Box<Life>>,
}

struct Failure {
    pid: u32,
    reason: String,
    at: Instant,
    retry: Duration,
}

impl Life {
    #[inline]
    fn is_current(&self) -> bool {
        match &self.state {
            Ok(running) => running.mark.holds(),
            Err(failure) => failure.pid == process::id() && failure.at.elapsed() < failure.retry,
        }
    }
}

impl Lives {
    /// The ring and worker of this process, begun if there are none; `None` when that does not work now.
    #[inline]
    pub(crate) fn current(&self, config: &Config, gate: &Arc<Gate>) -> Option<&Arc<Running>> {
        let mut slot = &self.first;
        let mut retry = FIRST_RETRY;
        loop {
            let life = match slot.get() {
                Some(life) => life,
                None => self.begin(slot, config, gate, retry)?,
            };
            if life.is_current() {
                return life.state.as_ref().ok();
            }
            if let Err(failure) = &life.state {
                retry = (failure.retry * 2).min(LAST_RETRY);
            }
            slot = &life.next;
        }
    }

    /// The ring and worker of this process if there are any, or why not; begins nothing.
    pub(crate) fn peek(&self) -> Option<Result<&Arc<Running>, &str>> {
        let mut slot = &self.first;
        let mut last = None;
        while let Some(life) = slot.get() {
            match &life.state {
                Ok(running) if running.mark.holds() => return Some(Ok(running)),
                Ok(_) => {}
                Err(failure) => last = Some(Err(failure.reason.as_str())),
            }
            slot = &life.next;
        }
        last
    }

    #[cold]
    fn begin<'a>(
        &self,
        slot: &'a OnceLock<Box<Life>>,
        config: &Config,
        gate: &Arc<Gate>,
        retry: Duration,
    ) -> Option<&'a Life> {
        let me = process::id();
        let until = Instant::now() + BEGIN_WAIT;
        while let Err(holder) = self.take_turn(0, me) {
            if let Some(life) = slot.get() {
                return Some(life);
            }
            // A holder of another process was a thread of the parent, which does not exist here.
            if holder != me && self.take_turn(holder, me).is_ok() {
                break;
            }
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        if slot.get().is_none() {
            let state = Running::begin(config, gate)
                .map(Arc::new)
                .map_err(|error| Failure {
                    pid: me,
                    reason: error.to_string(),
                    at: Instant::now(),
                    retry,
                });
            // Nobody else sets a slot without holding the turn.
            let _ = slot.set(Box::new(Life {
                state,
                next: OnceLock::new(),
            }));
        }
        self.beginning.store(0, Ordering::Release);
        slot.get().map(|life| &**life)
    }

    fn take_turn(&self, from: u32, me: u32) -> Result<u32, u32> {
        self.beginning
            .compare_exchange(from, me, Ordering::Acquire, Ordering::Relaxed)
    }
}
