//! What pages of charts share in asking: their own numbers and what the filter menu offers, for the
//! choices in the address.

use super::desk::Desk;
use super::overview::data::Span;
use super::overview::state::State;
use super::overview::tools::{self, Offer};
use crate::reports::{ReportError, Source, calendar};

/// The choices of a page and what was found for them.
pub(super) struct Asked<D> {
    pub(super) state: State,
    pub(super) span: Span,
    pub(super) data: D,
    pub(super) offers: Vec<Offer>,
}

impl<D> Asked<D> {
    /// Asks for a page's numbers; `None` before the first hit.
    ///
    /// # Errors
    /// As `numbers`, or the data cannot be read.
    pub(super) fn gather(
        desk: &Desk,
        state: State,
        numbers: impl FnOnce(&Source<'_>, &State, Span) -> Result<D, ReportError>,
    ) -> Result<Option<Box<Self>>, ReportError> {
        let Some(first) = desk.first_day() else {
            return Ok(None);
        };
        let span = Span::new(first, calendar::day_of_ms(desk.now_ms));
        let (data, offers) = desk.ask(|source| {
            let data = numbers(source, &state, span)?;
            Ok((data, tools::asked_offers(source, &state, span.last)?))
        })?;
        Ok(Some(Box::new(Self {
            state,
            span,
            data,
            offers,
        })))
    }
}
