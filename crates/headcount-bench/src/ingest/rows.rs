//! The reference of batches: a loop that inserts the same rows into the same tables.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use headcount_collector::store::{Row, RowBody, Store, Sym, Wire};
use rusqlite::{Connection, Statement, params};

use super::target::{self, Written};

pub(super) struct Inserted {
    pub(super) rows: usize,
    pub(super) took: Duration,
}

const INSERT: &str = "
    INSERT INTO events (
        project, day, seq, event_id, install, at_ms, received_ms, wire, version, deployment,
        runtime, kind, namespace, task, result, label, value, count, path, title, locale, browser,
        os, users, tokens, addons, apps)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
        ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)";

/// Inserts what `written` holds into a fresh file, in commits of the same size.
pub(super) fn insert(written: &Written) -> anyhow::Result<Inserted> {
    let rows = read(written)?;
    let folder = target::folder()?;
    // Makes the tables.
    drop(Store::open(folder.path()).context("making the tables")?);
    let mut connection = Connection::open(folder.path().join("store.sqlite"))?;
    connection.pragma_update(None, "synchronous", "full")?;
    let begun = Instant::now();
    for group in rows.chunks(written.events_a_commit()) {
        let transaction = connection.transaction()?;
        {
            let mut statement = transaction.prepare_cached(INSERT)?;
            for row in group {
                insert_row(&mut statement, row)?;
            }
        }
        transaction.commit()?;
    }
    Ok(Inserted {
        rows: rows.len(),
        took: begun.elapsed(),
    })
}

fn read(written: &Written) -> anyhow::Result<Vec<Row>> {
    let store = written.store()?;
    let mut rows = Vec::new();
    for day in store.days(written.project)? {
        store.rows_of_day(written.project, day, &mut |row| rows.push(row.clone()))?;
    }
    // In the order in which they came.
    rows.sort_by_key(|row| row.seq);
    Ok(rows)
}

fn insert_row(statement: &mut Statement<'_>, row: &Row) -> rusqlite::Result<usize> {
    let columns = Columns::of(&row.body);
    let [
        namespace,
        task,
        result,
        label,
        path,
        title,
        locale,
        browser,
        os,
    ] = columns.syms;
    statement.execute(params![
        row.project.0,
        row.day.0,
        row.seq,
        row.event_id,
        row.install,
        row.at_ms,
        row.received_ms,
        match row.wire {
            Wire::Universal => 0,
            Wire::Ga4 => 1,
            Wire::Native => 2,
        },
        row.version.0,
        row.deployment.0,
        row.runtime.0,
        columns.kind,
        namespace,
        task,
        result,
        label,
        columns.value,
        columns.count,
        path,
        title,
        locale,
        browser,
        os,
        columns.numbers[0],
        columns.numbers[1],
        columns.numbers[2],
        columns.apps,
    ])
}

#[derive(Default)]
struct Columns {
    kind: u8,
    /// namespace, task, result, label, path, title, locale, browser, os.
    syms: [Option<u32>; 9],
    value: Option<f64>,
    count: Option<u32>,
    /// users, tokens, addons.
    numbers: [Option<i64>; 3],
    apps: Option<Vec<u8>>,
}

impl Columns {
    fn of(body: &RowBody) -> Self {
        let some = |sym: &Sym| Some(sym.0);
        match body {
            RowBody::Stats {
                users,
                tokens,
                addons,
                apps,
            } => Self {
                kind: 0,
                numbers: [users, tokens, addons].map(|number| number.map(u64::cast_signed)),
                // As long as the packed list is.
                apps: Some(vec![1; apps.len() * 3]),
                ..Self::default()
            },
            RowBody::Task {
                namespace,
                task,
                result,
                label,
                value,
                count,
            } => Self {
                kind: 1,
                syms: [
                    some(namespace),
                    some(task),
                    some(result),
                    some(label),
                    None,
                    None,
                    None,
                    None,
                    None,
                ],
                value: *value,
                count: Some(*count),
                ..Self::default()
            },
            RowBody::Stat {
                namespace,
                task,
                label,
                value,
            } => Self {
                kind: 2,
                syms: [
                    some(namespace),
                    some(task),
                    None,
                    some(label),
                    None,
                    None,
                    None,
                    None,
                    None,
                ],
                value: Some(*value),
                ..Self::default()
            },
            RowBody::Page {
                path,
                title,
                locale,
                browser,
                os,
            } => Self {
                kind: 3,
                syms: [
                    None,
                    None,
                    None,
                    None,
                    some(path),
                    some(title),
                    some(locale),
                    some(browser),
                    some(os),
                ],
                ..Self::default()
            },
        }
    }
}
