//! Where pages and the API get a `Source` for one project: index, store and clock brought together.

use std::sync::Arc;

use super::error::PageError;
use super::now;
use crate::app::Collector;
use crate::query::{Answer, LivesQuery, Query};
use crate::reports::{ReportError, Source};
use crate::store::{Day, Hit, ProjectNumber};

/// One project of a collector, ready to be asked. Everything it does may block.
pub(crate) struct Desk {
    collector: Arc<Collector>,
    pub(crate) project: ProjectNumber,
    pub(crate) slug: String,
    pub(crate) now_ms: i64,
}

impl Desk {
    pub(crate) fn new(collector: &Arc<Collector>, project: ProjectNumber, slug: &str) -> Self {
        Self {
            collector: Arc::clone(collector),
            project,
            slug: slug.to_owned(),
            now_ms: now().as_millisecond(),
        }
    }

    /// The collector behind it.
    pub(crate) fn collector(&self) -> &Collector {
        &self.collector
    }

    /// Runs `work` with a source.
    pub(crate) fn ask<T>(
        &self,
        work: impl FnOnce(&Source<'_>) -> Result<T, ReportError>,
    ) -> Result<T, ReportError> {
        let answer = |query: &Query| self.answer(query);
        let lives = |query: &LivesQuery| read(self.collector.index.lives(self.project, query));
        let spread = |query: &Query| read(self.collector.index.spread(self.project, query));
        let hits = |limit| self.hits(limit);
        let source = Source {
            project: &self.slug,
            now_ms: self.now_ms,
            answer: &answer,
            lives: &lives,
            spread: &spread,
            hits: &hits,
        };
        work(&source)
    }

    /// The first day with an event.
    pub(crate) fn first_day(&self) -> Option<Day> {
        self.collector.index.days(self.project).into_iter().min()
    }

    /// The latest hits, newest first.
    pub(crate) fn hits(&self, limit: usize) -> Result<Vec<Hit>, ReportError> {
        let found = self.collector.store.recent_hits(self.project, limit);
        found.map_err(|error| ReportError::Data(error.to_string()))
    }

    fn answer(&self, query: &Query) -> Result<Answer, ReportError> {
        let answer = self.collector.index.answer(self.project, query);
        answer.map_err(|error| ReportError::Data(error.to_string()))
    }
}

fn read<T>(found: Result<T, crate::error::Error>) -> Result<T, ReportError> {
    found.map_err(|error| ReportError::Data(error.to_string()))
}

impl From<ReportError> for PageError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Unknown { .. } => Self::NotFound,
            ReportError::Parameter { .. } => Self::BadRequest(error.to_string()),
            ReportError::Data(_) => Self::internal(&error),
        }
    }
}
