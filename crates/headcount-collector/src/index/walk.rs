//! The backward walk: what each install told last in a bucket, read from newest to oldest.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::part::{Kind, Sets};
use super::shelf::Pick;
use super::view::{Stretch, View};
use crate::error::Error;

/// Calls `visit` once per stretch with its sets and those of `installs` whose last report of this
/// kind can only lie in it. No install comes twice.
pub(super) fn last_reports(
    view: &View,
    kind: Kind,
    installs: &RoaringBitmap,
    visit: &mut dyn FnMut(&Sets, &RoaringBitmap),
) -> Result<(), Error> {
    let sets = |stretch: &Stretch, _: bool| view.sets(stretch, kind);
    walk(view, installs, &sets, visit)
}

/// The same where only some is looked at; `visit` may see more.
pub(super) fn last_reports_of(
    view: &View,
    (kind, pick): (Kind, Pick<'_>),
    installs: &RoaringBitmap,
    visit: &mut dyn FnMut(&Sets, &RoaringBitmap),
) -> Result<(), Error> {
    let sets = |stretch: &Stretch, told: bool| view.pick(stretch, kind, Pick { told, ..pick });
    walk(view, installs, &sets, visit)
}

/// Gets the sets of a stretch; is told whether it matters who told any value.
type Getting<'a> = dyn Fn(&Stretch, bool) -> Result<Arc<Sets>, Error> + 'a;

fn walk(
    view: &View,
    installs: &RoaringBitmap,
    sets: &Getting<'_>,
    visit: &mut dyn FnMut(&Sets, &RoaringBitmap),
) -> Result<(), Error> {
    let mut stretches = view.newest_first();
    let Some(mut stretch) = stretches.next() else {
        return Ok(());
    };
    if stretches.len() == 0 {
        if !installs.is_empty() {
            visit(sets(stretch, false)?.as_ref(), installs);
        }
        return Ok(());
    }
    let mut rest = installs.clone();
    while !rest.is_empty() {
        let Some(older) = stretches.next() else {
            // Who is left told nothing or told it here.
            visit(sets(stretch, false)?.as_ref(), &rest);
            break;
        };
        let sets = sets(stretch, true)?;
        let settled = &rest & sets.told.as_ref();
        if !settled.is_empty() {
            rest -= &settled;
            visit(&sets, &settled);
        }
        stretch = older;
    }
    Ok(())
}
