//! What can go wrong for those who manage a state folder. Recording never returns one of these.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Result of the functions that manage a state folder.
pub type Result<T> = std::result::Result<T, Error>;

/// What failed, and on what.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file of the state folder cannot be read or written.
    File {
        /// What was being done, for example `reading`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file of the state folder is there but is not what it should be.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The spool's database refused.
    Spool {
        /// The database file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// Another process held the spool for longer than the caller would wait.
    Busy,
    /// A setting has a value that cannot work.
    Setting {
        /// The setting's name.
        field: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// There is no token with this id.
    NoToken(u32),
    /// An event was refused: a field of it has a value that cannot be counted.
    Invalid(String),
}

// Written by hand: a derive would add a crate to every host that links the module.
impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { what, path, source } => write!(out, "{what} {}: {source}", path.display()),
            Self::Damaged { path, reason } => {
                write!(out, "{} is damaged: {reason}", path.display())
            }
            Self::Spool { path, source } => write!(out, "the spool {}: {source}", path.display()),
            Self::Busy => out.write_str("the spool is in use by another process"),
            Self::Setting { field, reason } => write!(out, "{field}: {reason}"),
            Self::NoToken(id) => write!(out, "there is no token {id}"),
            Self::Invalid(reason) => write!(out, "the event is not valid: {reason}"),
        }
    }
}

// The message tells the source too, so none is given: chains would print it twice.
impl std::error::Error for Error {}

/// Adds to an I/O error what was being done to which file.
pub(crate) trait OnPath<T> {
    fn on(self, what: &'static str, path: &Path) -> Result<T>;
}

impl<T> OnPath<T> for io::Result<T> {
    fn on(self, what: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::File {
            what,
            path: path.to_owned(),
            source,
        })
    }
}
