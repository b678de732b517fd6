//! What was found for questions about closed stretches, kept in the cache beside their parts.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::super::blob::Piece;
use super::super::cache::{Asked, Held, Key};
use super::super::facts::{Family, Place};
use super::super::rollup::{Group, Table};
use super::Shelf;
use crate::error::Error;
use crate::query::{Answer, Clause, Query};

impl Shelf {
    /// Installs that were found for a question before, or else what `find` finds now.
    ///
    /// # Errors
    /// Those of `find`.
    pub(in crate::index) fn remembered(
        &self,
        asked: Asked<(Vec<Clause>, Option<Family>)>,
        find: impl FnOnce() -> Result<Arc<RoaringBitmap>, Error>,
    ) -> Result<Arc<RoaringBitmap>, Error> {
        let key = Key::Found(Arc::new(asked));
        if let Some(Held::Piece(Piece::Installs(found))) = self.cache.find(&key) {
            return Ok(found);
        }
        let found = find()?;
        self.cache
            .keep(key, &Held::Piece(Piece::Installs(Arc::clone(&found))));
        Ok(found)
    }

    /// Installs that were found for a question before.
    pub(in crate::index) fn recalled(
        &self,
        asked: Asked<(Vec<Clause>, Option<Family>)>,
    ) -> Option<Arc<RoaringBitmap>> {
        match self.cache.find(&Key::Found(Arc::new(asked))) {
            Some(Held::Piece(Piece::Installs(found))) => Some(found),
            _ => None,
        }
    }

    /// Amounts by group, made of finer groups where these were summed before, or else what `sum` gives.
    ///
    /// # Errors
    /// Those of `sum`.
    pub(in crate::index) fn summed(
        &self,
        asked: Asked<(Vec<Clause>, Family)>,
        (places, values): (&[Place], bool),
        sum: impl FnOnce() -> Result<Vec<Group>, Error>,
    ) -> Result<Vec<Group>, Error> {
        let key = Key::Summed(Arc::new(asked));
        if let Some(Held::Table(table)) = self.cache.find(&key)
            && (table.values || !values)
            && let Some(positions) = table.positions(places)
        {
            return Ok(table.by(&positions));
        }
        let groups = sum()?;
        if places.is_empty() {
            return Ok(groups);
        }
        let places = places.to_vec();
        let table = Arc::new(Table {
            places,
            values,
            groups,
        });
        self.cache.keep(key, &Held::Table(Arc::clone(&table)));
        let all: Vec<usize> = (0..table.places.len()).collect();
        Ok(Arc::try_unwrap(table).map_or_else(|table| table.by(&all), |table| table.groups))
    }

    /// An answer that was given before, or else the one that `answer` gives now.
    ///
    /// # Errors
    /// Those of `answer`.
    pub(in crate::index) fn answered(
        &self,
        asked: Asked<Query>,
        answer: impl FnOnce() -> Result<Answer, Error>,
    ) -> Result<Answer, Error> {
        let key = Key::Answered(Arc::new(asked));
        if let Some(Held::Answer(answer)) = self.cache.find(&key) {
            return Ok(answer.as_ref().clone());
        }
        let answer = answer()?;
        self.cache
            .keep(key, &Held::Answer(Arc::new(answer.clone())));
        Ok(answer)
    }
}
