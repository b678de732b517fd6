//! A day that takes events: an order-independent fold of its rows, and the parts made from it.

use std::sync::Arc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::columns::{self, Loose, Numbering, Pieces};
use super::facts::{Facts, Family, Key};
use super::numbers::code_of;
use super::part::{Kind, Part, Sets, Shape, pair, sorted};
use crate::query::Dimension;
use crate::store::{Row, RowBody, Sym};

/// Rough bytes of memory an install and a fact take, for the bound on open days.
const INSTALL_BYTES: usize = 200;
const APP_BYTES: usize = 32;
const FACT_BYTES: usize = 48;

/// The fold of a day's rows so far.
#[derive(Debug, Default)]
pub(super) struct OpenDay {
    /// Highest `seq` that is in.
    seq: i64,
    installs: FxHashMap<u32, Told>,
    apps: usize,
    tasks: Tally,
    pages: Tally,
    stats: StatTally,
    /// Parts made since the last change of their kind.
    made: [Option<Part>; Kind::ALL.len()],
}

/// A value with the moment it was told; the latest wins, ties go to the row that came last.
#[derive(Clone, Copy, Debug)]
struct Latest<T> {
    at_ms: i64,
    seq: i64,
    value: T,
}

/// What an install told about itself.
#[derive(Debug, Default)]
struct Told {
    version: Option<Latest<Sym>>,
    deployment: Option<Latest<Sym>>,
    users: Option<Latest<u64>>,
    tokens: Option<Latest<u64>>,
    apps: Vec<(Sym, Option<Latest<Sym>>)>,
}

/// Section, traits, install.
type Cell = (u32, u32, u32);

#[derive(Debug, Default)]
struct Tally {
    sections: Numbering,
    traits: Numbering,
    amounts: FxHashMap<Cell, f64>,
    values: FxHashMap<(Cell, i32), u64>,
}

/// The last number per section and install, and the version it came with.
#[derive(Debug, Default)]
struct StatTally {
    sections: Numbering,
    numbers: FxHashMap<(u32, u32), Latest<(f64, Sym)>>,
}

/// Takes a value in if it is the latest; says whether anything changed.
fn tell<T: Copy + PartialEq>(slot: &mut Option<Latest<T>>, row: &Row, value: T) -> bool {
    let newer = slot.is_none_or(|last| (last.at_ms, last.seq) <= (row.at_ms, row.seq));
    let changed = newer && slot.is_none_or(|last| last.value != value);
    if newer {
        *slot = Some(Latest {
            at_ms: row.at_ms,
            seq: row.seq,
            value,
        });
    }
    changed
}

impl OpenDay {
    pub(super) fn seq(&self) -> i64 {
        self.seq
    }

