//! `headcount export` and `headcount import`: raw events of a project out of a collector and into one.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use headcount_collector::config::WriterConfig;
use headcount_collector::query::DayRange;
use headcount_collector::store::{Day, Store};
use headcount_collector::transfer::{self, Export, Format};
use jiff::Timestamp;

use crate::cli::DataArgs;
use crate::folder;
use crate::output::{self, Output};
use crate::project;

/// Standard output or input.
const STREAM: &str = "-";

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// How events are written; only ndjson can be imported again.
    #[arg(long, value_enum, default_value = "ndjson")]
    format: FormatName,
    /// First day, such as 2026-08-01, UTC.
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// Last day, included.
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
    /// The file to write, or `-` for standard output.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// A file that `headcount export` wrote as ndjson, or `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

/// The formats as words of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated, names in the first line.
    Csv,
}

fn day(text: &str) -> Result<Day, String> {
    transfer::day_of(text).ok_or_else(|| format!("{text:?} is no day: write 2026-08-31"))
}

pub(crate) fn export(args: &ExportArgs, output: Output) -> anyhow::Result<()> {
    let data = &args.data.data;
    let project = project::open(data)?.project(&args.project)?;
    let store =
        Store::open(data).with_context(|| format!("opening the data folder {}", data.display()))?;
    let range = DayRange {
        from: args.from.unwrap_or(Day(i32::MIN)),
        to: args.to.unwrap_or(Day(i32::MAX)),
    };
    let format = match args.format {
        FormatName::Ndjson => Format::Ndjson,
        FormatName::Csv => Format::Csv,
    };
    let export = Export::new(&store, project.number, format, range)?;
    if args.file == Path::new(STREAM) {
        let events = copy(export, io::stdout().lock()).context("writing to standard output")?;
        output::message(format_args!("{events} events of {}", project.slug));
        return Ok(());
    }
    let writing = || format!("writing {}", args.file.display());
    let file = File::create(&args.file).with_context(writing)?;
    let mut file = BufWriter::new(file);
    let events = copy(export, &mut file).with_context(writing)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all())
        .with_context(writing)?;
    let value = serde_json::json!({ "project": project.slug, "events": events });
    output.result(&value, format_args!("{events} events of {}", project.slug))
}

fn copy(mut export: Export, mut to: impl Write) -> anyhow::Result<u64> {
    while let Some(piece) = export.next_piece()? {
        to.write_all(&piece)?;
    }
    to.flush()?;
    Ok(export.events)
}

pub(crate) fn import(args: &ImportArgs, output: Output) -> anyhow::Result<()> {
    let data = &args.data.data;
    let project = project::open(data)?.project(&args.project)?;
    // A running server is the one writer of its folder.
    let _owner = folder::own_existing(data)?;
    let store =
        Store::open(data).with_context(|| format!("opening the data folder {}", data.display()))?;
    let settings = (
        WriterConfig::default().distinct_values,
        Timestamp::now().as_millisecond(),
    );
    let done = if args.file == Path::new(STREAM) {
        transfer::import(&store, project.number, io::stdin().lock(), settings)
    } else {
        let file = File::open(&args.file);
        let file = file.with_context(|| format!("opening {}", args.file.display()))?;
        transfer::import(&store, project.number, BufReader::new(file), settings)
    }
    .with_context(|| format!("importing {}", args.file.display()))?;
    for problem in &done.problems {
        output::message(format_args!("line {}: {}", problem.line, problem.reason));
    }
    let problems: Vec<_> = done
        .problems
        .iter()
        .map(|problem| serde_json::json!({ "line": problem.line, "reason": problem.reason }))
        .collect();
    let value = serde_json::json!({
        "project": project.slug, "accepted": done.accepted, "duplicates": done.duplicates,
        "rejected": done.rejected, "problems": problems,
    });
    let text = format!(
        "{} events taken, {} were there already, {} lines refused",
        done.accepted, done.duplicates, done.rejected
    );
    output.result(&value, text)
}
