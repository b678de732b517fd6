//! What an author may see of a project: every question is narrowed to own apps before the index sees
//! it, whatever report or page asks. Pure; `docs/decisions/020-author-scope.md` says why so.
//!
//! * **Task runs and app stats**: those of own namespaces.
//! * **Page views**: those of paths whose first part is an own name.
//! * **Installs**, for all other measures: those that list an own app; while no install lists one,
//!   those with an event of an own namespace.
//!
//! A question that names another app, or excludes by something that other apps tell, too, is refused:
//! its answer would differ by what other apps do. Groups of other apps are left out of answers.

use crate::meta::people::{Membership, Role};
use crate::query::{AnswerRow, Clause, ClauseValue, Dimension, Measure, Query};

/// No text has this character, so no event matches it.
const NOTHING: &str = "\0";

/// The apps of an author, by their names as apps and as namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    own: Vec<String>,
}

/// A question that cannot be narrowed; says which part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: authors ask about their own apps only")]
pub struct OutOfScope(pub String);

/// What a question has to be narrowed by, beyond what it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    apps: bool,
    namespaces: bool,
    /// The own paths of the question's days have to be looked up.
    pub paths: bool,
}

impl Scope {
    /// The scope of a member; `None` for who sees everything.
    pub fn of(membership: &Membership) -> Option<Self> {
        match membership.role {
            Role::Manager | Role::Viewer => None,
            Role::Author => Some(Self {
                own: membership.namespaces.clone(),
            }),
        }
    }

    /// Whether an app or namespace is an own one.
    pub fn owns(&self, name: &str) -> bool {
        self.own.iter().any(|own| own == name)
    }

    /// Whether a page is one of an own app: its path begins with the app's name, where `-` and `_`,
    /// and small and capital letters, are the same.
    pub fn owns_path(&self, path: &str) -> bool {
        let plain = |text: &str| text.replace('-', "_").to_lowercase();
        let first = path.trim_start_matches('/').split(['/', '?', '#']).next();
        let first = first.map(plain).unwrap_or_default();
        !first.is_empty() && self.own.iter().any(|own| plain(own) == first)
    }

    /// A clause that own apps match, for the question whether any install lists one.
    pub fn listing(&self) -> Vec<Clause> {
        any_of(Dimension::App, self.own.iter())
    }

    /// Checks what a question names and says what it has to be narrowed by. `listed` says whether
    /// any install lists an own app.
    ///
    /// # Errors
    /// Where it names another app, or excludes by what other apps tell, too.
    pub fn check(&self, query: &Query, listed: bool) -> Result<Needs, OutOfScope> {
        let mut told = Told::default();
        for clause in &query.filter {
            self.check_clause(clause, query.measure)?;
            if !clause.negated {
                told.add(clause.dimension);
            }
        }
        let (work, pages) = match query.measure {
            Measure::Tasks | Measure::Stats => (true, false),
            Measure::Pages => (false, true),
            Measure::Active | Measure::New | Measure::Gone | Measure::Users | Measure::Tokens => {
                (false, false)
            }
        };
        let installs = !work && !pages;
        Ok(Needs {
            apps: installs && listed && !told.app,
            namespaces: (work || told.work || (installs && !listed)) && !told.namespace,
            paths: (pages || told.pages) && !told.path,
        })
    }

    fn check_clause(&self, clause: &Clause, measure: Measure) -> Result<(), OutOfScope> {
        let text = match &clause.value {
            ClauseValue::Text(text) => text.as_str(),
            ClauseValue::Range(..) => "",
        };
        let app = text.split_once('=').map_or(text, |(app, _)| app);
        match clause.dimension {
            Dimension::App | Dimension::Namespace if self.owns(text) => Ok(()),
            Dimension::AppVersion if self.owns(app) => Ok(()),
            Dimension::Path if self.owns_path(text) => Ok(()),
            Dimension::App | Dimension::Namespace | Dimension::AppVersion | Dimension::Path => {
                Err(OutOfScope(format!("`{text}` is not yours")))
            }
            Dimension::Task
            | Dimension::Result
            | Dimension::Label
            | Dimension::Title
            | Dimension::Locale
            | Dimension::Browser
            | Dimension::Os
                if clause.negated && !leaves_out_events(clause.dimension, measure) =>
            {
                Err(OutOfScope(format!(
                    "leaving out `{text}` would tell of the events of other apps"
                )))
            }
            Dimension::Version
            | Dimension::Deployment
            | Dimension::Users
            | Dimension::Tokens
            | Dimension::FirstSeen
            | Dimension::Task
            | Dimension::Result
            | Dimension::Label
            | Dimension::Title
            | Dimension::Locale
            | Dimension::Browser
            | Dimension::Os => Ok(()),
        }
    }

