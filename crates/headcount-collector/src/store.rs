//! The rows the store keeps, dictionary-encoded. Shared by writer, index and rebuild; no SQL here.

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
