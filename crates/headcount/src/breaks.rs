//! `headcount break`: days on which a project's reports are known to be wrong.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use headcount_collector::meta::audit::Actor;
use headcount_collector::meta::breaks::NewBreak;
use headcount_collector::store::Day;
use jiff::civil::Date;
use jiff::{Timestamp, Unit};

use crate::cli::DataArgs;
use crate::output::Output;
use crate::project;

#[derive(Debug, Subcommand)]
pub(crate) enum BreakCommand {
    /// Note a break: charts show a gap there, comparisons leave it out.
    Add(AddArgs),
    /// List the breaks of a project.
    List(ListArgs),
    /// Take a break back.
    Remove(RemoveArgs),
}

#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// First day (UTC), such as 2026-08-01.
    #[arg(long, value_name = "DAY")]
    from: Date,
    /// Last day; the first one where it is left out.
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// Only this feed was wrong: stats, tasks or pages.
    #[arg(long, value_name = "FEED", default_value = "")]
    feed: String,
    /// What happened, shown to readers.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// Number of the break, as `list` tells it.
    #[arg(value_name = "NUMBER")]
    number: i64,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(command: BreakCommand, output: Output) -> anyhow::Result<()> {
    match command {
        BreakCommand::Add(args) => add(&args, output),
        BreakCommand::List(args) => list(&args, output),
        BreakCommand::Remove(args) => remove(&args, output),
    }
}

fn add(args: &AddArgs, output: Output) -> anyhow::Result<()> {
    let meta = project::open(&args.data.data)?;
    let new = NewBreak {
        from: day(args.from)?,
        to: day(args.to.unwrap_or(args.from))?,
        feed: args.feed.clone(),
        reason: args.reason.clone(),
    };
    let by = (&Actor::CommandLine, Timestamp::now());
    let number = meta.add_break(&args.project, &new, by)?;
    output.result(
        &serde_json::json!({ "break": number }),
        format!("noted as break {number}"),
    )
}

fn list(args: &ListArgs, output: Output) -> anyhow::Result<()> {
    let meta = project::open(&args.data.data)?;
    let project = meta.project(&args.project)?;
    let breaks = meta.breaks(project.number)?;
    let lines: Vec<String> = breaks
        .iter()
        .map(|known| {
            let feed = if known.feed.is_empty() {
                "all feeds"
            } else {
                &known.feed
            };
            let (from, to) = (date(known.from), date(known.to));
            format!("{}\t{from} to {to}\t{feed}\t{}", known.id, known.reason)
        })
        .collect();
    let listed: Vec<_> = breaks
        .iter()
        .map(|known| {
            serde_json::json!({
                "break": known.id,
                "from": date(known.from).to_string(),
                "to": date(known.to).to_string(),
                "feed": known.feed,
                "reason": known.reason,
            })
        })
        .collect();
    let text = match lines.is_empty() {
        true => "no break is noted".to_owned(),
        false => lines.join("\n"),
    };
    output.result(&serde_json::json!({ "breaks": listed }), text)
}

fn remove(args: &RemoveArgs, output: Output) -> anyhow::Result<()> {
    let meta = project::open(&args.data.data)?;
    let by = (&Actor::CommandLine, Timestamp::now());
    meta.remove_break(&args.project, args.number, by)?;
    output.result(
        &serde_json::json!({ "removed": args.number }),
        format!("break {} is taken back", args.number),
    )
}

const EPOCH: Date = Date::constant(1970, 1, 1);

fn day(date: Date) -> anyhow::Result<Day> {
    let days = EPOCH.until((Unit::Day, date)).context("reading the day")?;
    Ok(Day(days.get_days()))
}

fn date(day: Day) -> Date {
    EPOCH.saturating_add(jiff::Span::new().days(day.0))
}
