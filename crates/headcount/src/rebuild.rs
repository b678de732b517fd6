//! `headcount rebuild`: derives the index anew from raw events. Needs the data folder for itself.

use std::time::Instant;

use anyhow::Context as _;
use headcount_collector::index::{Index, IndexConfig};
use headcount_collector::store::Store;

use crate::cli::RebuildArgs;
use crate::folder;
use crate::output::Output;

pub(crate) fn run(args: &RebuildArgs, output: Output) -> anyhow::Result<()> {
    let data = &args.data.data;
    // A running server holds days in memory that a rebuild would pull from under it.
    let _owner = folder::own_existing(data)?;
    let opening = || format!("opening the data folder {}", data.display());
    let store = Store::open(data).with_context(opening)?;
    let config = IndexConfig {
        upkeep_every: None,
        ..IndexConfig::default()
    };
    let index = Index::open(&data.join("index.sqlite"), store.clone(), config);
    let index = index.with_context(opening)?;
    let started = Instant::now();
    index.rebuild(None).context("deriving the index")?;
    let (mut projects, mut days) = (0, 0);
    for project in store.projects_with_rows()? {
        projects += 1;
        days += index.days(project).len();
    }
    let seconds = started.elapsed().as_secs_f64();
    let result = serde_json::json!({ "projects": projects, "days": days, "seconds": seconds });
    let text = format!("derived {days} days of {projects} projects in {seconds:.1} s");
    output.result(&result, text)
}
