//! Texts to symbols and install names to numbers for the writer, with a cap on distinct values.

use std::sync::Arc;

use headcount_protocol::AppStat;
use rusqlite::{Connection, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::forget::{NameHash, hash_of};
use super::{Day, EntryBody, ProjectNumber, RowBody, Store, Sym};
use crate::error::Error;

/// What stands for values beyond the cap.
const OTHER: &str = "(other)";

/// Where a text stands in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Field {
    Version,
    Deployment,
    Runtime,
    Namespace,
    Task,
    Result,
    Label,
    Path,
    Title,
    Locale,
    Browser,
    Os,
    App,
    AppVersion,
}

/// In the order of their stored numbers.
const FIELDS: [(Field, &str); 14] = [
    (Field::Version, "version"),
    (Field::Deployment, "deployment"),
    (Field::Runtime, "runtime"),
    (Field::Namespace, "namespace"),
    (Field::Task, "task"),
    (Field::Result, "result"),
    (Field::Label, "label"),
    (Field::Path, "path"),
    (Field::Title, "title"),
    (Field::Locale, "locale"),
    (Field::Browser, "browser"),
    (Field::Os, "os"),
    (Field::App, "app"),
    (Field::AppVersion, "app_version"),
];

impl Field {
    pub(super) fn name(self) -> &'static str {
        FIELDS[self as usize].1
    }
}

/// What the writer keeps in memory of every project.
pub(super) struct Interner {
    /// Distinct values per project and field before the rest becomes `(other)`.
    cap: usize,
    projects: FxHashMap<ProjectNumber, Known>,
    fresh: Fresh,
}

#[derive(Default)]
struct Known {
    texts: [FxHashMap<Arc<str>, Sym>; FIELDS.len()],
    installs: FxHashMap<InstallKey, u32>,
    first_days: Vec<Day>,
    forgotten: FxHashSet<NameHash>,
    /// The first day whose raw events are kept.
    horizon: Option<Day>,
}

/// Most names are UUIDs: 16 bytes instead of a text of 36.
#[derive(PartialEq, Eq, Hash)]
enum InstallKey {
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl InstallKey {
    fn of(name: &str) -> Self {
        let uuid = uuid::Uuid::try_parse(name).ok();
        let mut buffer = uuid::Uuid::encode_buffer();
        // Only the spelling that reads back the same: other spellings are other names.
        let same = uuid.filter(|uuid| uuid.hyphenated().encode_lower(&mut buffer) == name);
        match same {
            Some(uuid) => Self::Uuid(uuid.into_bytes()),
            None => Self::Text(Box::from(name)),
        }
    }
}

impl Known {
    fn forgets(&self, project: ProjectNumber, name: &str) -> bool {
        !self.forgotten.is_empty() && self.forgotten.contains(&hash_of(project, name))
    }
}

/// What the running transaction must write.
#[derive(Default)]
struct Fresh {
    next: Sym,
    texts: Vec<(Arc<str>, Sym)>,
    by_text: FxHashMap<Arc<str>, Sym>,
    vocabulary: Vec<(ProjectNumber, Field, Sym)>,
    installs: Vec<(ProjectNumber, u32, String)>,
    first_days: FxHashMap<(ProjectNumber, u32), Day>,
    folded: FxHashMap<(ProjectNumber, Field), u64>,
}

/// Number of a value in `folded` by project and field.
pub(super) type Folded = FxHashMap<(ProjectNumber, Field), u64>;

impl Interner {
    pub(super) fn new(cap: usize) -> Self {
        Self {
            cap,
            projects: FxHashMap::default(),
            fresh: Fresh::default(),
        }
    }

    /// Reads everything anew: at the start and after a commit that failed.
    pub(super) fn reload(&mut self, connection: &Connection, store: &Store) -> Result<(), Error> {
        let reading = "reading installs and vocabulary";
        self.projects.clear();
        self.fresh = Fresh::default();
        self.fresh.next = store.inner.dictionary.next();
        let mut statement = connection
            .prepare(
                "SELECT project, number, name, first_day FROM installs ORDER BY project, number",
            )
            .map_err(Error::at(reading))?;
        let mut rows = statement.query([]).map_err(Error::at(reading))?;
        while let Some(row) = rows.next().map_err(Error::at(reading))? {
            let known = self.projects.entry(ProjectNumber(row.get(0)?)).or_default();
            let name = row.get_ref(2)?.as_str();
            let name = name.map_err(|error| Error::Damaged(error.to_string()))?;
            let number: u32 = row.get(1)?;
            if number as usize != known.first_days.len() {
                return Err(Error::Damaged(format!(
                    "install numbers are not dense at {number}"
                )));
            }
            known.installs.insert(InstallKey::of(name), number);
            known.first_days.push(Day(row.get(3)?));
        }
        let mut statement = connection
            .prepare("SELECT project, field, sym FROM vocabulary")
            .map_err(Error::at(reading))?;
        let mut rows = statement.query([]).map_err(Error::at(reading))?;
        while let Some(row) = rows.next().map_err(Error::at(reading))? {
            let known = self.projects.entry(ProjectNumber(row.get(0)?)).or_default();
            let sym = Sym(row.get(2)?);
            if let Some(texts) = known.texts.get_mut(usize::from(row.get::<_, u8>(1)?)) {
                texts.insert(store.text(sym), sym);
            }
        }
        self.renew(connection)
    }

