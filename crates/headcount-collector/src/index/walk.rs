//! The backward walk: what each install told last in a bucket, read from newest to oldest.

use roaring::RoaringBitmap;

use super::part::{Kind, Sets};
use super::view::View;
use crate::error::Error;

/// Calls `visit` once per stretch with its sets and those of `installs` whose last report of this
/// kind lies in it. No install comes twice.
pub(super) fn last_reports(
    view: &View,
    kind: Kind,
    installs: &RoaringBitmap,
    visit: &mut dyn FnMut(&Sets, &RoaringBitmap),
) -> Result<(), Error> {
    let mut rest = installs.clone();
    for stretch in view.newest_first() {
        if rest.is_empty() {
            break;
        }
        let sets = view.sets(stretch, kind)?;
        let settled = &rest & &sets.told;
        if settled.is_empty() {
            continue;
        }
        rest -= &settled;
        visit(&sets, &settled);
    }
    Ok(())
}
