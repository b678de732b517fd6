//! Closed stretches: their parts in `index.sqlite`, read through a cache. SQL of the index is here.

mod kept;
mod themes;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::blob::{EXACT, FORMAT, Piece, TOLD, assemble, decode, encode, missing};
use super::cache::{Cache, Held, Key};
use super::calendar::Span;
use super::facts::Facts;
use super::part::{Kind, OfValue, Part, Sets, Shape};
use crate::error::Error;
use crate::sqlite;
use crate::store::{Day, ProjectNumber, Sym};

const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_pieces.sql"),
];

/// A bitmap of some 100,000 installs lies in one page, and large facts in few.
const PAGE_BYTES: i64 = 16 * 1024;

/// Idle connections kept for reading; more are opened under load and closed again.
const IDLE_READERS: usize = 4;

/// The pieces of sets that a question needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pick<'a> {
    pub(super) told: bool,
    /// Ascending.
    pub(super) values: &'a [u64],
    /// Buckets of sizes among `values` of which the numbers are needed too.
    pub(super) exact: &'a [u64],
}

/// Where the parts of a closed stretch lie; `None` for those with nothing in them.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    ids: [Option<i64>; Kind::ALL.len()],
}

impl Blobs {
    /// Whether the stretch has no events.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.iter().all(Option::is_none)
    }

    /// Names the stretch as it is: no other has this id, nor the same one when it is made anew.
    pub(super) fn id(&self) -> Option<i64> {
        self.ids[Kind::Active as usize]
    }

    /// Whether the stretch has anything of this kind.
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.ids[kind as usize].is_some()
    }
}

/// A stretch by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) project: ProjectNumber,
    pub(super) span: Span,
    pub(super) first_day: Day,
}

/// The file and its cache.
#[derive(Debug)]
pub(super) struct Shelf {
    path: PathBuf,
    /// Used by whoever holds the upkeep lock.
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    cache: Cache,
}

fn span_number(span: Span) -> i64 {
    match span {
        Span::Day => 0,
        Span::Week => 1,
        Span::Month => 2,
    }
}

fn span_of(number: i64) -> Result<Span, Error> {
    match number {
        0 => Ok(Span::Day),
        1 => Ok(Span::Week),
        2 => Ok(Span::Month),
        _ => Err(Error::Damaged(format!("span {number} of the index"))),
    }
}

