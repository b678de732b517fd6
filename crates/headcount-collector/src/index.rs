//! The index: answers questions about installs from sets and columns derived from raw events.
//!
//! A day's index is a function of that day's raw events, whatever their order. Days that take events
//! are open in memory, all others lie closed in `index.sqlite`; what a crash loses of the open ones
//! is derived again, since the store notes which days are behind.

mod abreast;
mod amounts;
mod answer;
mod blob;
mod cache;
mod calendar;
mod columns;
mod cross;
mod day;
mod event_test;
mod facts;
mod filter;
mod first;
mod forget;
mod gone;
mod hot;
mod lives;
mod mask;
mod merge;
mod numbers;
mod packed;
mod part;
mod rollup;
mod shelf;
mod spread;
mod tallies;
#[cfg(test)]
mod tests;
mod timeline;
mod trailing;
mod upkeep;
mod values;
mod view;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::Error;
use crate::query::{Answer, DayRange, Query};
use crate::store::{Day, ProjectNumber, Row, Store};
use answer::Asking;
use shelf::Shelf;
use timeline::Timeline;
use upkeep::Closing;
use view::Snapshot;

pub use tallies::TaskDays;

/// Settings of the index.
#[derive(Clone, Debug)]
pub struct IndexConfig {
    /// Memory for parts of closed days that were read, in bytes.
    pub cache_bytes: usize,
    /// Memory for open days, in bytes: beyond it the longest untouched are closed.
    pub open_bytes: usize,
    /// A day that took no event for so long is closed.
    pub idle: Duration,
    /// How often the index looks after itself in a thread of its own; `None`: never.
    pub upkeep_every: Option<Duration>,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 192 * 1024 * 1024,
            open_bytes: 64 * 1024 * 1024,
            idle: Duration::from_secs(300),
            upkeep_every: Some(Duration::from_secs(5)),
        }
    }
}

/// The index of all projects. Any thread may ask while one applies rows.
pub struct Index {
    inner: Arc<Inner>,
    upkeep: Option<JoinHandle<()>>,
}

struct Inner {
    store: Store,
    shelf: Shelf,
    config: IndexConfig,
    projects: RwLock<HashMap<ProjectNumber, Arc<Project>>>,
    /// Held by whoever writes to the shelf; never by those who ask or apply.
    upkeep: Mutex<()>,
    ending: AtomicBool,
}

struct Project {
    number: ProjectNumber,
    timeline: RwLock<Timeline>,
    /// Held while a day is read from the store.
    deriving: Mutex<()>,
}

/// How often a question is asked again when what it read was closed anew meanwhile.
const ATTEMPTS: usize = 5;

/// Times over which the bound on open days is overdrawn before `apply` closes days itself.
const CROWDED_TWICE: usize = 2;

impl Index {
    /// Opens or makes the index at `path`. Days that are behind, or all if the file is new, are
    /// derived from the store when they are first asked for, or by the upkeep.
    ///
    /// # Errors
    /// A file cannot be read, or was written by a newer program.
    pub fn open(path: &Path, store: Store, config: IndexConfig) -> Result<Self, Error> {
        let shelf = Shelf::open(path, config.cache_bytes)?;
        let inner = Arc::new(Inner {
            store,
            shelf,
            config,
            projects: RwLock::default(),
            upkeep: Mutex::default(),
            ending: AtomicBool::new(false),
        });
        inner.load()?;
        let upkeep = match inner.config.upkeep_every {
            Some(every) => Some(start_upkeep(Arc::clone(&inner), every)?),
            None => None,
        };
        Ok(Self { inner, upkeep })
    }

