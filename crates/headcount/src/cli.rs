//! The commands and their flags. Their environment variables and file keys come from `settings`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use crate::agent::AgentArgs;
use crate::backup::{BackupArgs, RestoreArgs};
use crate::breaks::BreakCommand;
use crate::client::ClientArgs;
use crate::erase::EraseArgs;
use crate::project::ProjectCommand;
use crate::token::TokenCommand;
use crate::transfer::{ExportArgs, ImportArgs};
use crate::user::UserCommand;

/// Opt-out, anonymous install analytics for self-hosted software.
#[derive(Debug, Parser)]
#[command(name = "headcount", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// A TOML file whose keys are names of flags; flags and environment win over it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON object on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Least important message that is logged: error, warn, info, debug, trace or off.
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: LevelFilter,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "Every flag is also an environment variable (--listen: HEADCOUNT_LISTEN) \
and a key of the file named with --config (listen = \"...\").";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the collector and its pages.
    Serve(ServeArgs),
    /// Run a collector on a temporary folder, filled by a simulated fleet.
    Demo(DemoArgs),
    /// Derive the index anew from raw events, while no server runs on the data folder.
    Rebuild(RebuildArgs),
    /// Write the whole data folder to one file, while a server runs or not.
    Backup(BackupArgs),
    /// Restore such a file into an empty folder and compare its figures.
    Restore(RestoreArgs),
    /// Write all raw events of a project to a file, while a server runs or not.
    Export(ExportArgs),
    /// Take such a file into a project, while no server runs on the data folder.
    Import(ImportArgs),
    /// Remove one install: its raw events and its part in every future answer.
    Erase(EraseArgs),
    /// Create, list and show projects.
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Let people in.
    #[command(subcommand)]
    User(UserCommand),
    /// Make tokens for the reports API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Note days on which reports are known to be wrong.
    #[command(subcommand)]
    Break(BreakCommand),
    /// The module that lives inside an installation, from the command line.
    Client(ClientArgs),
    /// The module as a local service: delivery, the daily report, and POST /record.
    Agent(AgentArgs),
}

/// Where a collector keeps everything.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataArgs {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "./headcount-data")]
    pub(crate) data: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,
    /// Address under which people reach the pages, such as `https://stats.example.org`.
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Header in which a proxy in front tells the sender's address, such as x-forwarded-for. Only
    /// for a proxy that sets it itself.
    #[arg(long, value_name = "NAME")]
    pub(crate) client_address_header: Option<String>,
    /// Days that raw events are kept; what is older is refused. Reports reach further back.
    #[arg(long, value_name = "DAYS", default_value_t = 800, value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) retention_days: u32,
    /// Let webhooks of projects reach loopback and private networks, not only public addresses.
    #[arg(long)]
    pub(crate) private_webhooks: bool,
    /// Most memory for index data that was read from disk; it fills as reports are asked.
    #[arg(long, value_name = "MIB", default_value_t = 192)]
    pub(crate) index_cache_mib: usize,
    /// Requests a second that one key may send from one network, on average.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) requests_per_second: u32,
    /// Connections served at once; further ones wait.
    #[arg(long, value_name = "N", default_value = "4096", value_parser = connections)]
    pub(crate) max_connections: usize,
    #[cfg(feature = "oidc")]
    #[command(flatten)]
    pub(crate) oidc: crate::oidc::OidcArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RebuildArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Installs that the fleet ever had.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) installs: u32,
    /// Days of the fleet's past, today included.
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub(crate) days: u32,
    /// Another seed makes another fleet.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one connection is needed".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
