//! The one thread of a process: takes the ring over into the spool and delivers. Begins with the first event.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::daily;
use crate::delivery::{Pace, Sender};
use crate::drain::Drain;
use crate::error::{OnPath, Result};
use crate::gate::Gate;
use crate::mapped::ForkMark;
use crate::record::Draft;
use crate::ring::{Need, Pushed, Ring};
use crate::state::{LOCK_WAIT, State};
use crate::transport::{Meanwhile, Transport};

/// Pause between looks at the ring; also how soon a turned switch is noticed. Each look that finds something is a
/// commit with its waits for the disk, 2 ms of a core: ten a second were most of what the module cost its host.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause after a look that found this many records, a tenth of the ring: they are worth a commit soon.
const CROWD_PAUSE: Duration = Duration::from_millis(100);
const CROWD: usize = 1000;
/// The first events of a process leave this soon after the first of them.
const FIRST_SEND: Duration = Duration::from_millis(100);
/// How often it is looked whether something may leave.
const SEND_PAUSE: Duration = Duration::from_secs(5);
/// How often it is looked for rings of processes that are gone.
const ADOPT_PAUSE: Duration = Duration::from_secs(10);
/// Share of the exit time that is left to the spool after the network had its chance.
const EXIT_RESERVE: Duration = Duration::from_millis(300);

/// What the host's threads and the worker share.
pub(crate) struct Running {
    pub(crate) mark: ForkMark,
    ring: Ring,
    gate: Arc<Gate>,
    config: Config,
    stop: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    transport: Mutex<Option<Arc<dyn Transport>>>,
    trouble: Mutex<Option<String>>,
}

impl Running {
    /// Makes the ring of this process; starts no thread yet.
    pub(crate) fn begin(config: &Config, gate: &Arc<Gate>) -> Result<Self> {
        let state = State::at(&config.state);
        state.make_install()?;
        let rings = state.rings_dir();
        let ring = Ring::create(&rings, config.ring_bytes, crate::encode::random_id());
        Ok(Self {
            mark: ForkMark::new(),
            ring: ring.on("making a ring in", &rings)?,
            gate: Arc::clone(gate),
            config: config.clone(),
            stop: AtomicBool::new(false),
            thread: Mutex::new(None),
            transport: Mutex::new(None),
            trouble: Mutex::new(None),
        })
    }

    /// Holds an event and sees to it that a worker looks after it.
    #[inline]
    pub(crate) fn push(self: &Arc<Self>, draft: &Draft<'_>) -> Pushed {
        let pushed = self.ring.push(draft);
        match pushed {
            Pushed::Held(Need::Worker) => self.wake_worker(),
            Pushed::Held(Need::Hurry) => self.hurry(),
            Pushed::Held(Need::None) | Pushed::Lost(_) => {}
        }
        pushed
    }

    /// Starts the worker if there is none.
    #[cold]
    pub(crate) fn wake_worker(self: &Arc<Self>) {
        if !self.ring.watch() {
            return;
        }
        let running = Arc::clone(self);
        // The one place that starts a thread.
        let started = std::thread::Builder::new()
            .name("headcount".into())
            .spawn(move || running.run());
        match started {
            Ok(thread) => *lock(&self.thread) = Some(thread),
            // Events stay in the ring; the next one tries again, and at worst another process adopts them.
            Err(error) => {
                self.ring.unwatch();
                *lock(&self.trouble) = Some(format!("no thread could be started: {error}"));
            }
        }
    }

    /// The ring is half full: the worker should not sleep on.
    #[cold]
    fn hurry(&self) {
        if let Ok(thread) = self.thread.try_lock()
            && let Some(thread) = &*thread
        {
            thread.thread().unpark();
        }
    }

