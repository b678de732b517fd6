//! `headcount token`: makes tokens for the reports API, beside a running server or without one.

use clap::{Args, Subcommand, ValueEnum};
use headcount_collector::meta::audit::Actor;
use headcount_collector::meta::tokens::{NewToken, Scope};
use jiff::Timestamp;

use crate::cli::DataArgs;
use crate::output::Output;
use crate::project;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; it is shown this once.
    Create(CreateArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// What the token is for, shown in lists.
    #[arg(long, value_name = "NAME", default_value = "command line")]
    name: String,
    /// What it may read.
    #[arg(long, value_enum, default_value = "reports")]
    scope: ScopeName,
    #[command(flatten)]
    data: DataArgs,
}

/// The scopes as words of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScopeName {
    /// Reports only.
    Reports,
    /// Reports and raw exports.
    Export,
}

impl ScopeName {
    fn scope(self) -> Scope {
        match self {
            Self::Reports => Scope::Reports,
            Self::Export => Scope::Export,
        }
    }
}

pub(crate) fn run(command: TokenCommand, output: Output) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create(args) => create(args, output),
    }
}

fn create(args: CreateArgs, output: Output) -> anyhow::Result<()> {
    let meta = project::open(&args.data.data)?;
    let new = NewToken {
        project: args.project,
        name: args.name,
        scope: args.scope.scope(),
    };
    let token = meta.create_token(&new, &Actor::CommandLine, Timestamp::now())?;
    output.result(&serde_json::json!({ "token": token }), &token)
}
