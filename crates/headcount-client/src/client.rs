//! What a host holds: one `Client`, cheap to clone, whose calls return at once and never fail into the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headcount_protocol::Stats;

use crate::clock;
use crate::config::Config;
use crate::gate::{Gate, Switch};
use crate::loss::LossReason;
use crate::process::Lives;
use crate::record::{Draft, PageParts, TaskParts};
use crate::ring::Pushed;
use crate::settings::Feed;
use crate::state::State;

/// At exit the module is given this long to deliver; what is then left waits on disk.
const EXIT_LIMIT: Duration = Duration::from_millis(1900);

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the ring: it survives the death of this process.
    Held,
    /// Nobody wants it: a switch is off. Nothing was written.
    Off,
    /// It is lost, and counted.
    Lost(LossReason),
}

/// The end of a background task.
#[derive(Clone, Copy, Debug, Default)]
pub struct Task<'a> {
    /// The app the task belongs to, for example `memberaudit`.
    pub namespace: &'a str,
    /// The task's name.
    pub task: &'a str,
    /// `Success`, or the class name of the exception.
    pub result: &'a str,
    /// A free context word.
    pub label: &'a str,
    /// A number about the run, for example how many rows it changed.
    pub value: Option<f64>,
}

/// A page that was opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page<'a> {
    /// Its path, or better the pattern of the route; a query string is cut off before anything else happens.
    pub path: &'a str,
    /// What the visitor opened, where `path` is a pattern, else empty. Ignored paths are matched against it too,
    /// and there it ends: it is neither kept nor sent.
    pub opened: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its locale, for example `en`.
    pub locale: &'a str,
    /// The visitor's user agent.
    pub user_agent: &'a str,
}