    /// Rough bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let tally = |tally: &Tally| tally.amounts.len() + tally.values.len();
        let facts = tally(&self.tasks) + tally(&self.pages) + self.stats.numbers.len();
        self.installs.len() * INSTALL_BYTES + self.apps * APP_BYTES + facts * FACT_BYTES
    }

    /// Takes in a row that is not in yet.
    pub(super) fn apply(&mut self, row: &Row) {
        self.seq = self.seq.max(row.seq);
        if !self.installs.contains_key(&row.install) {
            self.changed(Kind::Active);
        }
        let told = self.installs.entry(row.install).or_default();
        let version = row.version != Sym::EMPTY && tell(&mut told.version, row, row.version);
        let deployment =
            row.deployment != Sym::EMPTY && tell(&mut told.deployment, row, row.deployment);
        if version {
            self.changed(Kind::Version);
        }
        if deployment {
            self.changed(Kind::Deployment);
        }
        match &row.body {
            RowBody::Stats {
                users,
                tokens,
                addons: _,
                apps,
            } => self.apply_stats(row, (*users, *tokens), apps),
            RowBody::Task {
                namespace,
                task,
                result,
                label,
                value,
                count,
            } => {
                let key = [*namespace, *task, *result, *label];
                self.apply_task(row, key, *value, *count);
            }
            RowBody::Stat {
                namespace,
                task,
                label,
                value,
            } => {
                let key = [*namespace, *task, *label, Sym::EMPTY];
                let section = self.stats.sections.number(key);
                let mut last = self.stats.numbers.remove(&(section, row.install));
                tell(&mut last, row, (*value, row.version));
                if let Some(last) = last {
                    self.stats.numbers.insert((section, row.install), last);
                }
                self.changed(Kind::Stats);
            }
            RowBody::Page {
                path,
                title,
                locale,
                browser,
                os,
            } => {
                let section = [*path, *title, Sym::EMPTY, Sym::EMPTY];
                let traits = [row.version, *locale, *browser, *os];
                let cell = self.pages.cell(section, traits, row.install);
                *self.pages.amounts.entry(cell).or_default() += 1.0;
                self.changed(Kind::Pages);
            }
        }
    }

    fn apply_stats(
        &mut self,
        row: &Row,
        (users, tokens): (Option<u64>, Option<u64>),
        apps: &[(Sym, Sym)],
    ) {
        let told = self.installs.entry(row.install).or_default();
        let users = users.is_some_and(|users| tell(&mut told.users, row, users));
        let tokens = tokens.is_some_and(|tokens| tell(&mut told.tokens, row, tokens));
        let before = told.apps.len();
        let mut versions = false;
        for &(app, version) in apps {
            let known = told.apps.iter().position(|entry| entry.0 == app);
            let at = known.unwrap_or_else(|| {
                told.apps.push((app, None));
                told.apps.len() - 1
            });
            if version != Sym::EMPTY {
                versions |= tell(&mut told.apps[at].1, row, version);
            }
        }
        let more = told.apps.len() - before;
        self.apps += more;
        if users {
            self.changed(Kind::Users);
        }
        if tokens {
            self.changed(Kind::Tokens);
        }
        if more > 0 {
            self.changed(Kind::App);
        }
        if more > 0 || versions {
            self.changed(Kind::AppVersion);
        }
    }

    fn apply_task(&mut self, row: &Row, key: Key, value: Option<f64>, count: u32) {
        let traits = [row.version, Sym::EMPTY, Sym::EMPTY, Sym::EMPTY];
        let cell = self.tasks.cell(key, traits, row.install);
        *self.tasks.amounts.entry(cell).or_default() += f64::from(count);
        if let Some(value) = value.filter(|_| count > 0) {
            let code = code_of(value / f64::from(count));
            *self.tasks.values.entry((cell, code)).or_default() += u64::from(count);
        }
        self.changed(Kind::Tasks);
    }

    fn changed(&mut self, kind: Kind) {
        self.made[kind as usize] = None;
        if kind.shape() == Shape::Facts {
            for kind in Kind::ALL {
                if matches!(kind.shape(), Shape::Events(_)) {
                    self.made[kind as usize] = None;
                }
            }
        }
    }

    /// A part of the day as it stands.
    pub(super) fn part(&mut self, kind: Kind) -> Part {
        let made = &self.made[kind as usize];
        let part = match made {
            Some(part) => part.clone(),
            None => self.make(kind),
        };
        self.made[kind as usize] = Some(part.clone());
        part
    }

    fn make(&mut self, kind: Kind) -> Part {
        let sets = match kind {
            Kind::Active => Sets::of_values(self.with(|_| true), Vec::new()),
            Kind::Version => self.values(|told| told.version.map(|v| v.value)),
            Kind::Deployment => self.values(|told| told.deployment.map(|v| v.value)),
            Kind::App => self.apps(|app, _| Some(u64::from(app.0))),
            Kind::AppVersion => {
                self.apps(|app, version| version.map(|version| pair(app, version.value)))
            }
            Kind::Users => self.sizes(|told| told.users),
            Kind::Tokens => self.sizes(|told| told.tokens),
            Kind::Tasks => return Part::Facts(Arc::new(self.tasks.pieces())),
            Kind::Pages => return Part::Facts(Arc::new(self.pages.pieces())),
            Kind::Stats => return Part::Facts(Arc::new(self.stats.pieces())),
            // A day keeps the version in the facts themselves.
            Kind::TasksByVersion | Kind::PagesByVersion | Kind::StatsByVersion => {
                return Part::empty(kind);
            }
            Kind::Namespace => self.told_by_events(Dimension::Namespace),
            Kind::Task => self.told_by_events(Dimension::Task),
            Kind::Result => self.told_by_events(Dimension::Result),
            Kind::Label => self.told_by_events(Dimension::Label),
            Kind::Path => self.told_by_events(Dimension::Path),
            Kind::Title => self.told_by_events(Dimension::Title),
            Kind::Locale => self.told_by_events(Dimension::Locale),
            Kind::Browser => self.told_by_events(Dimension::Browser),
            Kind::Os => self.told_by_events(Dimension::Os),
        };
        Part::Sets(Arc::new(sets))
    }

    fn told_by_events(&mut self, dimension: Dimension) -> Sets {
        let mut pairs = Vec::new();
        for family in Family::ALL {
            if let Some(place) = family.place(dimension)
                && let Part::Facts(pieces) = self.part(family.kind())
            {
                for (_, facts) in pieces.iter() {
                    facts.add_pairs(place, &mut pairs);
                }
            }
        }
        Sets::of_events(pairs)
    }

    /// The installs for which `holds` is true.
    fn with(&self, holds: impl Fn(&Told) -> bool) -> RoaringBitmap {
        let mut found: Vec<u32> = self
            .installs
            .iter()
            .filter(|(_, told)| holds(told))
            .map(|(&install, _)| install)
            .collect();
        found.sort_unstable();
        sorted(found.into_iter())
    }

    fn values(&self, of: impl Fn(&Told) -> Option<Sym>) -> Sets {
        let pairs = self
            .installs
            .iter()
            .filter_map(|(&install, told)| Some((u64::from(of(told)?.0), install)))
            .collect();
        Sets::of_values(self.with(|told| of(told).is_some()), pairs)
    }

    fn apps(&self, of: impl Fn(Sym, Option<Latest<Sym>>) -> Option<u64>) -> Sets {
        let pairs = self
            .installs
            .iter()
            .flat_map(|(&install, told)| told.apps.iter().map(move |app| (install, app)))
            .filter_map(|(install, &(app, version))| Some((of(app, version)?, install)))
            .collect();
        Sets::of_values(self.with(|told| !told.apps.is_empty()), pairs)
    }

    fn sizes(&self, of: impl Fn(&Told) -> Option<Latest<u64>>) -> Sets {
        let sizes: Vec<(u32, u64)> = self
            .installs
            .iter()
            .filter_map(|(&install, told)| Some((install, of(told)?.value)))
            .collect();
        Sets::of_sizes(&sizes)
    }
}

