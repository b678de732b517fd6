//! What happens to days beside questions: deriving from raw events, closing, rolling up.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::calendar::Span;
use super::day::OpenDay;
use super::merge::merge;
use super::part::Kind;
use super::shelf::{Name, Shelf};
use super::timeline::OpenDayInfo;
use super::{Inner, Project};
use crate::error::Error;
use crate::query::DayRange;
use crate::store::{Day, DirtyDay, ProjectNumber};

/// Days that are written in one transaction.
const DAYS_PER_COMMIT: usize = 16;

/// Which open days are to be closed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Closing {
    All,
    /// Those that took nothing for so long.
    Idle(Duration),
    /// The longest untouched, until the others take no more than these bytes.
    Beyond(usize),
}

impl Inner {
    /// Derives the stale days of a range from their raw events.
    pub(super) fn settle(&self, project: &Project, range: DayRange) -> Result<(), Error> {
        while project.read().next_stale(range).is_some() {
            let deriving = project
                .deriving
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // Another thread may have derived it meanwhile.
            let Some(day) = project.read().next_stale(range) else {
                break;
            };
            project.write().begin_deriving(day);
            let mut derived = OpenDay::default();
            let done = self
                .store
                .rows_of_day(project.number, day, &mut |row| derived.apply(row));
            let derived = done.is_ok().then_some(derived);
            project.write().end_deriving(day, derived);
            drop(deriving);
            done?;
            self.bound_open_days()?;
        }
        Ok(())
    }

    /// Closes days where the open ones take too much memory.
    pub(super) fn bound_open_days(&self) -> Result<(), Error> {
        if self.is_crowded(1) {
            self.close(Closing::Beyond(self.config.open_bytes / 2))?;
        }
        Ok(())
    }

    /// Whether the open days take more memory than they may, so many times over.
    pub(super) fn is_crowded(&self, times: usize) -> bool {
        self.open_bytes() > self.config.open_bytes.saturating_mul(times)
    }

    fn open_bytes(&self) -> usize {
        let of = |project: &Arc<Project>| -> usize {
            let open = project.read().open_days();
            open.iter().map(|open| open.bytes).sum()
        };
        self.projects().values().map(of).sum()
    }

    /// Closes open days: their parts go to the shelf.
    pub(super) fn close(&self, closing: Closing) -> Result<(), Error> {
        let _upkeep = self.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open: Vec<(Arc<Project>, OpenDayInfo)> = Vec::new();
        for project in self.projects().values() {
            let of_project = project.read().open_days();
            open.extend(
                of_project
                    .into_iter()
                    .map(|open| (Arc::clone(project), open)),
            );
        }
        match closing {
            Closing::All => {}
            Closing::Idle(time) => open.retain(|(_, open)| open.touched.elapsed() >= time),
            Closing::Beyond(bytes) => {
                open.sort_by_key(|(_, open)| std::cmp::Reverse(open.touched));
                // The day that took rows last stays open, however large: it will take more.
                let mut sum = 0;
                open.retain(|(_, open)| {
                    let first = sum == 0;
                    sum += open.bytes;
                    sum > bytes && !first
                });
            }
        }
        for days in open.chunks(DAYS_PER_COMMIT) {
            self.close_days(days)?;
        }
        Ok(())
    }

    fn close_days(&self, days: &[(Arc<Project>, OpenDayInfo)]) -> Result<(), Error> {
        let written = self.shelf.write(|transaction| {
            let mut written = Vec::new();
            for (project, open) in days {
                let (seq, parts) = open.hot.parts();
                let name = |span: Span| Name {
                    project: project.number,
                    span,
                    first_day: span.around(open.day).from,
                };
                let blobs = Shelf::put(transaction, name(Span::Day), &parts)?;
                Shelf::remove(transaction, name(Span::Week))?;
                Shelf::remove(transaction, name(Span::Month))?;
                Shelf::settle(transaction, project.number, open.day)?;
                let blobs = (!blobs.is_empty()).then(|| Arc::new(blobs));
                written.push((seq, blobs));
            }
            Ok(written)
        })?;
        let mut settled = Vec::new();
        for ((project, open), (seq, blobs)) in days.iter().zip(written) {
            if project.write().close(open, seq, blobs) {
                settled.push(DirtyDay {
                    project: project.number,
                    day: open.day,
                    seq,
                });
            }
        }
        self.store.clear_dirty(&settled)
    }

    /// Makes one week or month of closed days; `false` if there is none to make.
    pub(super) fn roll_up(&self, project: &Project) -> Result<bool, Error> {
        let _upkeep = self.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((span, range, days)) = project.read().next_rollup() else {
            return Ok(false);
        };
        let mut parts = Vec::new();
        for kind in Kind::ALL {
            let mut of_days = Vec::new();
            for blobs in days.iter().rev() {
                of_days.push(self.shelf.part_uncached(blobs, kind.of_days())?);
            }
            parts.push((kind, merge(kind, &of_days)));
        }
        let name = Name {
            project: project.number,
            span,
            first_day: range.from,
        };
        let blobs = self
            .shelf
            .write(|transaction| Shelf::put(transaction, name, &parts))?;
        project.write().add_rollup(span, range, &days, blobs);
        Ok(true)
    }

    /// Marks days to be derived anew from raw events: those the store has, and those the index has
    /// beside them that are not older than the store remembers.
    pub(super) fn rebuild(&self, project: &Project) -> Result<(), Error> {
        let _upkeep = self.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = self.store.days(project.number)?;
        let Some(&oldest) = stored.first() else {
            return Ok(());
        };
        let mut days: Vec<Day> = project.read().days();
        days.retain(|&day| day >= oldest);
        days.extend(stored);
        days.sort_unstable();
        days.dedup();
        let notes: Vec<(ProjectNumber, Day)> =
            days.iter().map(|&day| (project.number, day)).collect();
        self.shelf.note_pending(&notes)?;
        let mut timeline = project.write();
        for day in days {
            timeline.make_stale(day, 0);
        }
        Ok(())
    }

    /// One round of upkeep: bounds memory, closes idle days, derives stale ones, rolls up.
    pub(super) fn tend(&self, idle: Duration) -> Result<(), Error> {
        self.bound_open_days()?;
        self.close(Closing::Idle(idle))?;
        let projects: Vec<Arc<Project>> = self.projects().values().cloned().collect();
        for project in projects {
            self.settle(&project, EVER)?;
            while !self.is_ending() && self.roll_up(&project)? {}
        }
        Ok(())
    }
}

/// Every day.
pub(super) const EVER: DayRange = DayRange {
    from: Day(i32::MIN),
    to: Day(i32::MAX),
};
