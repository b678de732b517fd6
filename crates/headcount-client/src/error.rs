//! What can go wrong for those who manage a state folder. Recording never returns one of these.

use std::io;
use std::path::{Path, PathBuf};

/// Result of the functions that manage a state folder.
pub type Result<T> = std::result::Result<T, Error>;

/// What failed, and on what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the state folder cannot be read or written.
    #[error("{what} {path}: {source}")]
    File {
        /// What was being done, for example `reading`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file of the state folder is there but is not what it should be.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The spool's database refused.
    #[error("the spool {path}: {source}")]
    Spool {
        /// The database file.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// Another process held the spool for longer than the caller would wait.
    #[error("the spool is in use by another process")]
    Busy,
    /// A setting has a value that cannot work.
    #[error("{field}: {reason}")]
    Setting {
        /// The setting's name.
        field: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// There is no token with this id.
    #[error("there is no token {0}")]
    NoToken(u32),
    /// An event was refused: a field of it has a value that cannot be counted.
    #[error("the event is not valid: {0}")]
    Invalid(String),
}

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
