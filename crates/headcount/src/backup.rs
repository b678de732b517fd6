//! `headcount backup` and `headcount restore`: the whole data folder as one file, and back.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use headcount_collector::backup;
use jiff::Timestamp;

use crate::cli::DataArgs;
use crate::folder;
use crate::output::Output;
use crate::project;

#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// The file to write; one that is there is replaced at the end.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// A file that `headcount backup` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder to restore into must be empty or not there.
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn write(args: &BackupArgs, output: Output) -> anyhow::Result<()> {
    let data = &args.data.data;
    // Brings the files of a folder that only commands ever used to their schema.
    drop(project::open(data)?);
    make_index(args)?;
    let (manifest, bytes) = backup::write(data, &args.file, Timestamp::now())
        .with_context(|| format!("backing up {}", data.display()))?;
    let events: u64 = manifest
        .projects
        .values()
        .map(|figures| figures.events)
        .sum();
    let projects = manifest.projects.len();
    let file = args.file.display().to_string();
    let value = serde_json::json!({
        "file": file, "bytes": bytes, "made_at": manifest.made_at, "projects": manifest.projects,
    });
    let text = format!("{file}: {events} events of {projects} projects, {bytes} bytes");
    output.result(&value, text)
}

/// A folder in which nothing was ever served has no store and no index yet.
fn make_index(args: &BackupArgs) -> anyhow::Result<()> {
    use headcount_collector::index::{Index, IndexConfig};
    use headcount_collector::store::Store;
    let data = &args.data.data;
    let path = data.join("index.sqlite");
    if path.exists() {
        return Ok(());
    }
    if let Some(_owner) = folder::own_if_free(data)? {
        let config = IndexConfig {
            upkeep_every: None,
            ..IndexConfig::default()
        };
        drop(Index::open(&path, Store::open(data)?, config)?);
    }
    Ok(())
}

pub(crate) fn restore(args: &RestoreArgs, output: Output) -> anyhow::Result<()> {
    let data = &args.data.data;
    let made = !data.exists();
    let owner = folder::own(data)?;
    let restored = backup::restore(&args.file, data);
    drop(owner);
    if restored.is_err() && made {
        // As it was before; what is left in it, if anything, was not ours.
        let _ = std::fs::remove_file(data.join("lock"));
        let _ = std::fs::remove_dir(data);
    }
    let manifest = restored.with_context(|| format!("restoring into {}", data.display()))?;
    let events: u64 = manifest
        .projects
        .values()
        .map(|figures| figures.events)
        .sum();
    let projects = manifest.projects.len();
    let value = serde_json::json!({ "made_at": manifest.made_at, "projects": manifest.projects });
    let text = format!(
        "restored {events} events of {projects} projects as of {}; all figures agree",
        manifest.made_at
    );
    output.result(&value, text)
}
