//! Opens SQLite files: WAL, durability, patience with other processes, numbered migrations.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::Error;

/// How long a statement waits for another connection's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens or makes the file and brings it to the newest schema. `migrations` are SQL scripts; each
/// runs once, in order, in its own transaction. A script that was released is never changed.
/// Every commit survives a power cut: also the index must be on disk before its notes in the store go.
///
/// # Errors
/// The file cannot be opened, a script fails, or a newer program wrote the file.
pub(crate) fn open(path: &Path, migrations: &[&str]) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags)?;
    let opening = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    configure(&connection).map_err(opening)?;
    migrate(&mut connection, path, migrations)?;
    Ok(connection)
}

/// Opens a file that `open` made, for reading only.
///
/// # Errors
/// The file is missing or no database.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let connection = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // Opened for writing since a WAL may have to be recovered, but no statement may write.
    connection
        .pragma_update(None, "query_only", true)
        .map_err(|source| Error::Open {
            path: path.to_owned(),
            source,
        })?;
    Ok(connection)
}

/// Writes a copy of a database as it is at one moment to a file that is not there yet. Others may
/// write to the database meanwhile; what was deleted from it is not in the copy.
///
/// # Errors
/// The file is missing or no database, or the copy cannot be written.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(from, flags)?;
    connection
        .execute("VACUUM INTO ?1", [to.to_string_lossy()])
        .map(drop)
        .map_err(Error::at("copying a database"))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let opening = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    let connection = Connection::open_with_flags(path, flags).map_err(opening)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(opening)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")
}

fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), Error> {
    let opening = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    loop {
        // Read inside the transaction: another process may migrate the same file right now.
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(opening)?;
        let version = transaction
            .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
            .map_err(opening)?;
        let version = usize::try_from(version)
            .map_err(|_| Error::Damaged(format!("schema {version} of {}", path.display())))?;
        if version > migrations.len() {
            return Err(Error::NewerSchema {
                path: path.to_owned(),
                found: version,
                known: migrations.len(),
            });
        }
        let Some(script) = migrations.get(version) else {
            return Ok(());
        };
        transaction.execute_batch(script).map_err(opening)?;
        transaction
            .pragma_update(None, "user_version", (version + 1) as i64)
            .map_err(opening)?;
        transaction.commit().map_err(opening)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE a (x INTEGER) STRICT;";
    const SECOND: &str = "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7;";

    #[test]
    fn migrations_run_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.sqlite");
        let connection = open(&path, &[FIRST]).unwrap();
        connection
            .execute("INSERT INTO a (x) VALUES (1)", [])
            .unwrap();
        drop(connection);
        for _ in 0..2 {
            let connection = open(&path, &[FIRST, SECOND]).unwrap();
            let row: (i64, i64) = connection
                .query_row("SELECT x, y FROM a", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .unwrap();
            assert_eq!(row, (1, 7));
        }
        assert!(matches!(
            open(&path, &[FIRST]),
            Err(Error::NewerSchema {
                found: 2,
                known: 1,
                ..
            })
        ));
    }

    #[test]
    fn a_failed_migration_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.sqlite");
        let broken = "CREATE TABLE b (x INTEGER); CREATE TABLE b (x INTEGER);";
        assert!(open(&path, &[FIRST, broken]).is_err());
        let connection = open(&path, &[FIRST, SECOND]).unwrap();
        assert!(connection.prepare("SELECT x FROM b").is_err());
    }

    #[test]
    fn readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.sqlite");
        drop(open(&path, &[FIRST]).unwrap());
        let reader = open_reader(&path).unwrap();
        assert!(reader.execute("INSERT INTO a (x) VALUES (1)", []).is_err());
    }
}
