//! Raw events of a project piece by piece. Each piece is a short read, so that nothing holds the log up.

use std::collections::hash_map::Entry;
use std::vec::IntoIter;

use rustc_hash::FxHashMap;

use super::line::{COLUMNS, Line};
use crate::error::Error;
use crate::query::DayRange;
use crate::store::{Day, ProjectNumber, Row, Store};

/// Events of one piece.
const PIECE_ROWS: usize = 2_000;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line; `import` reads it.
    Ndjson,
    /// RFC 4180, with a line of names first.
    Csv,
}

impl Format {
    /// The format of that name.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "ndjson" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// Content type of an answer in this format.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// Ending of a file name.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

/// An export under way.
pub struct Export {
    store: Store,
    project: ProjectNumber,
    format: Format,
    days: IntoIter<Day>,
    /// The day that is being read, and the last `seq` of it that was written.
    at: Option<(Day, i64)>,
    begun: bool,
    /// Events written so far.
    pub events: u64,
}

impl Export {
    /// All events of a project whose days lie in a range, in order of day, then of arrival.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn new(
        store: &Store,
        project: ProjectNumber,
        format: Format,
        range: DayRange,
    ) -> Result<Self, Error> {
        let mut days = store.days(project)?;
        days.retain(|day| (range.from..=range.to).contains(day));
        Ok(Self {
            store: store.clone(),
            project,
            format,
            days: days.into_iter(),
            at: None,
            begun: false,
            events: 0,
        })
    }

    /// The next piece; `None` after the last.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut piece = Vec::new();
        if !self.begun && self.format == Format::Csv {
            piece.extend_from_slice(COLUMNS.as_bytes());
        }
        self.begun = true;
        loop {
            let Some((day, seq)) = self.at.or_else(|| Some((self.days.next()?, i64::MIN))) else {
                return Ok((!piece.is_empty()).then_some(piece));
            };
            let rows = self.store.rows_after(self.project, day, seq, PIECE_ROWS)?;
            let last = rows.last().map(|row| (day, row.seq));
            self.at = last.filter(|_| rows.len() == PIECE_ROWS);
            // The command line exports beside the process that writes.
            self.store.catch_up()?;
            self.write(&rows, &mut piece)?;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    fn write(&mut self, rows: &[Row], piece: &mut Vec<u8>) -> Result<(), Error> {
        let mut names: FxHashMap<u32, Option<String>> = FxHashMap::default();
        for row in rows {
            let name = match names.entry(row.install) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    place.insert(self.store.install_name(self.project, row.install)?)
                }
            };
            // Without a name the install is being erased.
            let Some(name) = name else {
                continue;
            };
            let line = Line::of(row, name, &self.store);
            match self.format {
                Format::Ndjson => line.write_json(piece),
                Format::Csv => line.write_csv(piece),
            }
            self.events += 1;
        }
        Ok(())
    }
}
