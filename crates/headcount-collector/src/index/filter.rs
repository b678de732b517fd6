//! The clauses of a question, made ready: tests of installs, and tests of events per family.

pub(super) mod sliding;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::calendar::month_range;
use super::event_test::EventTest;
use super::facts::Family;
use super::mask::Mask;
use super::numbers::{size_bounds, size_bucket, size_range};
use super::part::{Kind, Sets, pair};
use super::shelf::Pick;
use super::view::{Snapshot, View};
use super::walk::last_reports_of;
use crate::error::Error;
use crate::query::{Clause, ClauseValue, DayRange, Dimension};
use crate::store::{Store, Sym};

/// The part that keeps a dimension as an attribute of the install.
pub(super) fn attribute(dimension: Dimension) -> Option<Kind> {
    match dimension {
        Dimension::Version => Some(Kind::Version),
        Dimension::App => Some(Kind::App),
        Dimension::AppVersion => Some(Kind::AppVersion),
        Dimension::Deployment => Some(Kind::Deployment),
        Dimension::Users => Some(Kind::Users),
        Dimension::Tokens => Some(Kind::Tokens),
        Dimension::FirstSeen
        | Dimension::Namespace
        | Dimension::Task
        | Dimension::Result
        | Dimension::Label
        | Dimension::Path
        | Dimension::Title
        | Dimension::Locale
        | Dimension::Browser
        | Dimension::Os => None,
    }
}

/// Families whose events tell a dimension: those of tasks and app stats, or those of pages. Empty for
/// attributes of installs.
fn families(dimension: Dimension) -> &'static [Family] {
    match dimension {
        Dimension::Namespace | Dimension::Task | Dimension::Result | Dimension::Label => WORK,
        Dimension::Path
        | Dimension::Title
        | Dimension::Locale
        | Dimension::Browser
        | Dimension::Os => PAGES,
        Dimension::Version
        | Dimension::App
        | Dimension::AppVersion
        | Dimension::Deployment
        | Dimension::Users
        | Dimension::Tokens
        | Dimension::FirstSeen => &[],
    }
}

const WORK: &[Family] = &[Family::Tasks, Family::Stats];
const PAGES: &[Family] = &[Family::Pages];

/// What the clauses of one dimension ask: one of `any` where there are some, none of `none`.
#[derive(Clone, Debug)]
pub(super) struct Wanted<T> {
    pub(super) any: Option<Vec<T>>,
    pub(super) none: Vec<T>,
}

impl<T> Default for Wanted<T> {
    fn default() -> Self {
        Self {
            any: None,
            none: Vec::new(),
        }
    }
}

impl<T> Wanted<T> {
    /// `target` is `None` for a value nobody ever told: it matches nothing.
    fn add(&mut self, negated: bool, target: Option<T>) {
        if negated {
            self.none.extend(target);
        } else {
            self.any.get_or_insert_default().extend(target);
        }
    }
}

impl Wanted<Sym> {
    pub(super) fn accepts(&self, sym: Sym) -> bool {
        self.any.as_ref().is_none_or(|any| any.contains(&sym)) && !self.none.contains(&sym)
    }
}

/// What a clause on an attribute looks for.
#[derive(Clone, Copy, Debug)]
enum Target {
    Value(u64),
    Sizes(u64, u64),
    FirstSeen(DayRange),
}

/// The clauses of a question.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    clauses: Vec<Clause>,
    attributes: BTreeMap<Dimension, Wanted<Target>>,
    events: BTreeMap<Dimension, Wanted<Sym>>,
    /// `Version` as a condition on events.
    version: Wanted<Sym>,
}

impl Filter {
    pub(super) fn new(clauses: &[Clause], store: &Store) -> Self {
        let mut filter = Self {
            clauses: clauses.to_vec(),
            ..Self::default()
        };
        for clause in clauses {
            filter.add(clause, store);
        }
        filter
    }

    fn add(&mut self, clause: &Clause, store: &Store) {
        let dimension = clause.dimension;
        let sym = match &clause.value {
            ClauseValue::Text(text) => store.sym(text),
            ClauseValue::Range(..) => None,
        };
        if !families(dimension).is_empty() {
            let wanted = self.events.entry(dimension).or_default();
            return wanted.add(clause.negated, sym);
        }
        if dimension == Dimension::Version {
            self.version.add(clause.negated, sym);
        }
        let wanted = self.attributes.entry(dimension).or_default();
        wanted.add(clause.negated, target(clause, sym, store));
    }

    /// Those of a few installs that match, as `installs` finds them: read from all that match in the
    /// bucket, where those are kept.
    pub(super) fn few(
        &self,
        snapshot: &Snapshot<'_>,
        view: &View<'_>,
        installs: &RoaringBitmap,
    ) -> Result<RoaringBitmap, Error> {
        match view.recalled(&self.clauses, None) {
            Some(all) => Ok(all.as_ref() & installs),
            None => self.installs(snapshot, view, installs),
        }
    }