    /// Counts committed rows, in order of commit. Whoever asks afterwards sees them.
    pub fn apply(&self, rows: &[Row]) {
        let mut by_project: BTreeMap<ProjectNumber, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            by_project.entry(row.project).or_default().push(row);
        }
        for (number, rows) in by_project {
            let project = self.inner.project(number);
            project.write().apply(&rows);
        }
        if !self.inner.is_crowded(1) {
            return;
        }
        match &self.upkeep {
            Some(upkeep) if !self.inner.is_crowded(CROWDED_TWICE) => upkeep.thread().unpark(),
            // Rows come faster than the upkeep closes days: whoever brings them has to wait.
            Some(_) | None => {
                if let Err(error) = self.inner.bound_open_days() {
                    tracing::error!(%error, "open days of the index could not be closed");
                }
            }
        }
    }

    /// Answers a question about a project; one that is unknown has no installs.
    ///
    /// # Errors
    /// The question makes no sense (`Unanswerable`), or a file cannot be read.
    pub fn answer(&self, project: ProjectNumber, query: &Query) -> Result<Answer, Error> {
        answer::check(query)?;
        self.inner.retrying(|inner| {
            let (reach, with_first_days) = (answer::reach(query), answer::needs_first_days(query));
            let snapshot = inner.snapshot(project, reach, with_first_days)?;
            let answer = || Asking::new(&snapshot, &inner.store, query).answer();
            snapshot
                .view(reach)
                .answered(query, with_first_days, answer)
        })
    }

    /// Versions with the first day on which more than `installs` installs told them last, in order of
    /// that day, of those up to `to`.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn releases(
        &self,
        project: ProjectNumber,
        installs: u64,
        to: Day,
    ) -> Result<Vec<(String, Day)>, Error> {
        let range = DayRange {
            from: Day(i32::MIN),
            to,
        };
        self.inner.retrying(|inner| {
            let snapshot = inner.snapshot(project, range, false)?;
            answer::releases(&snapshot, &inner.store, installs)
        })
    }

    /// Days of a project that have events, ascending.
    #[must_use]
    pub fn days(&self, project: ProjectNumber) -> Vec<Day> {
        self.inner.project(project).read().days()
    }

    /// Writes all open days to the file and closes them.
    ///
    /// # Errors
    /// A file cannot be written. The days stay open.
    pub fn flush(&self) -> Result<(), Error> {
        self.inner.close(Closing::All)
    }

    /// Does at once what the upkeep does in its time: closes all open days and merges complete weeks
    /// and months.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn compact(&self) -> Result<(), Error> {
        self.inner.tend(Duration::ZERO)
    }

    /// Whether the raw events of days before `day` are needed no more, as far as the index knows:
    /// each of those days is closed.
    #[must_use]
    pub fn is_closed_before(&self, project: ProjectNumber, day: Day) -> bool {
        self.inner.project(project).read().is_closed_before(day)
    }

    /// Takes an install out of every answer: call it when its raw events are gone and none can come
    /// any more. May be done again at any time. Days are rewritten without it where they lie, so that
    /// also those without raw events lose it.
    ///
    /// # Errors
    /// A file cannot be read or written; what was done so far stays done.
    pub fn forget(&self, project: ProjectNumber, install: u32) -> Result<(), Error> {
        self.inner.forget(&self.inner.project(project), install)
    }

    /// Derives a project, or all, anew from raw events. Days older than the oldest raw event are
    /// kept as they are.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn rebuild(&self, project: Option<ProjectNumber>) -> Result<(), Error> {
        let mut numbers = self.inner.store.projects_with_rows()?;
        numbers.retain(|&number| project.is_none_or(|wanted| wanted == number));
        for number in numbers {
            let project = self.inner.project(number);
            self.inner.rebuild(&project)?;
            self.inner.settle(&project, upkeep::EVER)?;
        }
        self.compact()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.inner.ending.store(true, Ordering::Relaxed);
        if let Some(upkeep) = self.upkeep.take() {
            upkeep.thread().unpark();
            if upkeep.join().is_err() {
                tracing::error!("the upkeep of the index ended in a panic");
            }
        }
    }
}

fn start_upkeep(inner: Arc<Inner>, every: Duration) -> Result<JoinHandle<()>, Error> {
    let work = move || {
        while !inner.is_ending() {
            thread::park_timeout(every);
            if inner.is_ending() {
                break;
            }
            if let Err(error) = inner.tend(inner.config.idle) {
                tracing::error!(%error, "the upkeep of the index failed; it will be tried again");
            }
        }
    };
    thread::Builder::new()
        .name("index".to_owned())
        .spawn(work)
        .map_err(Error::io(Path::new("thread index")))
}

impl Inner {
    fn load(&self) -> Result<(), Error> {
        let numbers = self.store.projects_with_rows()?;
        if self.shelf.is_foreign()? {
            let mut all = Vec::new();
            for &number in &numbers {
                let days = self.store.days(number)?;
                all.extend(days.into_iter().map(|day| (number, day)));
            }
            self.shelf.start_over(&all)?;
        }
        for (name, blobs) in self.shelf.directory()? {
            self.project(name.project).write().put_on_shelf(name, blobs);
        }
        for (number, day) in self.shelf.pending()? {
            self.project(number).write().make_stale(day, 0);
        }
        for dirty in self.store.dirty_days()? {
            let project = self.project(dirty.project);
            project.write().make_stale(dirty.day, dirty.seq);
        }
        let projects: Vec<Arc<Project>> = self.projects().values().cloned().collect();
        for project in projects {
            let days = self.store.first_days(project.number)?;
            let mut timeline = project.write();
            for (install, day) in (0..).zip(days) {
                timeline.note_first(install, day);
            }
        }
        Ok(())
    }

    fn retrying<T>(&self, ask: impl Fn(&Self) -> Result<T, Error>) -> Result<T, Error> {
        for _ in 1..ATTEMPTS {
            match ask(self) {
                Err(Error::Vanished) => {}
                done => return done,
            }
        }
        ask(self)
    }

    /// The days of a range as they are now; stale ones are derived first.
    fn snapshot(
        &self,
        number: ProjectNumber,
        range: DayRange,
        with_first_days: bool,
    ) -> Result<Snapshot<'_>, Error> {
        let project = self.project(number);
        loop {
            self.settle(&project, range)?;
            let timeline = project.read();
            // A late event may have made a day stale again.
            if timeline.next_stale(range).is_some() {
                continue;
            }
            let (days, rollups) = timeline.read(range);
            let first = if with_first_days {
                timeline.first_days()
            } else {
                BTreeMap::new()
            };
            return Ok(Snapshot {
                shelf: &self.shelf,
                days,
                rollups,
                first,
                first_moves: timeline.first_moves(),
            });
        }
    }

    fn project(&self, number: ProjectNumber) -> Arc<Project> {
        if let Some(project) = self.projects().get(&number) {
            return Arc::clone(project);
        }
        let mut projects = self
            .projects
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let project = projects.entry(number).or_insert_with(|| {
            Arc::new(Project {
                number,
                timeline: RwLock::default(),
                deriving: Mutex::default(),
            })
        });
        Arc::clone(project)
    }

    fn projects(&self) -> RwLockReadGuard<'_, HashMap<ProjectNumber, Arc<Project>>> {
        self.projects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

impl Project {
    fn read(&self) -> RwLockReadGuard<'_, Timeline> {
        self.timeline.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Timeline> {
        self.timeline
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
