//! `headcount client record`: one event from the command line.

use anyhow::bail;
use clap::{Args, Subcommand};
use headcount_client::{Caps, InstalledApp, Recorded, State, Stats};
use headcount_protocol::{Event, EventBody, Page, Task};
use serde_json::json;

use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Statistics of the install.
    Stats(StatsArgs),
    /// The end of a background task.
    Task(TaskArgs),
    /// A page that was opened.
    Page(PageArgs),
}

#[derive(Args, Debug)]
pub(crate) struct StatsArgs {
    /// Number of users.
    #[arg(long, value_name = "N")]
    users: Option<u64>,
    /// Number of tokens the host keeps for its users.
    #[arg(long, value_name = "N")]
    tokens: Option<u64>,
    /// An app that is installed; repeat for more.
    #[arg(long, value_name = "NAME[=VERSION]", num_args = 1..)]
    app_installed: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct TaskArgs {
    /// The app the task belongs to.
    #[arg(long, value_name = "NAME")]
    namespace: String,
    /// The task's name.
    #[arg(long, value_name = "NAME")]
    task: String,
    /// Success, or the class name of the exception.
    #[arg(long, value_name = "WORD")]
    result: String,
    /// A number about the run.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    value: Option<f64>,
    /// A free context word.
    #[arg(long, value_name = "WORD", default_value = "")]
    label: String,
}

#[derive(Args, Debug)]
pub(crate) struct PageArgs {
    /// Its path.
    #[arg(long, value_name = "PATH")]
    path: String,
    /// Its title.
    #[arg(long, value_name = "TITLE", default_value = "")]
    title: String,
    /// Its locale, such as en.
    #[arg(long, value_name = "LOCALE", default_value = "")]
    locale: String,
    /// The visitor's user agent.
    #[arg(long, value_name = "TEXT", default_value = "")]
    user_agent: String,
}

pub(crate) fn run(state: &State, command: RecordCommand, output: Output) -> anyhow::Result<()> {
    let body = match command {
        RecordCommand::Stats(args) => EventBody::Stats(Stats {
            users: args.users,
            tokens: args.tokens,
            apps: args.app_installed.iter().map(|text| app(text)).collect(),
            ..Stats::default()
        }),
        RecordCommand::Task(args) => EventBody::Task(Task {
            namespace: args.namespace,
            task: args.task,
            result: args.result,
            label: args.label,
            value: args.value,
            count: 1,
        }),
        RecordCommand::Page(args) => EventBody::Page(Page {
            path: args.path,
            title: args.title,
            locale: args.locale,
            user_agent: args.user_agent,
        }),
    };
    let event = Event {
        id: None,
        at_ms: None,
        body,
    };
    let answers = state.record(&[event], &Caps::default())?;
    match answers.first() {
        Some(Recorded::Held) => output.result(&json!({ "recorded": true }), "recorded"),
        Some(Recorded::Lost(reason)) => {
            output.result(&json!({ "recorded": false, "reason": reason.code() }), "")?;
            bail!("the event was refused: {}", reason.code())
        }
        Some(Recorded::Off) | None => {
            let switch = state.switches_on()?.first().copied();
            let reason = switch.map_or("feed_off", headcount_client::Switch::code);
            let why = switch.map_or(
                "no token wants this feed",
                headcount_client::Switch::describe,
            );
            output.result(
                &json!({ "recorded": false, "reason": reason }),
                format!("not recorded: {why}"),
            )
        }
    }
}

fn app(text: &str) -> InstalledApp {
    match text.split_once('=') {
        Some((name, version)) => InstalledApp {
            name: name.to_owned(),
            version: Some(version.to_owned()),
        },
        None => InstalledApp {
            name: text.to_owned(),
            version: None,
        },
    }
}
