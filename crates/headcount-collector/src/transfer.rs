//! Raw events out, as lines of JSON or CSV, and lines of JSON back in. Holds a bounded part in memory.

mod export;
mod import;
mod line;
#[cfg(test)]
mod tests;

pub use export::{Export, Format};
pub use import::{Imported, Problem, import};

use jiff::civil::Date;

use crate::store::Day;

/// The day written `2026-08-31`.
#[must_use]
pub fn day_of(text: &str) -> Option<Day> {
    let date: Date = text.parse().ok()?;
    let since = date.since(Date::constant(1970, 1, 1)).ok()?;
    Some(Day(since.get_days()))
}