    /// Reads anew who is forgotten and which days are given up.
    pub(super) fn renew(&mut self, connection: &Connection) -> Result<(), Error> {
        let reading = "reading who is forgotten";
        let mut statement = connection
            .prepare_cached("SELECT project, hash, install FROM forgets")
            .map_err(Error::at(reading))?;
        let mut rows = statement.query([]).map_err(Error::at(reading))?;
        let mut numbers: FxHashMap<ProjectNumber, FxHashSet<u32>> = FxHashMap::default();
        while let Some(row) = rows.next().map_err(Error::at(reading))? {
            let project = ProjectNumber(row.get(0)?);
            let known = self.projects.entry(project).or_default();
            known.forgotten.insert(row.get(1)?);
            if let Some(number) = row.get(2)? {
                numbers.entry(project).or_default().insert(number);
            }
        }
        for (project, numbers) in numbers {
            let known = self.projects.entry(project).or_default();
            known.installs.retain(|_, number| !numbers.contains(number));
        }
        let mut statement = connection
            .prepare_cached("SELECT project, day FROM horizons")
            .map_err(Error::at(reading))?;
        let mut rows = statement.query([]).map_err(Error::at(reading))?;
        while let Some(row) = rows.next().map_err(Error::at(reading))? {
            let known = self.projects.entry(ProjectNumber(row.get(0)?)).or_default();
            known.horizon = Some(Day(row.get(1)?));
        }
        Ok(())
    }

    /// Whether an install of that name is forgotten.
    pub(super) fn is_forgotten(&self, project: ProjectNumber, name: &str) -> bool {
        let known = self.projects.get(&project);
        known.is_some_and(|known| known.forgets(project, name))
    }

    /// The texts and installs of one project.
    pub(super) fn project<'a>(&'a mut self, store: &'a Store, project: ProjectNumber) -> Texts<'a> {
        Texts {
            cap: self.cap,
            store,
            project,
            known: self.projects.entry(project).or_default(),
            fresh: &mut self.fresh,
        }
    }

    /// Writes what is new into the running transaction.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<(), Error> {
        let writing = "writing new texts and installs";
        let fresh = &self.fresh;
        for (text, sym) in &fresh.texts {
            connection
                .prepare_cached("INSERT INTO texts (sym, text) VALUES (?1, ?2)")
                .and_then(|mut statement| statement.execute(params![sym.0, text]))
                .map_err(Error::at(writing))?;
        }
        for (project, field, sym) in &fresh.vocabulary {
            connection
                .prepare_cached("INSERT INTO vocabulary (project, field, sym) VALUES (?1, ?2, ?3)")
                .and_then(|mut statement| {
                    statement.execute(params![project.0, *field as u8, sym.0])
                })
                .map_err(Error::at(writing))?;
        }
        for (project, number, name) in &fresh.installs {
            let first_day = self.projects[project].first_days[*number as usize];
            connection
                .prepare_cached(
                    "INSERT INTO installs (project, number, name, first_day)
                    VALUES (?1, ?2, ?3, ?4)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![project.0, number, name, first_day.0])
                })
                .map_err(Error::at(writing))?;
        }
        for ((project, number), day) in &fresh.first_days {
            connection
                .prepare_cached(
                    "UPDATE installs SET first_day = ?3 WHERE project = ?1 AND number = ?2",
                )
                .and_then(|mut statement| statement.execute(params![project.0, number, day.0]))
                .map_err(Error::at(writing))?;
        }
        Ok(())
    }

    /// What was folded into `(other)` in the running transaction.
    pub(super) fn take_folded(&mut self) -> Folded {
        std::mem::take(&mut self.fresh.folded)
    }

    /// After the commit: readers may see the new texts.
    pub(super) fn publish(&mut self, store: &Store) {
        let fresh = &mut self.fresh;
        if !fresh.texts.is_empty() {
            store.inner.dictionary.publish(fresh.texts.drain(..));
            fresh.by_text.clear();
        }
        fresh.vocabulary.clear();
        fresh.installs.clear();
        fresh.first_days.clear();
    }
}

