//! Closed stretches: their parts in `index.sqlite`, read through a cache. SQL of the index is here.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roaring::RoaringBitmap;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::blob::{FORMAT, HEAD_BYTES, bitmap, decode, directory, directory_bytes, encode};
use super::cache::Cache;
use super::calendar::Span;
use super::facts::Facts;
use super::part::{Kind, Part, Sets};
use crate::error::Error;
use crate::sqlite;
use crate::store::{Day, ProjectNumber};

const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// Idle connections kept for reading; more are opened under load and closed again.
const IDLE_READERS: usize = 4;

/// Parts up to this size are read whole: one read costs about as much as finding a piece.
const WHOLE_BYTES: usize = 32 * 1024;

/// Stands in the cache for who told any value; no value is as large.
const TOLD: u64 = u64::MAX;

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
            return Ok(empty(kind));
        };
        if let Some(part) = self.cache.find((id, None)) {
            return Ok(part);
        }
        let part = self.fetch(id, kind)?;
        self.cache.keep((id, None), &part);
        Ok(part)
    }

    /// A part of sets with only some of its values, read by themselves where the whole is large.
    ///
    /// # Errors
    /// As `part`.
    pub(super) fn pick(
        &self,
        blobs: &Blobs,
        kind: Kind,
        values: &[u64],
    ) -> Result<Arc<Sets>, Error> {
        let Some(id) = blobs.ids[kind as usize] else {
            return Ok(Arc::default());
        };
        if let Some(Part::Sets(whole)) = self.cache.find((id, None)) {
            return Ok(whole);
        }
        let known: Option<Vec<Part>> = [TOLD]
            .iter()
            .chain(values)
            .map(|&value| self.cache.find((id, Some(value))))
            .collect();
        let parts = match known {
            Some(parts) => parts,
            None => match self.fetch_values(id, values)? {
                Some(parts) => parts,
                None => {
                    let part = self.fetch(id, kind)?;
                    self.cache.keep((id, None), &part);
                    let Part::Sets(whole) = part else {
                        return Err(Error::Damaged(format!("{kind:?} of the index")));
                    };
                    return Ok(whole);
                }
            },
        };
        let mut bitmaps = parts.iter().map(|part| match part {
            Part::Sets(sets) => sets.told.clone(),
            Part::Facts(_) => RoaringBitmap::new(),
        });
        let told = bitmaps.next().unwrap_or_default();
        let mut values: Vec<(u64, RoaringBitmap)> = values.iter().copied().zip(bitmaps).collect();
        values.sort_unstable_by_key(|entry| entry.0);
        Ok(Arc::new(Sets {
            told,
            values,
            exact: Vec::new(),
        }))
    }

    /// Who told any value, then the installs of each value, each as a part of its own; `None` for a
    /// part so small that it is better read whole.
    fn fetch_values(&self, id: i64, values: &[u64]) -> Result<Option<Vec<Part>>, Error> {
        let bitmaps = self.read(|connection| {
            let blob = connection
                .blob_open("main", "parts", "content", id, true)
                .map_err(|_| Error::Vanished)?;
            if blob.len() < WHOLE_BYTES {
                return Ok(None);
            }
            let read = |at: Range<usize>| -> Result<Vec<u8>, Error> {
                let mut bytes = vec![0; at.len()];
                blob.read_at_exact(&mut bytes, at.start)?;
                Ok(bytes)
            };
            let mut head = [0; HEAD_BYTES];
            blob.read_at_exact(&mut head, 0)?;
            let directory = directory(&read(0..directory_bytes(head).min(blob.len()))?)?;
            let mut bitmaps = vec![bitmap(&read(directory.told)?)?];
            for value in values {
                let found = directory
                    .values
                    .binary_search_by_key(value, |entry| entry.0);
                bitmaps.push(match found {
                    Ok(at) => bitmap(&read(directory.values[at].1.clone())?)?,
                    Err(_) => RoaringBitmap::new(),
                });
            }
            Ok(Some(bitmaps))
        })?;
        let Some(bitmaps) = bitmaps else {
            return Ok(None);
        };
        let keys = [TOLD].into_iter().chain(values.iter().copied());
        let parts = keys.zip(bitmaps).map(|(value, told)| {
            let sets = Sets {
                told,
                ..Sets::default()
            };
            let part = Part::Sets(Arc::new(sets));
            self.cache.keep((id, Some(value)), &part);
            part
        });
        Ok(Some(parts.collect()))
    }

    /// A part for one pass over many, which would only push others out of the cache.
    pub(super) fn part_uncached(&self, blobs: &Blobs, kind: Kind) -> Result<Part, Error> {
        let id = blobs.ids[kind as usize];
        id.map_or_else(|| Ok(empty(kind)), |id| self.fetch(id, kind))
    }

    fn fetch(&self, id: i64, kind: Kind) -> Result<Part, Error> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT content FROM parts WHERE id = ?1")?;
            let mut rows = statement.query([id])?;
            let row = rows.next()?.ok_or(Error::Vanished)?;
            let content = row.get_ref(0)?.as_blob();
            decode(
                kind,
                content.map_err(|error| Error::Damaged(error.to_string()))?,
            )
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
            transaction.execute("DELETE FROM parts", [])?;
            transaction.execute("DELETE FROM pending", [])?;
            transaction.execute("DELETE FROM format", [])?;
            transaction.execute("INSERT INTO format (id, format) VALUES (0, ?1)", [FORMAT])?;
            note(transaction, days)
        })
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
        let mut statement = transaction.prepare_cached(
            "INSERT INTO parts (project, span, first_day, kind, content) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (kind, part) in parts {
            let Some(content) = encode(part) else {
                continue;
            };
            blobs.ids[*kind as usize] = Some(statement.insert(params![
                name.project.0,
                span_number(name.span),
                name.first_day.0,
                *kind as u8,
                content
            ])?);
        }
        Ok(blobs)
    }

    /// Removes a stretch.
    pub(super) fn remove(transaction: &Transaction<'_>, name: Name) -> Result<(), Error> {
        let mut statement = transaction.prepare_cached(
            "DELETE FROM parts WHERE project = ?1 AND span = ?2 AND first_day = ?3",
        )?;
        let span = span_number(name.span);
        statement.execute(params![name.project.0, span, name.first_day.0])?;
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

/// A part with nothing in it.
fn empty(kind: Kind) -> Part {
    if kind.has_facts() {
        Part::Facts(Facts::default().into())
    } else {
        Part::Sets(Sets::default().into())
    }
}

fn note(transaction: &Transaction<'_>, days: &[(ProjectNumber, Day)]) -> Result<(), Error> {
    let mut statement = transaction
        .prepare_cached("INSERT OR IGNORE INTO pending (project, day) VALUES (?1, ?2)")?;
    for (project, day) in days {
        statement.execute(params![project.0, day.0])?;
    }
    Ok(())
}
