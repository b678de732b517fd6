//! The command line: parses, sets up logs, runs one command, turns its outcome into an exit status.

mod agent;
mod backup;
mod breaks;
mod cli;
mod client;
mod demo;
mod erase;
mod folder;
mod host;
#[cfg(feature = "oidc")]
mod oidc;
mod output;
mod project;
mod rebuild;
mod serve;
mod settings;
mod token;
mod transfer;
mod user;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::FromArgMatches as _;

use cli::{Cli, Command};
use output::Output;

/// Exit status of a command that failed; wrong usage is 2, as clap has it.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let cli = match settings::matches(std::env::args_os())
        .and_then(|matches| Cli::from_arg_matches(&matches))
    {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    tracing_subscriber::fmt()
        .with_max_level(cli.log_level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failure(&error);
            ExitCode::from(FAILED)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let output = Output { json: cli.json };
    match cli.command {
        Command::Serve(args) => serve::run(args, output),
        Command::Demo(args) => demo::run(args, output),
        Command::Rebuild(args) => rebuild::run(&args, output),
        Command::Backup(args) => backup::write(&args, output),
        Command::Restore(args) => backup::restore(&args, output),
        Command::Export(args) => transfer::export(&args, output),
        Command::Import(args) => transfer::import(&args, output),
        Command::Erase(args) => erase::run(&args, output),
        Command::Project(command) => project::run(command, output),
        Command::User(command) => user::run(command, output),
        Command::Token(command) => token::run(command, output),
        Command::Break(command) => breaks::run(command, output),
        Command::Client(args) => client::run(args, output),
        Command::Agent(args) => agent::run(args, output),
    }
}
