//! What is told beside the kept findings while it is so: the same words on the overview and on the page of
//! findings, of all installs, whatever the choices of a page.

use crate::meta::findings::{FindingKind, KeptFinding};
use crate::reports::{ReportError, calendar};
use crate::web::desk::Desk;
use crate::web::shell::Tab;

use super::data::{self, Span};
use super::findings::{self, Finding};

/// Hits looked at for the reasons of rejections.
const HITS: usize = 1_000;

/// What passes now, beside all that is known of a project. What a finding stands for, muted or not, is
/// not told again. May block.
///
/// # Errors
/// The data cannot be read.
pub(crate) fn passing(desk: &Desk, known: &[KeptFinding]) -> Result<Vec<Finding>, ReportError> {
    let Some(first) = desk.first_day() else {
        return Ok(Vec::new());
    };
    let stands = |kind: FindingKind| {
        let mut standing = known.iter().filter(|kept| kept.ended_at.is_none());
        standing.any(|kept| kept.finding.kind == kind)
    };
    let mut told = Vec::new();
    if !stands(FindingKind::Spread) {
        let span = Span::new(first, calendar::day_of_ms(desk.now_ms));
        let spread = desk.ask(|source| data::spread(source, span))?;
        told.extend(spread.map(|spread| findings::spread(&desk.slug, &spread)));
    }
    if !stands(FindingKind::Rejected) && !desk.narrowed() {
        let live = Tab::Live.href(&desk.slug);
        let (minutes, hits) = (desk.minutes()?, desk.hits(HITS)?);
        told.extend(findings::rejected(&live, &minutes, &hits, desk.now_ms));
    }
    Ok(told)
}
