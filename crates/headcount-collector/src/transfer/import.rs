//! Lines that an export wrote, stored again. Needs the data folder for itself: there is one writer.

use std::io::{self, BufRead, Read as _};

use headcount_protocol::{AppStat, InstallId, InstalledApp, Stats, Task};
use jiff::Timestamp;

use super::line::{Line, WIRES};
use crate::error::Error;
use crate::store::{Accepted, Day, Entry, EntryBody, Inserter, Parcel, ProjectNumber, Store};

/// Lines of one commit.
const GROUP_LINES: usize = 2_000;
/// Longest line, in bytes: far beyond what any event takes.
const LINE_BYTES: u64 = 1024 * 1024;
/// Problems that are told one by one; the rest is only counted.
const TOLD_PROBLEMS: usize = 100;
/// Numbers that the store holds are signed.
const LARGEST: u64 = i64::MAX as u64;

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: u64,
    pub reason: String,
}

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub accepted: u64,
    /// Events that were there already.
    pub duplicates: u64,
    pub rejected: u64,
    /// The first hundred of the rejected, with their lines.
    pub problems: Vec<Problem>,
}

impl Imported {
    fn reject(&mut self, line: u64, reason: impl Into<String>) {
        self.rejected += 1;
        if self.problems.len() < TOLD_PROBLEMS {
            let reason = reason.into();
            self.problems.push(Problem { line, reason });
        }
    }
}

/// Stores the events of `lines` in a project; the index derives their days at its next start. Lines
/// that were imported before count as duplicates, as do events without an id where they came from.
/// `distinct_values` is the bound that `WriterConfig` has.
///
/// # Errors
/// The lines cannot be read, or the store cannot be written; what was committed so far stays.
pub fn import(
    store: &Store,
    project: ProjectNumber,
    mut lines: impl BufRead,
    (distinct_values, now_ms): (usize, i64),
) -> Result<Imported, Error> {
    let mut inserter = Inserter::new(store.clone(), distinct_values)?;
    let mut imported = Imported::default();
    let mut group: Vec<(u64, Parcel)> = Vec::new();
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = (&mut lines).take(LINE_BYTES).read_until(b'\n', &mut bytes);
        if read.map_err(reading)? == 0 {
            break;
        }
        if bytes.len() as u64 == LINE_BYTES && !bytes.ends_with(b"\n") {
            imported.reject(number, format!("longer than {LINE_BYTES} bytes"));
            skip_line(&mut lines).map_err(reading)?;
            continue;
        }
        let line = bytes.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match parse(store, project, line) {
            Ok(Some(accepted)) => {
                let accepted = vec![accepted];
                group.push((
                    number,
                    Parcel {
                        accepted,
                        ..Parcel::default()
                    },
                ));
            }
            Ok(None) => imported.duplicates += 1,
            Err(Refused::Line(reason)) => imported.reject(number, reason),
            Err(Refused::Store(error)) => return Err(error),
        }
        if group.len() == GROUP_LINES {
            write(&mut inserter, &mut group, &mut imported, now_ms)?;
        }
    }
    write(&mut inserter, &mut group, &mut imported, now_ms)?;
    Ok(imported)
}

fn reading(source: io::Error) -> Error {
    Error::Io {
        path: "the lines to import".into(),
        source,
    }
}

fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = lines.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        let over = end.is_some() || buffer.is_empty();
        lines.consume(length);
        if over {
            return Ok(());
        }
    }
}

fn write(
    inserter: &mut Inserter,
    group: &mut Vec<(u64, Parcel)>,
    imported: &mut Imported,
    now_ms: i64,
) -> Result<(), Error> {
    let (numbers, parcels): (Vec<u64>, Vec<Parcel>) = group.drain(..).unzip();
    if parcels.is_empty() {
        return Ok(());
    }
    let outcome = inserter.write(&parcels, now_ms)?;
    for (number, receipt) in numbers.into_iter().zip(outcome.receipts) {
        imported.accepted += receipt.accepted;
        imported.duplicates += receipt.duplicates;
        if receipt.forgotten > 0 {
            imported.reject(number, "forgotten: its install was erased here");
        }
        if receipt.too_old > 0 {
            imported.reject(number, "too_old: raw events of its day are removed");
        }
    }
    Ok(())
}

/// Why a line is not stored.
enum Refused {
    Line(String),
    Store(Error),
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Self {
        Self::Line(reason.to_owned())
    }
}

/// `None` for an event without an id that is in the store it came from.
fn parse(store: &Store, project: ProjectNumber, bytes: &[u8]) -> Result<Option<Accepted>, Refused> {
    let line: Line =
        serde_json::from_slice(bytes).map_err(|error| Refused::Line(error.to_string()))?;
    let install = InstallId::parse(&line.install).ok_or("install is no name of an install")?;
    let at_ms = moment(&line.at).ok_or("at is no moment")?;
    let received_ms = moment(&line.received_at).ok_or("received_at is no moment")?;
    let wire = WIRES.iter().find(|(_, word)| *word == line.wire);
    let (wire, _) = *wire.ok_or("wire is not v1, ga4 or native")?;
    let id = match &line.id {
        Some(id) => {
            let id = uuid::Uuid::try_parse(id).map_err(|_| "id is no UUID")?;
            id.into_bytes()
        }
        None => {
            let here = match line.seq {
                Some(seq) => store
                    .has_row_without_id(project, (Day::of_ms(at_ms), seq), at_ms)
                    .map_err(Refused::Store)?,
                None => None,
            };
            if here.as_deref() == Some(install.as_str()) {
                return Ok(None);
            }
            let mut id = [0; 16];
            id.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
            id
        }
    };
    let (version, deployment, runtime) = (
        line.version.clone(),
        line.deployment.clone(),
        line.runtime.clone(),
    );
    let body = body(line)?;
    Ok(Some(Accepted {
        project,
        wire,
        received_ms,
        install,
        version,
        deployment,
        runtime,
        entries: vec![Entry {
            id: Some(id),
            at_ms,
            body,
        }],
    }))
}

fn body(line: Line) -> Result<EntryBody, Refused> {
    Ok(match line.kind.as_str() {
        "stats" => {
            let app = |app: super::line::App| InstalledApp {
                name: app.name,
                version: (!app.version.is_empty()).then_some(app.version),
            };
            let number = |number: Option<u64>| number.map(|number| number.min(LARGEST));
            EntryBody::Stats(Stats {
                users: number(line.users),
                tokens: number(line.tokens),
                addons: number(line.addons),
                // It stands beside the event.
                deployment: None,
                apps: line.apps.into_iter().map(app).collect(),
            })
        }
        "task" => EntryBody::Task(Task {
            namespace: line.namespace,
            task: line.task,
            result: line.result,
            label: line.label,
            value: line.value,
            count: line.count.ok_or("a task has no count")?,
        }),
        "stat" => EntryBody::Stat(AppStat {
            namespace: line.namespace,
            task: line.task,
            label: line.label,
            value: line.value.ok_or("a stat has no value")?,
        }),
        "page" => EntryBody::Page {
            path: line.path,
            title: line.title,
            locale: line.locale,
            browser: line.browser.into(),
            os: line.os.into(),
        },
        _ => return Err("type is not stats, task, stat or page".into()),
    })
}

fn moment(text: &str) -> Option<i64> {
    let moment: Timestamp = text.parse().ok()?;
    Some(moment.as_millisecond())
}