    /// Those of `installs`, which have events in the bucket, that match every clause in it.
    pub(super) fn installs(
        &self,
        snapshot: &Snapshot<'_>,
        view: &View<'_>,
        installs: &RoaringBitmap,
    ) -> Result<RoaringBitmap, Error> {
        let left = self.by_attributes(snapshot, view, installs, true)?;
        let left = self.by_events(view, WORK, left)?;
        Ok(self.by_events(view, PAGES, left)?.into_owned())
    }

    /// All installs of the bucket that match every clause in it.
    pub(super) fn active(
        &self,
        snapshot: &Snapshot<'_>,
        view: &View<'_>,
    ) -> Result<Arc<RoaringBitmap>, Error> {
        self.remembered(view, || {
            let active = view.active()?;
            self.installs(snapshot, view, &active).map(Arc::new)
        })
    }

    /// What was kept of the installs that match in a bucket, or else what `find` finds now.
    pub(super) fn remembered(
        &self,
        view: &View<'_>,
        find: impl FnOnce() -> Result<Arc<RoaringBitmap>, Error>,
    ) -> Result<Arc<RoaringBitmap>, Error> {
        view.remembered(&self.clauses, None, find)
    }

    /// The installs whose events of a family count, `None` if those of all do. Clauses that events
    /// of the family answer themselves are left to `event_test`.
    pub(super) fn installs_for(
        &self,
        snapshot: &Snapshot<'_>,
        view: &View<'_>,
        family: Family,
    ) -> Result<Option<Arc<RoaringBitmap>>, Error> {
        let others = if family == Family::Pages { WORK } else { PAGES };
        let asks_events = |dimension: &Dimension| families(*dimension) == others;
        let by_attributes = self.attributes.keys().any(|&d| d != Dimension::Version);
        if !by_attributes && !self.events.keys().any(asks_events) {
            return Ok(None);
        }
        let found = view.remembered(&self.clauses, Some(family), || {
            let active = view.active()?;
            let left = self.by_attributes(snapshot, view, &active, false)?;
            let found = self.by_events(view, others, left)?;
            Ok(Arc::new(found.into_owned()))
        });
        found.map(Some)
    }

    fn by_attributes<'a>(
        &self,
        snapshot: &Snapshot<'_>,
        view: &View<'_>,
        installs: &'a RoaringBitmap,
        with_version: bool,
    ) -> Result<Cow<'a, RoaringBitmap>, Error> {
        let mut left = Cow::Borrowed(installs);
        // First days are in memory: what they leave out is not looked up.
        let first = |(dimension, _): &(&Dimension, _)| **dimension == Dimension::FirstSeen;
        let (first, others): (Vec<_>, Vec<_>) = self.attributes.iter().partition(first);
        for (&dimension, wanted) in first.into_iter().chain(others) {
            if dimension == Dimension::Version && !with_version {
                continue;
            }
            let matching = |targets: &[Target], left: &RoaringBitmap| match attribute(dimension) {
                Some(kind) => telling(view, kind, targets, left),
                None => Ok(first_seen(snapshot, targets) & left),
            };
            if let Some(any) = &wanted.any {
                left = Cow::Owned(matching(any, &left)?);
            }
            if !wanted.none.is_empty() {
                let unwanted = matching(&wanted.none, &left)?;
                *left.to_mut() -= unwanted;
            }
        }
        Ok(left)
    }

    /// Keeps installs with an event that matches all wanted values at once and with none that has an
    /// unwanted value.
    fn by_events<'a>(
        &self,
        view: &View<'_>,
        families: &[Family],
        installs: Cow<'a, RoaringBitmap>,
    ) -> Result<Cow<'a, RoaringBitmap>, Error> {
        let mut left = installs;
        let own = || {
            self.events
                .iter()
                .filter(|(dimension, _)| self::families(**dimension) == families)
        };
        let any: BTreeMap<Dimension, Wanted<Sym>> = own()
            .filter(|(_, wanted)| wanted.any.is_some())
            .map(|(&dimension, wanted)| {
                let any = wanted.any.clone();
                let none = Vec::new();
                (dimension, Wanted { any, none })
            })
            .collect();
        for (&dimension, wanted) in &any {
            let wanted = wanted.any.as_deref().unwrap_or_default();
            left = Cow::Owned(telling_by_events(view, dimension, wanted)? & left.as_ref());
        }
        if any.len() > 1 {
            left = Cow::Owned(having_events(view, families, &any, &left)?);
        }
        for (&dimension, wanted) in own().filter(|(_, wanted)| !wanted.none.is_empty()) {
            *left.to_mut() -= telling_by_events(view, dimension, &wanted.none)?;
        }
        Ok(left)
    }

    /// What events of a family must tell to count.
    pub(super) fn event_test(&self, family: Family) -> Option<EventTest> {
        let mut own: BTreeMap<Dimension, Wanted<Sym>> = self
            .events
            .iter()
            .filter(|(dimension, _)| families(**dimension).contains(&family))
            .map(|(&dimension, wanted)| (dimension, wanted.clone()))
            .collect();
        if self.version.any.is_some() || !self.version.none.is_empty() {
            own.insert(Dimension::Version, self.version.clone());
        }
        EventTest::new(family, &own)
    }
}

