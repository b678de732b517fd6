//! What can fail inside the collector. Answers to clients are made elsewhere.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the collector's own machinery.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement failed where no better description was at hand.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A statement failed; `what` says at what work.
    #[error("{what}: {source}")]
    Database {
        what: &'static str,
        source: rusqlite::Error,
    },
    /// A database file could not be opened or migrated.
    #[error("opening {}: {source}", path.display())]
    Open {
        path: PathBuf,
        source: rusqlite::Error,
    },
    /// The file was written by a newer program.
    #[error(
        "{} has schema {found}, this program knows schemas up to {known}: run the newer version that wrote it",
        path.display()
    )]
    NewerSchema {
        path: PathBuf,
        found: usize,
        known: usize,
    },
    /// A file or folder could not be used.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// What was read does not fit what is ever written.
    #[error("damaged data: {0}")]
    Damaged(String),
    /// A question that makes no sense; says which.
    #[error("no answer to {0}")]
    Unanswerable(String),
    /// A part of the index was made anew while it was to be read.
    #[error("the index changed too often while it was read")]
    Vanished,
    /// The meta database failed.
    #[error("{0}")]
    Meta(Box<crate::meta::MetaError>),
    /// Events could not be written.
    #[error("{0}")]
    Write(#[from] crate::ingest::writer::WriteError),
    /// A file that is no whole backup; says why.
    #[error("{} is no whole backup: {reason}", path.display())]
    NoBackup { path: PathBuf, reason: String },
    /// What was restored does not give the figures that the backup tells.
    #[error("what was restored differs from what was backed up: {0}")]
    Differs(String),
    /// Settings that do not fit together.
    #[error("settings: {0}")]
    Config(String),
}

impl Error {
    /// For `map_err`: says at what work a statement failed.
    pub(crate) fn at(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Database { what, source }
    }

    /// For `map_err`: what the meta database could not do.
    pub(crate) fn meta(source: crate::meta::MetaError) -> Self {
        Self::Meta(Box::new(source))
    }

    /// For `map_err`: says which file could not be used.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