/// The texts and installs of one project.
pub(super) struct Texts<'a> {
    cap: usize,
    store: &'a Store,
    project: ProjectNumber,
    known: &'a mut Known,
    fresh: &'a mut Fresh,
}

impl Texts<'_> {
    /// The number of an install, `None` for one that is forgotten. A new one has no first day yet.
    pub(super) fn install(&mut self, name: &str) -> Option<u32> {
        let key = InstallKey::of(name);
        if let Some(number) = self.known.installs.get(&key) {
            return Some(*number);
        }
        if self.known.forgets(self.project, name) {
            return None;
        }
        let number = u32::try_from(self.known.first_days.len()).unwrap_or(u32::MAX);
        self.known.installs.insert(key, number);
        self.known.first_days.push(Day::NEVER);
        self.fresh
            .installs
            .push((self.project, number, name.to_owned()));
        Some(number)
    }

    /// Whether the raw events of a day are removed, so that it could not be derived any more.
    pub(super) fn is_removed(&self, day: Day) -> bool {
        self.known.horizon.is_some_and(|horizon| day < horizon)
    }

    /// Notes that an install was active on a day.
    pub(super) fn active(&mut self, install: u32, day: Day) {
        let first = &mut self.known.first_days[install as usize];
        if day < *first {
            *first = day;
            self.fresh.first_days.insert((self.project, install), day);
        }
    }

    pub(super) fn sym(&mut self, field: Field, text: &str) -> Sym {
        if text.is_empty() {
            return Sym::EMPTY;
        }
        let texts = &mut self.known.texts[field as usize];
        if let Some(sym) = texts.get(text) {
            return *sym;
        }
        let mut text = text;
        if texts.len() >= self.cap && text != OTHER {
            *self.fresh.folded.entry((self.project, field)).or_default() += 1;
            if field == Field::Runtime {
                // A JSON object is expected there.
                return Sym::EMPTY;
            }
            if let Some(sym) = texts.get(OTHER) {
                return *sym;
            }
            text = OTHER;
        }
        let (text, sym) = self.fresh.intern(self.store, text);
        self.fresh.vocabulary.push((self.project, field, sym));
        self.known.texts[field as usize].insert(text, sym);
        sym
    }

    pub(super) fn body(&mut self, body: &EntryBody) -> RowBody {
        match body {
            EntryBody::Stats(stats) => RowBody::Stats {
                users: stats.users,
                tokens: stats.tokens,
                addons: stats.addons,
                apps: stats
                    .apps
                    .iter()
                    .map(|app| {
                        let version = app.version.as_deref().unwrap_or_default();
                        let name = self.sym(Field::App, &app.name);
                        (name, self.sym(Field::AppVersion, version))
                    })
                    .collect(),
            },
            EntryBody::Task(run) => RowBody::Task {
                namespace: self.sym(Field::Namespace, &run.namespace),
                task: self.sym(Field::Task, &run.task),
                result: self.sym(Field::Result, &run.result),
                label: self.sym(Field::Label, &run.label),
                value: run.value,
                count: run.count,
            },
            EntryBody::Stat(AppStat {
                namespace,
                task,
                label,
                value,
            }) => RowBody::Stat {
                namespace: self.sym(Field::Namespace, namespace),
                task: self.sym(Field::Task, task),
                label: self.sym(Field::Label, label),
                value: *value,
            },
            EntryBody::Page {
                path,
                title,
                locale,
                browser,
                os,
            } => RowBody::Page {
                path: self.sym(Field::Path, path),
                title: self.sym(Field::Title, title),
                locale: self.sym(Field::Locale, locale),
                browser: self.sym(Field::Browser, browser),
                os: self.sym(Field::Os, os),
            },
        }
    }
}

impl Fresh {
    fn intern(&mut self, store: &Store, text: &str) -> (Arc<str>, Sym) {
        if let Some((text, sym)) = self.by_text.get_key_value(text) {
            return (Arc::clone(text), *sym);
        }
        if let Some(known) = store.inner.dictionary.entry(text) {
            return known;
        }
        let (text, sym) = (Arc::from(text), self.next);
        self.next = Sym(sym.0 + 1);
        self.texts.push((Arc::clone(&text), sym));
        self.by_text.insert(Arc::clone(&text), sym);
        (text, sym)
    }
}