impl Shelf {
    pub(super) fn open(path: &Path, cache_bytes: usize) -> Result<Self, Error> {
        // Full: the note that a day is behind is removed from the store after the parts are committed.
        let writer = sqlite::open(path, MIGRATIONS)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
            cache: Cache::new(cache_bytes),
        })
    }

    /// A part of a closed stretch.
    ///
    /// # Errors
    /// `Vanished` if the stretch was made anew since its `Blobs` were looked up.
    pub(super) fn part(&self, blobs: &Blobs, kind: Kind) -> Result<Part, Error> {
        let Some(id) = blobs.ids[kind as usize] else {
            return Ok(Part::empty(kind));
        };
        if let Some(Held::Part(part)) = self.cache.find(&Key::Part(id)) {
            return Ok(part);
        }
        let part = self.fetch(id, kind)?;
        self.cache.keep(Key::Part(id), &Held::Part(part.clone()));
        Ok(part)
    }

    /// A part of sets of which only some is needed; `told` is empty where it was not.
    ///
    /// # Errors
    /// As `part`.
    pub(super) fn pick(
        &self,
        blobs: &Blobs,
        kind: Kind,
        pick: Pick<'_>,
    ) -> Result<Arc<Sets>, Error> {
        let Some(id) = blobs.ids[kind as usize] else {
            return Ok(Arc::default());
        };
        if let Some(Held::Part(Part::Sets(whole))) = self.cache.find(&Key::Part(id)) {
            return Ok(whole);
        }
        if let [first, .., last] = pick.values
            && kind.shape() == Shape::Size
        {
            self.read_buckets((id, kind), (*first, *last))?;
        }
        let told = pick.told.then_some(TOLD);
        let exact = pick.exact.iter().map(|value| EXACT | value);
        let names: Vec<u64> = told
            .into_iter()
            .chain(pick.values.iter().copied())
            .chain(exact)
            .collect();
        let mut sets = Sets::default();
        for (name, piece) in names.iter().zip(self.pieces((id, kind), &names)?) {
            match piece {
                Piece::Installs(told) if *name == TOLD => sets.told = told,
                Piece::Installs(installs) if !installs.is_empty() => sets.values.push(OfValue {
                    value: *name,
                    installs,
                    exact: None,
                }),
                Piece::Numbers(numbers) => {
                    let mut values = sets.values.iter_mut();
                    if let Some(bucket) = values.find(|of| of.value | EXACT == *name) {
                        bucket.exact = Some(numbers);
                    }
                }
                Piece::Installs(_) | Piece::Facts(_) => {}
            }
        }
        Ok(Arc::new(sets))
    }

    /// Brings neighbouring buckets of sizes into the cache in one go.
    fn read_buckets(
        &self,
        (id, kind): (i64, Kind),
        (first, last): (u64, u64),
    ) -> Result<(), Error> {
        const SQL: &str = "
            SELECT value, content
            FROM pieces
            WHERE part = ?1 AND value BETWEEN ?2 AND ?3";
        if self.cache.find(&Key::Piece(id, first)).is_some() {
            return Ok(());
        }
        self.read(|connection| {
            let bounds = [id, first.cast_signed(), last.cast_signed()];
            for (name, piece) in read_pieces(connection, kind, SQL, &bounds)? {
                self.cache.keep(Key::Piece(id, name), &Held::Piece(piece));
            }
            Ok(())
        })
    }

    /// Facts of one version, where a stretch keeps them apart; `None` where it does not.
    ///
    /// # Errors
    /// As `part`.
    pub(super) fn of_version(
        &self,
        blobs: &Blobs,
        kind: Kind,
        version: Sym,
    ) -> Result<Option<Arc<Facts>>, Error> {
        let Some(id) = blobs.ids[kind as usize] else {
            return Ok(None);
        };
        match self.pieces((id, kind), &[u64::from(version.0)])?.pop() {
            Some(Piece::Facts(facts)) => Ok(Some(facts)),
            Some(Piece::Installs(_) | Piece::Numbers(_)) | None => Ok(None),
        }
    }

    /// Some pieces of a part, in the order they are asked for.
    fn pieces(&self, (id, kind): (i64, Kind), names: &[u64]) -> Result<Vec<Piece>, Error> {
        let kept = |&name: &u64| match self.cache.find(&Key::Piece(id, name)) {
            Some(Held::Piece(piece)) => Some(piece),
            _ => None,
        };
        let kept: Vec<Option<Piece>> = names.iter().map(kept).collect();
        if let Some(kept) = kept.iter().cloned().collect() {
            return Ok(kept);
        }
        let read = |connection: &Connection| {
            let piece = |(&name, kept): (&u64, Option<Piece>)| match kept {
                Some(piece) => Ok(piece),
                None => self.read_piece(connection, (id, kind), name),
            };
            names.iter().zip(kept).map(piece).collect()
        };
        self.read(|connection| match names {
            [_] => read(connection),
            _ => at_once(connection, read),
        })
    }

    fn read_piece(
        &self,
        connection: &Connection,
        (id, kind): (i64, Kind),
        name: u64,
    ) -> Result<Piece, Error> {
        const SQL: &str = "SELECT content FROM pieces WHERE part = ?1 AND value = ?2";
        let mut statement = connection.prepare_cached(SQL)?;
        let mut rows = statement.query([id, name.cast_signed()])?;
        let piece = match rows.next()? {
            Some(row) => {
                let content = row.get_ref(0)?.as_blob();
                let content = content.map_err(|error| Error::Damaged(error.to_string()))?;
                decode(kind, name, content)?
            }
            None if exists(connection, id)? => missing(kind, name),
            None => return Err(Error::Vanished),
        };
        let held = Held::Piece(piece.clone());
        self.cache.keep(Key::Piece(id, name), &held);
        Ok(piece)
    }

    /// A part for one pass over many, which would only push others out of the cache.
    pub(super) fn part_uncached(&self, blobs: &Blobs, kind: Kind) -> Result<Part, Error> {
        let id = blobs.ids[kind as usize];
        id.map_or_else(|| Ok(Part::empty(kind)), |id| self.fetch(id, kind))
    }

    fn fetch(&self, id: i64, kind: Kind) -> Result<Part, Error> {
        const SQL: &str = "SELECT value, content FROM pieces WHERE part = ?1 ORDER BY value";
        self.read(|connection| {
            let pieces = read_pieces(connection, kind, SQL, &[id])?;
            if pieces.is_empty() {
                return Err(Error::Vanished);
            }
            assemble(kind, pieces)
        })
    }

    /// Every closed stretch.
    pub(super) fn directory(&self) -> Result<Vec<(Name, Blobs)>, Error> {
        const SQL: &str = "
            SELECT project, span, first_day, kind, id
            FROM parts
            ORDER BY project, span, first_day, kind";
        let mut found: Vec<(Name, Blobs)> = Vec::new();
        self.read(|connection| {
            let mut statement = connection.prepare(SQL)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let name = Name {
                    project: ProjectNumber(row.get(0)?),
                    span: span_of(row.get(1)?)?,
                    first_day: Day(row.get(2)?),
                };
                if found.last().is_none_or(|last| last.0 != name) {
                    found.push((name, Blobs::default()));
                }
                let kind = usize::from(row.get::<_, u8>(3)?);
                let slot = found.last_mut().and_then(|last| last.1.ids.get_mut(kind));
                *slot.ok_or_else(|| Error::Damaged(format!("kind {kind} of the index")))? =
                    Some(row.get(4)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Days that were noted here to be derived.
    pub(super) fn pending(&self) -> Result<Vec<(ProjectNumber, Day)>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT project, day FROM pending")?;
            let rows = statement
                .query_map([], |row| Ok((ProjectNumber(row.get(0)?), Day(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Whether the file lacks days it was never told of, or is of another format.
    pub(super) fn is_foreign(&self) -> Result<bool, Error> {
        self.read(|connection| {
            let format: Option<i64> = connection
                .query_row("SELECT format FROM format", [], |row| row.get(0))
                .optional()?;
            Ok(format != Some(FORMAT))
        })
    }

    /// Begins with nothing but the days to be derived.
    pub(super) fn start_over(&self, days: &[(ProjectNumber, Day)]) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM pieces", [])?;
            transaction.execute("DELETE FROM parts", [])?;
            Ok(())
        })?;
        self.resize_pages()?;
        self.write(|transaction| {
            transaction.execute("DELETE FROM pending", [])?;
            transaction.execute("DELETE FROM format", [])?;
            transaction.execute("INSERT INTO format (id, format) VALUES (0, ?1)", [FORMAT])?;
            note(transaction, days)
        })
    }

    /// The size of pages can only be changed while there is no log and all is written anew.
    fn resize_pages(&self) -> Result<(), Error> {
        self.readers().clear();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.pragma_update(None, "journal_mode", "delete")?;
        writer.pragma_update(None, "page_size", PAGE_BYTES)?;
        writer.execute_batch("VACUUM")?;
        Ok(writer.pragma_update(None, "journal_mode", "wal")?)
    }

    /// Notes days to be derived.
    pub(super) fn note_pending(&self, days: &[(ProjectNumber, Day)]) -> Result<(), Error> {
        self.write(|transaction| note(transaction, days))
    }

    /// Puts the parts of a stretch in place of those it had.
    pub(super) fn put(
        transaction: &Transaction<'_>,
        name: Name,
        parts: &[(Kind, Part)],
    ) -> Result<Blobs, Error> {
        Self::remove(transaction, name)?;
        let mut blobs = Blobs::default();
        let mut of_part = transaction.prepare_cached(
            "INSERT INTO parts (project, span, first_day, kind) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut of_piece = transaction
            .prepare_cached("INSERT INTO pieces (part, value, content) VALUES (?1, ?2, ?3)")?;
        for (kind, part) in parts {
            let pieces = encode(part);
            if pieces.is_empty() {
                continue;
            }
            let id = of_part.insert(params![
                name.project.0,
                span_number(name.span),
                name.first_day.0,
                *kind as u8,
            ])?;
            for (value, content) in pieces {
                of_piece.execute(params![id, value.cast_signed(), content])?;
            }
            blobs.ids[*kind as usize] = Some(id);
        }
        Ok(blobs)
    }

    /// Removes a stretch.
    pub(super) fn remove(transaction: &Transaction<'_>, name: Name) -> Result<(), Error> {
        let stretch = params![name.project.0, span_number(name.span), name.first_day.0];
        transaction
            .prepare_cached(
                "DELETE FROM pieces WHERE part IN \
                 (SELECT id FROM parts WHERE project = ?1 AND span = ?2 AND first_day = ?3)",
            )?
            .execute(stretch)?;
        transaction
            .prepare_cached(
                "DELETE FROM parts WHERE project = ?1 AND span = ?2 AND first_day = ?3",
            )?
            .execute(stretch)?;
        Ok(())
    }

    /// Removes a day's note.
    pub(super) fn settle(
        transaction: &Transaction<'_>,
        project: ProjectNumber,
        day: Day,
    ) -> Result<(), Error> {
        transaction
            .prepare_cached("DELETE FROM pending WHERE project = ?1 AND day = ?2")?
            .execute(params![project.0, day.0])?;
        Ok(())
    }

    /// One transaction.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction()?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let idle = self.readers().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => sqlite::open_reader(&self.path)?,
        };
        let done = work(&connection);
        let mut readers = self.readers();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        done
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads in one transaction: to begin one costs about as much as to read a small piece.
fn at_once<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let done = work(connection);
    connection.prepare_cached("ROLLBACK")?.execute([])?;
    done
}

/// Whether a part is there as it was looked up.
fn exists(connection: &Connection, id: i64) -> Result<bool, Error> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM parts WHERE id = ?1)")?;
    Ok(statement.query_row([id], |row| row.get(0))?)
}

/// The pieces that a statement gives, with their names.
fn read_pieces(
    connection: &Connection,
    kind: Kind,
    sql: &str,
    parameters: &[i64],
) -> Result<Vec<(u64, Piece)>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut pieces = Vec::new();
    while let Some(row) = rows.next()? {
        let name = row.get::<_, i64>(0)?.cast_unsigned();
        let content = row.get_ref(1)?.as_blob();
        let content = content.map_err(|error| Error::Damaged(error.to_string()))?;
        pieces.push((name, decode(kind, name, content)?));
    }
    Ok(pieces)
}

fn note(transaction: &Transaction<'_>, days: &[(ProjectNumber, Day)]) -> Result<(), Error> {
    let mut statement = transaction
        .prepare_cached("INSERT OR IGNORE INTO pending (project, day) VALUES (?1, ?2)")?;
    for (project, day) in days {
        statement.execute(params![project.0, day.0])?;
    }
    Ok(())
}