    /// Whether the base of an answer would tell of other apps: leaving out events by what they tell
    /// leaves out, there, installs with such an event of any app.
    pub fn hides_base(query: &Query) -> bool {
        let mut clauses = query.filter.iter();
        clauses.any(|clause| clause.negated && leaves_out_events(clause.dimension, query.measure))
    }

    /// The question about own apps only. `paths` are the own ones of its days, where they are needed.
    pub fn narrow(&self, query: &Query, needs: Needs, paths: &[String]) -> Query {
        let mut narrowed = query.clone();
        let filter = &mut narrowed.filter;
        if needs.apps {
            filter.extend(any_of(Dimension::App, self.own.iter()));
        }
        if needs.namespaces {
            filter.extend(any_of(Dimension::Namespace, self.own.iter()));
        }
        if needs.paths {
            filter.extend(any_of(Dimension::Path, paths.iter()));
        }
        narrowed
    }

    /// Whether a row of an answer grouped by these dimensions is about own apps.
    pub fn keeps(&self, by: &[Dimension], row: &AnswerRow) -> bool {
        by.iter().zip(&row.key).all(|(dimension, key)| {
            let app = key.rsplit_once('=').map_or(key.as_str(), |(app, _)| app);
            match dimension {
                Dimension::App | Dimension::Namespace => self.owns(key),
                Dimension::AppVersion => self.owns(app),
                Dimension::Path => self.owns_path(key),
                Dimension::Version
                | Dimension::Deployment
                | Dimension::Users
                | Dimension::Tokens
                | Dimension::FirstSeen
                | Dimension::Task
                | Dimension::Result
                | Dimension::Label
                | Dimension::Title
                | Dimension::Locale
                | Dimension::Browser
                | Dimension::Os => true,
            }
        })
    }
}

/// Whether a negated clause selects among the events that are counted, which are own ones, and not
/// among installs.
fn leaves_out_events(dimension: Dimension, measure: Measure) -> bool {
    match dimension {
        Dimension::Task | Dimension::Result | Dimension::Label => {
            matches!(measure, Measure::Tasks | Measure::Stats)
        }
        Dimension::Title | Dimension::Locale | Dimension::Browser | Dimension::Os => {
            measure == Measure::Pages
        }
        Dimension::Version
        | Dimension::App
        | Dimension::AppVersion
        | Dimension::Deployment
        | Dimension::Users
        | Dimension::Tokens
        | Dimension::FirstSeen
        | Dimension::Namespace
        | Dimension::Path => false,
    }
}

/// What a question names itself; clauses of one dimension are joined by or, so nothing is added there.
#[derive(Default)]
struct Told {
    app: bool,
    namespace: bool,
    path: bool,
    work: bool,
    pages: bool,
}

impl Told {
    fn add(&mut self, dimension: Dimension) {
        match dimension {
            Dimension::App => self.app = true,
            Dimension::Namespace => (self.namespace, self.work) = (true, true),
            Dimension::Task | Dimension::Result | Dimension::Label => self.work = true,
            Dimension::Path => (self.path, self.pages) = (true, true),
            Dimension::Title | Dimension::Locale | Dimension::Browser | Dimension::Os => {
                self.pages = true;
            }
            Dimension::Version
            | Dimension::AppVersion
            | Dimension::Deployment
            | Dimension::Users
            | Dimension::Tokens
            | Dimension::FirstSeen => {}
        }
    }
}