    /// What went wrong last, for doctor.
    pub(crate) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    /// Ends the worker within `limit`: it empties the ring and tries once to deliver. What is then left
    /// stays in ring and spool, for the next process.
    pub(crate) fn end(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let break_off = deadline.checked_sub(EXIT_RESERVE).unwrap_or(deadline);
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        self.stop.store(true, Ordering::SeqCst);
        thread.thread().unpark();
        let mut broken_off = false;
        while !thread.is_finished() && Instant::now() < deadline {
            if !broken_off && Instant::now() >= break_off {
                broken_off = true;
                let transport = lock(&self.transport).clone();
                if let Some(transport) = transport {
                    transport.interrupt();
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.stop.store(false, Ordering::SeqCst);
    }

    /// Removes the ring's file if the worker left nothing in it; call when no event can come any more.
    pub(crate) fn remove_ring(&self) {
        if !self.ring.is_watched() && self.ring.is_empty() {
            let removed = self.ring.remove().on("removing", self.ring.path());
            self.note(removed);
        }
    }

    fn run(self: Arc<Self>) {
        loop {
            match Work::open(&self) {
                Ok(mut work) => {
                    self.look_after(&mut work);
                    *lock(&self.transport) = None;
                }
                Err(error) => {
                    self.note::<()>(Err(error));
                    if !self.stop.load(Ordering::SeqCst) {
                        std::thread::park_timeout(PAUSE);
                        continue;
                    }
                }
            }
            self.ring.unwatch();
            let left_over = !self.ring.is_empty()
                && self.gate.wanted() != 0
                && !self.stop.load(Ordering::SeqCst);
            // An event that came meanwhile may have started another worker; else this one goes on.
            if !left_over || !self.ring.watch() {
                return;
            }
        }
    }

    fn look_after(self: &Arc<Self>, work: &mut Work) {
        loop {
            let stop = self.stop.load(Ordering::SeqCst);
            let records = work.drain(self);
            if self.gate.wanted() == 0 {
                return;
            }
            if stop {
                work.send(self);
                return;
            }
            work.chores(self);
            let pause = if records < CROWD { PAUSE } else { CROWD_PAUSE };
            let until_sending = work.send_at.saturating_duration_since(Instant::now());
            std::thread::park_timeout(until_sending.min(pause));
        }
    }

    fn note<T>(&self, result: Result<T>) -> Option<T> {
        let mut trouble = lock(&self.trouble);
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                *trouble = Some(error.to_string());
                None
            }
        }
    }
}

/// What only the worker thread touches; the drain is also used while an answer is awaited.
struct Work {
    state: State,
    drain: Arc<Mutex<Drain>>,
    sender: Sender,
    send_at: Instant,
    adopt_at: Instant,
}

impl Work {
    fn open(running: &Arc<Running>) -> Result<Self> {
        let state = State::at(&running.config.state);
        daily::remember_host(&state, &running.config)?;
        let drain = Drain::open(&state, running.config.caps, running.gate.word())?;
        let drain = Arc::new(Mutex::new(drain));
        let transport = running.config.make_transport(meanwhile(running, &drain));
        *lock(&running.transport) = Some(Arc::clone(&transport));
        let interval = running.config.delivery_interval;
        let sender = Sender::open(&state, transport, interval, running.config.caps)?;
        let now = Instant::now();
        Ok(Self {
            state,
            drain,
            sender,
            send_at: now + FIRST_SEND,
            adopt_at: now,
        })
    }

    fn drain(&self, running: &Running) -> usize {
        let drained = lock(&self.drain).own(&running.ring, &running.gate, LOCK_WAIT);
        running.note(drained).unwrap_or(0)
    }

    fn send(&mut self, running: &Running) {
        running.note(self.sender.run_once(Pace::Due));
    }

    fn chores(&mut self, running: &Running) {
        if Instant::now() >= self.adopt_at {
            let adopted = lock(&self.drain).orphans(Some(running.ring.path()));
            running.note(adopted);
            self.adopt_at = Instant::now() + ADOPT_PAUSE;
        }
        if let Some(callback) = &running.config.daily {
            let now_ms = crate::clock::now_ms();
            let recorded = daily::run(&self.state, &mut lock(&self.drain), now_ms, &**callback);
            running.note(recorded);
        }
        if Instant::now() >= self.send_at {
            self.send(running);
            self.send_at = Instant::now() + SEND_PAUSE.min(running.config.delivery_interval);
        }
    }
}

fn meanwhile(running: &Arc<Running>, drain: &Arc<Mutex<Drain>>) -> Meanwhile {
    let running = Arc::downgrade(running);
    let drain = Arc::clone(drain);
    let looked_at = Mutex::new(Instant::now());
    Meanwhile(Arc::new(move || {
        let Some(running) = running.upgrade() else {
            return;
        };
        let mut looked_at = lock(&looked_at);
        if looked_at.elapsed() < PAUSE && !running.ring.is_crowded() {
            return;
        }
        *looked_at = Instant::now();
        let drained = lock(&drain).own(&running.ring, &running.gate, LOCK_WAIT);
        running.note(drained);
    }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
