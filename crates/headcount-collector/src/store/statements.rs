//! The INSERT statements of events, one per kind, and how a row is bound to them.

use rusqlite::Connection;

use super::row::{self, KIND_PAGE, KIND_STAT, KIND_STATS, KIND_TASK};
use super::{Row, RowBody, Sym};
use crate::error::Error;

/// One INSERT per kind of event, so that no time goes into binding NULLs.
pub(super) struct Statements<'connection> {
    stats: rusqlite::CachedStatement<'connection>,
    task: rusqlite::CachedStatement<'connection>,
    stat: rusqlite::CachedStatement<'connection>,
    page: rusqlite::CachedStatement<'connection>,
    apps: Vec<u8>,
}

/// The eleven columns of every kind, then those of one.
macro_rules! insert_sql {
    ($columns:literal, $values:literal) => {
        concat!(
            "INSERT OR IGNORE INTO events (project, day, seq, event_id, install, at_ms, ",
            "received_ms, wire, version, deployment, runtime, kind, ",
            $columns,
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ",
            $values,
            ")"
        )
    };
}

impl<'connection> Statements<'connection> {
    pub(super) fn prepare(connection: &'connection Connection) -> Result<Self, Error> {
        let prepare = |sql: &str| {
            connection
                .prepare_cached(sql)
                .map_err(Error::at("preparing inserts"))
        };
        Ok(Self {
            stats: prepare(insert_sql!(
                "users, tokens, addons, apps",
                "?13, ?14, ?15, ?16"
            ))?,
            task: prepare(insert_sql!(
                "namespace, task, result, label, value, count",
                "?13, ?14, ?15, ?16, ?17, ?18"
            ))?,
            stat: prepare(insert_sql!(
                "namespace, task, label, value",
                "?13, ?14, ?15, ?16"
            ))?,
            page: prepare(insert_sql!(
                "path, title, locale, browser, os",
                "?13, ?14, ?15, ?16, ?17"
            ))?,
            apps: Vec::new(),
        })
    }

    /// Whether the row is new; `false` for an event id that was there.
    pub(super) fn insert(&mut self, row: &Row) -> Result<bool, Error> {
        self.execute(row)
            .map(|changed| changed == 1)
            .map_err(Error::at("inserting an event"))
    }

    fn execute(&mut self, row: &Row) -> rusqlite::Result<usize> {
        match &row.body {
            RowBody::Stats {
                users,
                tokens,
                addons,
                apps,
            } => {
                row::pack_apps(apps, &mut self.apps);
                let number = |number: &Option<u64>| number.map(u64::cast_signed);
                let statement = &mut self.stats;
                bind(statement, row, KIND_STATS)?;
                statement.raw_bind_parameter(13, number(users))?;
                statement.raw_bind_parameter(14, number(tokens))?;
                statement.raw_bind_parameter(15, number(addons))?;
                let apps = (!apps.is_empty()).then_some(self.apps.as_slice());
                statement.raw_bind_parameter(16, apps)?;
                statement.raw_execute()
            }
            RowBody::Task {
                namespace,
                task,
                result,
                label,
                value,
                count,
            } => {
                let statement = &mut self.task;
                bind(statement, row, KIND_TASK)?;
                bind_syms(statement, &[*namespace, *task, *result, *label])?;
                statement.raw_bind_parameter(17, value)?;
                statement.raw_bind_parameter(18, count)?;
                statement.raw_execute()
            }
            RowBody::Stat {
                namespace,
                task,
                label,
                value,
            } => {
                let statement = &mut self.stat;
                bind(statement, row, KIND_STAT)?;
                bind_syms(statement, &[*namespace, *task, *label])?;
                statement.raw_bind_parameter(16, value)?;
                statement.raw_execute()
            }
            RowBody::Page {
                path,
                title,
                locale,
                browser,
                os,
            } => {
                let statement = &mut self.page;
                bind(statement, row, KIND_PAGE)?;
                bind_syms(statement, &[*path, *title, *locale, *browser, *os])?;
                statement.raw_execute()
            }
        }
    }
}

fn bind(statement: &mut rusqlite::Statement<'_>, row: &Row, kind: i64) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(1, row.project.0)?;
    statement.raw_bind_parameter(2, row.day.0)?;
    statement.raw_bind_parameter(3, row.seq)?;
    statement.raw_bind_parameter(4, row.event_id.as_ref().map(<[u8; 16]>::as_slice))?;
    statement.raw_bind_parameter(5, row.install)?;
    statement.raw_bind_parameter(6, row.at_ms)?;
    statement.raw_bind_parameter(7, row.received_ms)?;
    statement.raw_bind_parameter(8, row::wire_code(row.wire))?;
    statement.raw_bind_parameter(9, row.version.0)?;
    statement.raw_bind_parameter(10, row.deployment.0)?;
    statement.raw_bind_parameter(11, row.runtime.0)?;
    statement.raw_bind_parameter(12, kind)
}

fn bind_syms(statement: &mut rusqlite::Statement<'_>, syms: &[Sym]) -> rusqlite::Result<()> {
    for (index, sym) in syms.iter().enumerate() {
        statement.raw_bind_parameter(13 + index, sym.0)?;
    }
    Ok(())
}
