//! `headcount project`: creates, lists and shows projects, beside a running server or without one.

use std::path::Path;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use headcount_collector::meta::Meta;
use headcount_collector::meta::audit::Actor;
use headcount_collector::meta::projects::{NewProject, Project};
use jiff::Timestamp;

use crate::cli::DataArgs;
use crate::folder;
use crate::output::Output;

/// The meta database inside a data folder.
const META_FILE: &str = "meta.sqlite";

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Create a project; prints its name in addresses and the keys that senders need.
    Create(CreateArgs),
    /// List all projects with their keys.
    List(ListArgs),
    /// Show one project with its keys.
    Show(ShowArgs),
    /// Open a project again that was closed on its settings page.
    Reopen(ShowArgs),
    /// Set how many days raw events of a project are kept.
    Retention(RetentionArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// Name as people read it.
    #[arg(value_name = "NAME")]
    name: String,
    /// Universal Analytics tracking ID, such as UA-12345678-1; generated when not given.
    #[arg(long, value_name = "ID")]
    tracking_id: Option<String>,
    /// GA4 measurement ID, such as G-ABC123DEF4; generated when not given.
    #[arg(long, value_name = "ID")]
    measurement_id: Option<String>,
    /// GA4 API secret; generated when not given.
    #[arg(long, value_name = "SECRET")]
    api_secret: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(value_name = "PROJECT")]
    slug: String,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RetentionArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(value_name = "PROJECT")]
    slug: String,
    /// Days; or `server` for what `serve --retention-days` says. What is older is removed for good.
    #[arg(value_name = "DAYS")]
    days: String,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(command: ProjectCommand, output: Output) -> anyhow::Result<()> {
    match command {
        ProjectCommand::Create(args) => create(args, output),
        ProjectCommand::List(args) => {
            let projects = open(&args.data.data)?.projects()?;
            let text: Vec<String> = projects.iter().map(line).collect();
            let value = serde_json::json!({ "projects": projects });
            output.result(&value, text.join("\n"))
        }
        ProjectCommand::Show(args) => {
            let project = open(&args.data.data)?.project(&args.slug)?;
            output.result(&project, describe(&project))
        }
        ProjectCommand::Reopen(args) => {
            let meta = open(&args.data.data)?;
            meta.reopen_project(&args.slug, &Actor::CommandLine, Timestamp::now())?;
            let project = meta.project(&args.slug)?;
            output.result(&project, describe(&project))
        }
        ProjectCommand::Retention(args) => retention(&args, output),
    }
}

fn retention(args: &RetentionArgs, output: Output) -> anyhow::Result<()> {
    let days = match args.days.as_str() {
        "server" => None,
        days => Some(
            days.parse()
                .with_context(|| format!("{days:?} is no number of days"))?,
        ),
    };
    let meta = open(&args.data.data)?;
    meta.set_retention_days(&args.slug, days, &Actor::CommandLine, Timestamp::now())?;
    let value = serde_json::json!({ "project": args.slug, "retention_days": days });
    let text = days.map_or_else(
        || {
            format!(
                "{}: raw events are kept as the server's settings say",
                args.slug
            )
        },
        |days| format!("{}: raw events are kept for {days} days", args.slug),
    );
    output.result(&value, text)
}

/// Opens the meta database of a data folder that is there already.
pub(crate) fn open(folder: &Path) -> anyhow::Result<Meta> {
    let path = folder.join(META_FILE);
    if !path.is_file() {
        bail!(
            "{} is no data folder: name one with --data, or make one with `headcount serve` or \
             `headcount project create`",
            folder.display()
        );
    }
    Ok(Meta::open(&path)?)
}

fn create(args: CreateArgs, output: Output) -> anyhow::Result<()> {
    let folder = &args.data.data;
    folder::make(folder).with_context(|| format!("making the data folder {}", folder.display()))?;
    let meta = Meta::open(&folder.join(META_FILE))?;
    let new = NewProject {
        name: args.name,
        tracking_id: args.tracking_id,
        measurement_id: args.measurement_id,
        api_secret: args.api_secret,
    };
    let project = meta.create_project(&new, &Actor::CommandLine, Timestamp::now())?;
    output.result(&project, describe(&project))
}

fn line(project: &Project) -> String {
    let Project {
        slug,
        name,
        tracking_id,
        measurement_id,
        ..
    } = project;
    format!("{slug}  {tracking_id}  {measurement_id}  {name}")
}

fn describe(project: &Project) -> String {
    format!(
        "project         {}\nname            {}\ntracking ID     {}\nmeasurement ID  {}\n\
         API secret      {}\ningest key      {}",
        project.slug,
        project.name,
        project.tracking_id,
        project.measurement_id,
        project.api_secret,
        project.ingest_key
    )
}