/// The module in one process. Open it once and clone it; the last clone that is dropped ends it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    gate: Arc<Gate>,
    config: Config,
    lives: Lives,
    /// Events lost while there was no ring to count them in.
    ringless_losses: AtomicU64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client")
            .field("state", &self.shared.config.state)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Opens the module on a state folder. Cannot fail: what is wrong is told by `trouble` and by doctor.
    /// Writes no file and starts no thread; the first event does, or a `daily` callback.
    #[must_use]
    pub fn open(config: Config) -> Self {
        let host = config.disabled_by_host.then_some(Switch::Host);
        let shut = Switch::of_environment().or(host);
        let state = State::at(&config.state);
        if shut.is_none() {
            // Settings that cannot be read are reported by doctor; until then the gate keeps what it said.
            let _ = state.mend_gate();
        }
        let gate = Arc::new(Gate::new(&config.state, shut));
        let shared = Shared {
            gate,
            config,
            lives: Lives::default(),
            ringless_losses: AtomicU64::new(0),
        };
        let client = Self {
            shared: Arc::new(shared),
        };
        if client.shared.config.daily.is_some() {
            client.begin();
        }
        client
    }

    /// The state folder, for those who manage the install.
    #[must_use]
    pub fn state(&self) -> State {
        State::at(&self.shared.config.state)
    }

    /// Whether any destination wants this feed now. Costs about a nanosecond.
    #[inline]
    #[must_use]
    pub fn wants(&self, feed: Feed) -> bool {
        self.shared.gate.wants(feed)
    }

    /// Sees at once a state folder that was made after this client was opened; by itself it takes a second.
    pub fn look_now(&self) {
        self.shared.gate.look_now();
    }

    /// Notes in the settings what the host says about itself; the worker does it too when it begins.
    ///
    /// # Errors
    /// When the state folder cannot be read or written.
    pub fn introduce(&self) -> crate::error::Result<()> {
        if self.shut_by().is_some() {
            return Ok(());
        }
        crate::daily::remember_host(&self.state(), &self.shared.config)
    }

    /// The switch of the environment or the host that shut the module for the life of this process.
    #[must_use]
    pub fn shut_by(&self) -> Option<Switch> {
        self.shared.gate.shut_by()
    }

    /// Records the end of a background task.
    #[inline]
    pub fn record_task(&self, task: &Task<'_>) -> Recorded {
        if !self.wants(Feed::Tasks) {
            return Recorded::Off;
        }
        self.push(&Draft::task(clock::event_ms(), Feed::Tasks, &task.parts()))
    }

    /// Records that a page was opened.
    #[inline]
    pub fn record_page(&self, page: &Page<'_>) -> Recorded {
        if !self.wants(Feed::Pages) {
            return Recorded::Off;
        }
        let parts = PageParts {
            path: without_query(page.path),
            title: page.title,
            locale: page.locale,
            user_agent: page.user_agent,
            opened: if page.opened == page.path {
                ""
            } else {
                without_query(page.opened)
            },
        };
        self.push(&Draft::page(clock::event_ms(), &parts))
    }

    /// Records statistics of the install.
    #[inline]
    pub fn record_stats(&self, stats: &Stats) -> Recorded {
        if !self.wants(Feed::Stats) {
            return Recorded::Off;
        }
        self.push(&Draft::stats(clock::event_ms(), stats))
    }

    /// Records a number that an app reports about itself; the last one per day counts.
    #[inline]
    pub fn record_stat(&self, namespace: &str, task: &str, label: &str, value: f64) -> Recorded {
        if !self.wants(Feed::Stats) {
            return Recorded::Off;
        }
        self.push(&Draft::stat(
            clock::event_ms(),
            namespace,
            task,
            label,
            value,
        ))
    }

    #[inline]
    pub(crate) fn push(&self, draft: &Draft<'_>) -> Recorded {
        match self
            .shared
            .lives
            .current(&self.shared.config, &self.shared.gate)
        {
            Some(running) => match running.push(draft) {
                Pushed::Held(_) => Recorded::Held,
                Pushed::Lost(reason) => Recorded::Lost(reason),
            },
            None => {
                self.shared.ringless_losses.fetch_add(1, Ordering::Relaxed);
                Recorded::Lost(LossReason::Storage)
            }
        }
    }

    /// Begins the ring and the worker without an event: for hosts that have a daily report but nothing else.
    fn begin(&self) {
        if self.shared.gate.wanted() != 0
            && let Some(running) = self
                .shared
                .lives
                .current(&self.shared.config, &self.shared.gate)
        {
            running.wake_worker();
        }
    }

    /// What went wrong last in this process: a full disk, a folder without permission.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match self.shared.lives.peek()? {
            Ok(running) => running.trouble(),
            Err(reason) => Some(reason.to_owned()),
        }
    }

    /// Events lost in this process because there was no ring to hold them.
    #[must_use]
    pub fn ringless_losses(&self) -> u64 {
        self.shared.ringless_losses.load(Ordering::Relaxed)
    }

    /// Takes what is recorded over into the spool, tries once to deliver and ends the worker, all within
    /// `limit`. The next event begins it again. Dropping the last clone does the same within 2 seconds.
    pub fn shutdown(&self, limit: Duration) {
        self.shared.end(limit);
    }
}

impl Shared {
    fn end(&self, limit: Duration) {
        if let Some(Ok(running)) = self.lives.peek() {
            running.end(limit);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.end(EXIT_LIMIT);
        if let Some(Ok(running)) = self.lives.peek() {
            running.remove_ring();
        }
    }
}

/// A path up to its query string or fragment. Looks at bytes: both marks are ASCII.
#[inline]
fn without_query(path: &str) -> &str {
    // Most paths have none, which is seen eight bytes at a time.
    let (words, rest) = path.as_bytes().as_chunks::<8>();
    let marked = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        has_byte(word, b'?') || has_byte(word, b'#')
    };
    let ends = |byte: &u8| matches!(byte, b'?' | b'#');
    if !words.iter().any(marked) && !rest.iter().any(ends) {
        return path;
    }
    let end = path.as_bytes().iter().position(ends);
    &path[..end.unwrap_or(path.len())]
}

/// Whether one of a word's bytes is this one: a byte that is equal becomes 0, and only a 0 borrows.
fn has_byte(word: u64, byte: u8) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let zero_if_equal = word ^ (ONES * u64::from(byte));
    zero_if_equal.wrapping_sub(ONES) & !zero_if_equal & (ONES << 7) != 0
}

impl<'a> Task<'a> {
    pub(crate) const fn parts(&self) -> TaskParts<'a> {
        TaskParts {
            namespace: self.namespace,
            task: self.task,
            result: self.result,
            label: self.label,
            value: self.value,
            count: 1,
        }
    }
}