/// One of these values; nothing matches where there are none.
fn any_of<'a>(dimension: Dimension, values: impl Iterator<Item = &'a String>) -> Vec<Clause> {
    let clause = |text: &str| Clause {
        dimension,
        negated: false,
        value: ClauseValue::Text(text.to_owned()),
    };
    let clauses: Vec<Clause> = values.map(|value| clause(value)).collect();
    if clauses.is_empty() {
        return vec![clause(NOTHING)];
    }
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Bucket, DayRange};
    use crate::reports::params::{clause, clause_text};
    use crate::store::Day;

    fn scope(own: &[&str]) -> Scope {
        Scope {
            own: own.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn query(measure: Measure, filter: &[&str]) -> Query {
        Query {
            measure,
            by: Vec::new(),
            filter: filter.iter().map(|text| clause(text).unwrap()).collect(),
            range: DayRange {
                from: Day(0),
                to: Day(1),
            },
            bucket: Bucket::Whole,
            only: Vec::new(),
            medians: false,
        }
    }

    fn narrowed(
        measure: Measure,
        filter: &[&str],
        listed: bool,
    ) -> Result<Vec<String>, OutOfScope> {
        let scope = scope(&["memberaudit"]);
        let query = query(measure, filter);
        let needs = scope.check(&query, listed)?;
        let paths = ["/memberaudit/".to_owned()];
        let narrowed = scope.narrow(&query, needs, &paths);
        Ok(narrowed.filter.iter().map(clause_text).collect())
    }

    #[test]
    fn every_question_is_narrowed_by_what_it_asks_about() {
        let app = "app:memberaudit";
        let namespace = "namespace:memberaudit";
        let path = "path:/memberaudit/";
        let cases: [(Measure, &[&str], bool, &[&str]); 11] = [
            (Measure::Active, &[], true, &[app]),
            (Measure::Active, &[], false, &[namespace]),
            (
                Measure::Gone,
                &["version:5.5.0"],
                true,
                &["version:5.5.0", app],
            ),
            (
                Measure::Active,
                &["!app:memberaudit"],
                true,
                &["!app:memberaudit", app],
            ),
            (
                Measure::Users,
                &["task:x"],
                true,
                &["task:x", app, namespace],
            ),
            (
                Measure::New,
                &["locale:de"],
                true,
                &["locale:de", app, path],
            ),
            (Measure::Tasks, &[], true, &[namespace]),
            (
                Measure::Tasks,
                &[namespace, "result:x"],
                true,
                &[namespace, "result:x"],
            ),
            (
                Measure::Stats,
                &["locale:de"],
                true,
                &["locale:de", namespace, path],
            ),
            (Measure::Pages, &[], true, &[path]),
            (
                Measure::Pages,
                &["result:x"],
                false,
                &["result:x", namespace, path],
            ),
        ];
        for (measure, filter, listed, expected) in cases {
            let found = narrowed(measure, filter, listed).unwrap();
            assert_eq!(found, expected, "{measure:?} {filter:?}");
        }
    }

    #[test]
    fn what_would_tell_of_other_apps_is_refused() {
        let measures = [Measure::Active, Measure::Tasks, Measure::Pages];
        for measure in measures {
            for filter in [
                "app:corptools",
                "!app:corptools",
                "namespace:corptools",
                "!namespace:corptools",
                "path:/corptools/",
                "!path:/corptools/",
                "!task:x",
                "!result:x",
                "!label:x",
                "!locale:de",
                "!browser:Firefox",
                "!os:Linux",
            ] {
                // An own one beside it changes nothing.
                for with in [
                    &[filter][..],
                    &[filter, "app:memberaudit", "namespace:memberaudit"],
                ] {
                    let query = query(measure, with);
                    let refused = scope(&["memberaudit"]).check(&query, true).is_err();
                    // Among own events one may choose; the base is hidden then.
                    assert_ne!(refused, Scope::hides_base(&query), "{measure:?} {with:?}");
                }
            }
        }
    }

    #[test]
    fn nobody_elses_rows_and_paths_are_kept() {
        let scope = scope(&["Member-Audit", "srp"]);
        for (path, own) in [
            ("/member_audit/list/", true),
            ("/srp", true),
            ("srp/?a=b", true),
            ("/srp2/", false),
            ("/admin/srp/", false),
            ("/", false),
            ("", false),
        ] {
            assert_eq!(scope.owns_path(path), own, "{path}");
        }
        let row = |key: &[&str]| AnswerRow {
            bucket: Day(0),
            key: key.iter().map(|&text| text.to_owned()).collect(),
            installs: 1,
            amount: 0.0,
            failures: 0,
            median: None,
            p90: None,
        };
        for (by, key, kept) in [
            (Dimension::App, "srp", true),
            (Dimension::App, "corptools", false),
            (Dimension::App, "", false),
            (Dimension::AppVersion, "srp=1.0", true),
            (Dimension::AppVersion, "corptools=1.0", false),
            (Dimension::Namespace, "srp.tasks", false),
            (Dimension::Version, "corptools", true),
        ] {
            assert_eq!(scope.keeps(&[by], &row(&[key])), kept, "{by:?} {key}");
        }
        assert!(!scope.keeps(&[Dimension::Version, Dimension::App], &row(&["5", "x"])));
    }

    #[test]
    fn an_author_without_an_app_sees_nothing() {
        let scope = scope(&[]);
        let query = query(Measure::Active, &[]);
        for listed in [true, false] {
            let needs = scope.check(&query, listed).unwrap();
            let filter = scope.narrow(&query, needs, &[]).filter;
            assert_eq!(filter.len(), 1);
            assert_eq!(filter[0].value, ClauseValue::Text(NOTHING.to_owned()));
        }
        assert!(!scope.owns_path("/"));
    }
}
