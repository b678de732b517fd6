//! `locales`: languages the pages were asked for in, by views and installs.

use super::{Body, Params, ReportError, Source, pages};
use crate::query::Dimension;

pub(crate) const COLUMNS: [&str; 3] = ["locale", "views", "installs"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    pages::views(source, params, &[Dimension::Locale])
}