impl Tally {
    fn cell(&mut self, section: Key, traits: Key, install: u32) -> Cell {
        let section = self.sections.number(section);
        (section, self.traits.number(traits), install)
    }

    fn pieces(&self) -> Vec<(u64, Arc<Facts>)> {
        let mut sections = Sections::of(&self.sections);
        let traits = self.traits.keys();
        for (&(section, of_row, install), &amount) in &self.amounts {
            sections.loose[section as usize].rows.push(columns::Row {
                install,
                traits: traits[of_row as usize],
                amount,
            });
        }
        for (&((section, of_row, install), code), &count) in &self.values {
            sections.loose[section as usize]
                .values
                .push(columns::Values {
                    install,
                    traits: traits[of_row as usize],
                    code,
                    count,
                });
        }
        sections.pieces()
    }
}

impl StatTally {
    fn pieces(&self) -> Vec<(u64, Arc<Facts>)> {
        let mut sections = Sections::of(&self.sections);
        for (&(section, install), last) in &self.numbers {
            let (number, version) = last.value;
            let traits = [version, Sym::EMPTY, Sym::EMPTY, Sym::EMPTY];
            let loose = &mut sections.loose[section as usize];
            loose.rows.push(columns::Row {
                install,
                traits,
                amount: number,
            });
            loose.values.push(columns::Values {
                install,
                traits,
                code: code_of(number),
                count: 1,
            });
        }
        sections.pieces()
    }
}

/// What the sections of a day hold, by their number.
struct Sections<'a> {
    keys: &'a [Key],
    loose: Vec<Loose>,
}

impl<'a> Sections<'a> {
    fn of(numbering: &'a Numbering) -> Self {
        let keys = numbering.keys();
        Self {
            keys,
            loose: vec![Loose::default(); keys.len()],
        }
    }

    fn pieces(self) -> Vec<(u64, Arc<Facts>)> {
        let mut sections: Vec<(Key, Loose)> = self.keys.iter().copied().zip(self.loose).collect();
        sections.sort_unstable_by_key(|section| section.0);
        let mut pieces = Pieces::default();
        for (key, loose) in sections {
            pieces.add(key, loose);
        }
        pieces.finish()
    }
}
