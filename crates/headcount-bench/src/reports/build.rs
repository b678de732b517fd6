//! Builds the data folder of the benchmark once and keeps it for later runs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use headcount_collector::index::{Index, IndexConfig};
use headcount_collector::store::{Row, RowBody, Store};
use rusqlite::{Connection, ToSql};

use super::fleet::{Fleet, PROJECT, texts};

/// Grows with every change of the fleet or of the index's format.
const EDITION: u32 = 4;
/// Last days whose rows are also stored raw: what the reference counts.
pub(crate) const RAW_DAYS: i32 = 30;

/// The folder of a fleet, built if it is not there.
pub(crate) fn folder(fleet: &Fleet) -> anyhow::Result<PathBuf> {
    let name = format!(
        "reports-{EDITION}-{}-{}-{}",
        fleet.installs, fleet.days, fleet.seed
    );
    let folder = cache_folder()?.join(name);
    let done = folder.join("done");
    if !done.exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).context("removing an unfinished build")?;
        }
        std::fs::create_dir_all(&folder).context("making the folder")?;
        build(fleet, &folder)?;
        std::fs::write(&done, "").context("noting the end of the build")?;
    }
    Ok(folder)
}

fn cache_folder() -> anyhow::Result<PathBuf> {
    let of = |name| std::env::var_os(name).map(PathBuf::from);
    of("HEADCOUNT_BENCH_DIR")
        .or_else(|| Some(of("XDG_CACHE_HOME")?.join("headcount-bench")))
        .or_else(|| Some(of("HOME")?.join(".cache/headcount-bench")))
        .context("no cache folder: set HEADCOUNT_BENCH_DIR")
}

fn build(fleet: &Fleet, folder: &Path) -> anyhow::Result<()> {
    eprintln!("building {} (once)", folder.display());
    drop(Store::open(folder)?);
    let mut connection = Connection::open(folder.join("store.sqlite"))?;
    let transaction = connection.transaction()?;
    for (sym, text) in (1..).zip(texts()) {
        let sql = "INSERT INTO texts (sym, text) VALUES (?1, ?2)";
        transaction.execute(sql, (sym as i64, text))?;
    }
    for install in 0..fleet.installs {
        transaction
            .prepare_cached(
                "INSERT INTO installs (project, number, name, first_day) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                PROJECT.0,
                install,
                format!("install-{install}"),
                fleet.first_day(install).0,
            ))?;
    }
    transaction.commit()?;
    let store = Store::open(folder)?;
    let index = Index::open(
        &folder.join("index.sqlite"),
        store,
        IndexConfig {
            open_bytes: usize::MAX / 4,
            upkeep_every: None,
            ..IndexConfig::default()
        },
    )?;
    let (begun, mut seq, mut rows_total) = (Instant::now(), 0, 0);
    for day in 0..fleet.days {
        let rows = fleet.rows(day, &mut seq);
        rows_total += rows.len();
        index.apply(&rows);
        index.flush()?;
        if day >= fleet.days - RAW_DAYS {
            store_raw(&mut connection, &rows)?;
        }
        if day % 30 == 29 {
            eprintln!("  day {} after {:.0?}", day + 1, begun.elapsed());
        }
    }
    index.compact()?;
    eprintln!("  {rows_total} rows in {:.0?}", begun.elapsed());
    Ok(())
}

/// The rows of a day; statistics without their apps.
fn store_raw(connection: &mut Connection, rows: &[Row]) -> anyhow::Result<()> {
    let transaction = connection.transaction()?;
    for row in rows {
        let head = rusqlite::params![
            row.project.0,
            row.day.0,
            row.seq,
            row.install,
            row.at_ms,
            row.version.0,
            row.deployment.0,
        ];
        let insert = |columns: &str, values: &[&dyn ToSql]| {
            let places = (8..8 + values.len()).map(|at| format!(", ?{at}"));
            let sql = format!(
                "INSERT INTO events (project, day, seq, install, at_ms, received_ms, wire, version, \
                 deployment, runtime, {columns}) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, 2, ?6, ?7, 0{})",
                places.collect::<String>()
            );
            let all: Vec<&dyn ToSql> = head.iter().chain(values).copied().collect();
            transaction.prepare_cached(&sql)?.execute(all.as_slice())
        };
        match &row.body {
            RowBody::Stats { users, tokens, .. } => {
                let sizes = [*users, *tokens].map(|size| size.map(u64::cast_signed));
                insert("kind, users, tokens", &[&0, &sizes[0], &sizes[1]])?;
            }
            RowBody::Task {
                namespace,
                task,
                result,
                label,
                value,
                count,
            } => {
                let texts = [namespace, task, result, label].map(|sym| sym.0);
                let [a, b, c, d] = &texts;
                let columns = "kind, namespace, task, result, label, value, count";
                insert(columns, &[&1, a, b, c, d, value, count])?;
            }
            RowBody::Page {
                path,
                title,
                locale,
                browser,
                os,
            } => {
                let texts = [path, title, locale, browser, os].map(|sym| sym.0);
                let [a, b, c, d, e] = &texts;
                let columns = "kind, path, title, locale, browser, os";
                insert(columns, &[&3, a, b, c, d, e])?;
            }
            // The fleet has none.
            RowBody::Stat { .. } => {}
        }
    }
    transaction.commit()?;
    Ok(())
}
