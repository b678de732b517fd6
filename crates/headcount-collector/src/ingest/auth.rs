//! Who a request is from: the project that a key names.

use http::{HeaderMap, header};

use crate::app::Collector;
use crate::store::ProjectNumber;

/// Project of hits whose key names none; shown to managers only.
pub(super) const UNKNOWN: ProjectNumber = ProjectNumber(0);

/// The project of `Authorization: Bearer hc_…`.
pub(super) fn ingest_key(collector: &Collector, headers: &HeaderMap) -> Option<ProjectNumber> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    collector.meta.ingest_key(key.trim())
}
