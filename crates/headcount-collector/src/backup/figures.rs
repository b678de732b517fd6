//! The headline figures by which a restored folder is compared with the one that was backed up.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::index::Index;
use crate::query::{Bucket, DayRange, Measure, Query};
use crate::store::{Day, ProjectNumber, Store};

/// What a project holds at one moment. Days are numbered from 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Raw events.
    pub events: u64,
    /// Installs that ever had an event, without those that are forgotten.
    pub installs: u64,
    /// First and last day with raw events.
    pub first_day: Option<i32>,
    /// See `first_day`.
    pub last_day: Option<i32>,
    /// Installs that were active on the last day.
    pub active: u64,
    /// Users that installs told last on the last day, summed.
    pub users: u64,
}

impl Figures {
    /// From raw events alone.
    pub(super) fn of_events(store: &Store, project: ProjectNumber) -> Result<Self, Error> {
        let mut figures = Self::counted(store, project)?;
        if let Some(day) = figures.last_day {
            (figures.active, figures.users) = store.active_and_users(project, Day(day))?;
        }
        Ok(figures)
    }

    /// What reports say of the last day, beside what is counted in the store.
    pub(super) fn of_index(
        store: &Store,
        index: &Index,
        project: ProjectNumber,
    ) -> Result<Self, Error> {
        let mut figures = Self::counted(store, project)?;
        if let Some(day) = figures.last_day.map(Day) {
            let query = |measure| Query {
                measure,
                by: Vec::new(),
                filter: Vec::new(),
                range: DayRange { from: day, to: day },
                bucket: Bucket::Whole,
                only: Vec::new(),
                medians: false,
            };
            let active = index.answer(project, &query(Measure::Active))?;
            let users = index.answer(project, &query(Measure::Users))?;
            figures.active = active.base;
            figures.users = users.rows.iter().map(|row| row.amount as u64).sum();
        }
        Ok(figures)
    }

    fn counted(store: &Store, project: ProjectNumber) -> Result<Self, Error> {
        let days = store.days(project)?;
        let installs = store.first_days(project)?;
        Ok(Self {
            events: store.count_rows(project)?,
            installs: installs.iter().filter(|day| **day != Day::NEVER).count() as u64,
            first_day: days.first().map(|day| day.0),
            last_day: days.last().map(|day| day.0),
            ..Self::default()
        })
    }
}
