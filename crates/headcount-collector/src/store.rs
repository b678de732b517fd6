//! The rows the store keeps, dictionary-encoded, and the store itself. SQL lives below, in `store/`.

mod dictionary;
mod entry;
mod flagged;
mod forget;
mod insert;
mod interner;
mod read;
mod row;
mod schema;
mod statements;
#[cfg(test)]
mod tests;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::sqlite;
use dictionary::Dictionary;

pub use entry::{Accepted, Entry, EntryBody};
pub use flagged::{Flagged, Hit, Loss, Minute, Verdict};
pub use forget::{Asking, Forget};
pub(crate) use insert::Inserter;
pub use insert::{Parcel, Receipt};

/// A text of the dictionary. `Sym::EMPTY` stands for the empty text and for "not told".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sym(pub u32);

impl Sym {
    /// The empty text.
    pub const EMPTY: Self = Self(0);
}

/// A day in UTC: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i32);

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

impl Day {
    /// First day of an install none of whose events were kept (all were duplicates of another's).
    pub const NEVER: Self = Self(i32::MAX);

    /// The day of a moment in Unix milliseconds.
    #[must_use]
    pub fn of_ms(at_ms: i64) -> Self {
        let day = at_ms.div_euclid(DAY_MS);
        Self(i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Its first moment in Unix milliseconds.
    #[must_use]
    pub fn start_ms(self) -> i64 {
        i64::from(self.0) * DAY_MS
    }
}

/// Number of a project inside the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectNumber(pub u32);

/// The wire an event came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Measurement Protocol v1.
    Universal,
    /// GA4 Measurement Protocol.
    Ga4,
    /// The native batch API.
    Native,
}

/// One accepted event as it is stored: everything textual is a `Sym`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub project: ProjectNumber,
    /// Day of `at_ms`.
    pub day: Day,
    /// Grows with every row of the store: the order of arrival.
    pub seq: i64,
    /// Set on wires with event ids; unique per project.
    pub event_id: Option<[u8; 16]>,
    /// Installs are numbered from 0 per project in order of first sight.
    pub install: u32,
    /// When it happened, Unix milliseconds, after clock correction.
    pub at_ms: i64,
    /// When it came, Unix milliseconds.
    pub received_ms: i64,
    pub wire: Wire,
    /// App version of the install, `EMPTY` when not told.
    pub version: Sym,
    /// Deployment kind, `EMPTY` when not told.
    pub deployment: Sym,
    /// JSON object of other runtime facts, `EMPTY` when there are none.
    pub runtime: Sym,
    pub body: RowBody,
}

/// The part of a row that depends on the kind of event.
#[derive(Clone, Debug, PartialEq)]
pub enum RowBody {
    Stats {
        users: Option<u64>,
        tokens: Option<u64>,
        addons: Option<u64>,
        apps: Vec<(Sym, Sym)>,
    },
    Task {
        namespace: Sym,
        task: Sym,
        result: Sym,
        label: Sym,
        value: Option<f64>,
        count: u32,
    },
    Stat {
        namespace: Sym,
        task: Sym,
        label: Sym,
        value: f64,
    },
    Page {
        path: Sym,
        title: Sym,
        locale: Sym,
        browser: Sym,
        os: Sym,
    },
}

/// A day whose index is behind, and the last `seq` that touched it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirtyDay {
    pub project: ProjectNumber,
    pub day: Day,
    pub seq: i64,
}

/// Name of the file inside the data folder.
const FILE: &str = "store.sqlite";

/// The raw events with their dictionary. Cheap to clone; any thread may read. There is one writer.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    dictionary: Dictionary,
    /// Idle connections for reading.
    readers: Mutex<Vec<Connection>>,
    /// The idle connection for upkeep; events have a connection of their own.
    editor: Mutex<Option<Connection>>,
    recent: flagged::Recent,
    /// The first day of each project whose raw rows are kept, where any were removed.
    horizons: RwLock<FxHashMap<ProjectNumber, Day>>,
}

/// Idle connections kept open; more are opened under load and closed again.
const IDLE_READERS: usize = 8;

impl Store {
    /// Opens or makes the store in a data folder that exists.
    ///
    /// # Errors
    /// The file cannot be opened or was written by a newer program.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let connection = sqlite::open(&path, schema::MIGRATIONS)?;
        let dictionary = Dictionary::load(&connection)?;
        let recent = flagged::Recent::default();
        let horizons = RwLock::new(upkeep::horizons(&connection)?);
        Ok(Self {
            inner: Arc::new(Inner {
                path,
                dictionary,
                readers: Mutex::new(Vec::new()),
                editor: Mutex::new(Some(connection)),
                recent,
                horizons,
            }),
        })
    }

    /// The text behind a symbol; empty for one that was never given out.
    #[must_use]
    pub fn text(&self, sym: Sym) -> Arc<str> {
        self.inner.dictionary.text(sym)
    }

    /// Learns texts that another process committed since this one opened the store; call it between reading rows
    /// and asking for their texts, where this process is not the one that writes.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn catch_up(&self) -> Result<(), Error> {
        self.read(|connection| self.inner.dictionary.catch_up(connection))
    }

    /// The symbol of a text, `None` if no row has it.
    #[must_use]
    pub fn sym(&self, text: &str) -> Option<Sym> {
        self.inner.dictionary.sym(text)
    }

    /// A connection of its own for writing; SQLite lets one of them write at a time.
    pub(crate) fn connect(&self) -> Result<Connection, Error> {
        sqlite::open(&self.inner.path, schema::MIGRATIONS)
    }

    /// Runs `work` on a connection for reading.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let idle = self.readers().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => sqlite::open_reader(&self.inner.path)?,
        };
        let result = work(&connection);
        let mut readers = self.readers();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Runs `work` on a connection for writing that is not the one of events.
    fn edit<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        let editor = &self.inner.editor;
        let idle = editor.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = work(&mut connection);
        *editor.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        result
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A connection is taken out before use, so a panic leaves nothing half done in the list.
        self.inner
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