/// What a clause on an attribute looks for, `None` if no install can have it.
fn target(clause: &Clause, sym: Option<Sym>, store: &Store) -> Option<Target> {
    let told = |sym: Sym| (sym != Sym::EMPTY).then_some(Target::Value(u64::from(sym.0)));
    match (clause.dimension, &clause.value) {
        (Dimension::Users | Dimension::Tokens, ClauseValue::Range(low, high)) => {
            Some(Target::Sizes(*low, *high))
        }
        (Dimension::Users | Dimension::Tokens, ClauseValue::Text(text)) => {
            size_range(text).map(|(low, high)| Target::Sizes(low, high))
        }
        (Dimension::FirstSeen, ClauseValue::Text(text)) => month_range(text).map(Target::FirstSeen),
        (Dimension::AppVersion, ClauseValue::Text(text)) => {
            let (app, version) = text.split_once('=')?;
            let version = store.sym(version).filter(|&sym| sym != Sym::EMPTY)?;
            Some(Target::Value(pair(store.sym(app)?, version)))
        }
        _ => sym.and_then(told),
    }
}

/// Those of `installs` whose last report of this kind tells one of the targets.
fn telling(
    view: &View<'_>,
    kind: Kind,
    targets: &[Target],
    installs: &RoaringBitmap,
) -> Result<RoaringBitmap, Error> {
    let mut found = RoaringBitmap::new();
    let (mut values, mut exact) = (Vec::new(), Vec::new());
    for target in targets {
        match *target {
            Target::Value(value) => values.push(value),
            Target::Sizes(low, high) if low <= high => {
                for bucket in size_bucket(low)..=size_bucket(high) {
                    let (least, most) = size_bounds(bucket);
                    values.push(bucket);
                    if least < low || high < most {
                        exact.push(bucket);
                    }
                }
            }
            Target::Sizes(..) | Target::FirstSeen(_) => {}
        }
    }
    values.sort_unstable();
    values.dedup();
    let pick = Pick {
        told: true,
        values: &values,
        exact: &exact,
    };
    last_reports_of(view, (kind, pick), installs, &mut |sets, settled| {
        for target in targets {
            match *target {
                Target::Value(value) => {
                    if let Some(of_value) = sets.value(value) {
                        found |= of_value & settled;
                    }
                }
                Target::Sizes(low, high) => add_sizes(sets, settled, (low, high), &mut found),
                Target::FirstSeen(_) => {}
            }
        }
    })?;
    Ok(found)
}

fn add_sizes(
    sets: &Sets,
    settled: &RoaringBitmap,
    (low, high): (u64, u64),
    found: &mut RoaringBitmap,
) {
    for of_bucket in &sets.values {
        let (least, most) = size_bounds(of_bucket.value);
        if low <= least && most <= high {
            *found |= of_bucket.installs.as_ref() & settled;
        } else if least <= high && low <= most {
            *found |= of_bucket.between(settled, (low, high));
        }
    }
}

/// Installs with an event that tells one of some values.
fn telling_by_events(
    view: &View<'_>,
    dimension: Dimension,
    values: &[Sym],
) -> Result<RoaringBitmap, Error> {
    let mut found = RoaringBitmap::new();
    let Some(kind) = Kind::of_events(dimension) else {
        return Ok(found);
    };
    let mut values: Vec<u64> = values.iter().map(|sym| u64::from(sym.0)).collect();
    values.sort_unstable();
    let pick = Pick {
        values: &values,
        ..Pick::default()
    };
    for stretch in view.newest_first() {
        let sets = view.pick(stretch, kind, pick)?;
        for &value in &values {
            if let Some(installs) = sets.value(value) {
                found |= installs;
            }
        }
    }
    Ok(found)
}

fn first_seen(snapshot: &Snapshot<'_>, targets: &[Target]) -> RoaringBitmap {
    let mut found = RoaringBitmap::new();
    for target in targets {
        if let Target::FirstSeen(days) = target {
            found |= snapshot.first_in(*days);
        }
    }
    found
}

/// Those of `among` with an event of one of the families that answers every test.
fn having_events(
    view: &View<'_>,
    families: &[Family],
    wanted: &BTreeMap<Dimension, Wanted<Sym>>,
    among: &RoaringBitmap,
) -> Result<RoaringBitmap, Error> {
    let mut found = RoaringBitmap::new();
    let mask = Mask::of(among);
    for &family in families {
        let Some(test) = EventTest::new(family, wanted) else {
            continue;
        };
        for stretch in view.newest_first() {
            for facts in view.facts(stretch, family, test.themes().as_deref())? {
                test.add_installs(&facts, &mask, &mut found);
            }
        }
    }
    Ok(found)
}
