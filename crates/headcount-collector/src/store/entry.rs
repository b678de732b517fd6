//! What is handed to the store: checked events of one install whose moments are settled.

use std::sync::Arc;

use headcount_protocol::{AppStat, EventId, InstallId, Stats, Task};

use super::{ProjectNumber, Wire};

/// What one install sent in one request, ready to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    pub project: ProjectNumber,
    pub wire: Wire,
    pub received_ms: i64,
    pub install: InstallId,
    /// Empty when not told, as the next two.
    pub version: String,
    pub deployment: String,
    /// JSON object of other runtime facts.
    pub runtime: String,
    pub entries: Vec<Entry>,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: Option<EventId>,
    /// Unix milliseconds, after clock correction.
    pub at_ms: i64,
    pub body: EntryBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryBody {
    Stats(Stats),
    Task(Task),
    Stat(AppStat),
    Page {
        path: String,
        title: String,
        locale: String,
        /// Reduced from the user agent; texts are shared between hits.
        browser: Arc<str>,
        os: Arc<str>,
    },
}
