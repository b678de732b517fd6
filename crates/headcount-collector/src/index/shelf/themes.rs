//! Facts of a few themes, read without those of all others.

use std::sync::Arc;

use super::super::blob::assemble;
use super::super::cache::{Held, Key};
use super::super::facts::Themes;
use super::super::part::{Kind, Part};
use super::{Blobs, Shelf, exists, read_pieces};
use crate::error::Error;

impl Shelf {
    /// Facts of some neighbouring themes.
    ///
    /// # Errors
    /// As `part`.
    pub(in crate::index) fn of_themes(
        &self,
        blobs: &Blobs,
        kind: Kind,
        (first, last): Themes,
    ) -> Result<Part, Error> {
        const SQL: &str = "
            SELECT value, content
            FROM pieces
            WHERE part = ?1 AND value BETWEEN ?2 AND ?3
            ORDER BY value";
        let Some(id) = blobs.ids[kind as usize] else {
            return Ok(Part::empty(kind));
        };
        let key = Key::Themes(id, first, last);
        if let Some(Held::Part(part)) = self.cache.find(&key) {
            return Ok(part);
        }
        if let Some(Held::Part(Part::Facts(all))) = self.cache.find(&Key::Part(id)) {
            let from = all.partition_point(|(theme, _)| *theme < first);
            let to = all.partition_point(|(theme, _)| *theme <= last);
            return Ok(Part::Facts(Arc::new(all[from..to].to_vec())));
        }
        let part = self.read(|connection| {
            let bounds = [id, first.cast_signed(), last.cast_signed()];
            let pieces = read_pieces(connection, kind, SQL, &bounds)?;
            if pieces.is_empty() && !exists(connection, id)? {
                return Err(Error::Vanished);
            }
            assemble(kind, pieces)
        })?;
        self.cache.keep(key, &Held::Part(part.clone()));
        Ok(part)
    }
}
