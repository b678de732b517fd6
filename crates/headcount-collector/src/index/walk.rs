//! The backward walk: what each install told last in a bucket, read from newest to oldest.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::part::{Kind, Sets};
use super::view::{Stretch, View};
use crate::error::Error;

/// Calls `visit` once per stretch with its sets and those of `installs` whose last report of this
/// kind lies in it. No install comes twice.
pub(super) fn last_reports(
    view: &View,
    kind: Kind,
    installs: &RoaringBitmap,
    visit: &mut dyn FnMut(&Sets, &RoaringBitmap),
) -> Result<(), Error> {
    walk(view, installs, &|stretch| view.sets(stretch, kind), visit)
}

/// The same where only some values are looked at; `visit` may see others too.
pub(super) fn last_reports_of(
    view: &View,
    (kind, values): (Kind, &[u64]),
    installs: &RoaringBitmap,
    visit: &mut dyn FnMut(&Sets, &RoaringBitmap),
) -> Result<(), Error> {
    let sets = |stretch: &Stretch| view.pick(stretch, kind, values);
    walk(view, installs, &sets, visit)
}

fn walk(
    view: &View,
    installs: &RoaringBitmap,
    sets: &dyn Fn(&Stretch) -> Result<Arc<Sets>, Error>,
    visit: &mut dyn FnMut(&Sets, &RoaringBitmap),
) -> Result<(), Error> {
    let mut rest = installs.clone();
    for stretch in view.newest_first() {
        if rest.is_empty() {
            break;
        }
        let sets = sets(stretch)?;
        let settled = &rest & &sets.told;
        if settled.is_empty() {
            continue;
        }
        rest -= &settled;
        visit(&sets, &settled);
    }
    Ok(())
}
