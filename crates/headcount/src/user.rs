//! `headcount user`: lets people into projects, beside a running server or without one.

use std::io::Read as _;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use headcount_collector::meta::address::link_page;
use headcount_collector::meta::audit::Actor;
use headcount_collector::meta::password;
use headcount_collector::meta::people::{NewMember, Role};
use jiff::Timestamp;

use crate::cli::DataArgs;
use crate::output::Output;
use crate::project;

/// Where `serve` listens unless told otherwise.
const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8787";

/// A password is read up to here; a longer one is refused anyway.
const PASSWORD_BYTES: u64 = 4_096;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Let somebody into a project, or let them back in: sets the role anew for who is in already.
    Create(CreateArgs),
    /// Take the second factor off an account whose owner lost device and recovery codes.
    ResetFactor(ResetFactorArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ResetFactorArgs {
    /// E-mail address of the account.
    #[arg(value_name = "EMAIL")]
    email: String,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// E-mail address to sign in with. Nothing is sent to it.
    #[arg(value_name = "EMAIL")]
    email: String,
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// What they may do.
    #[arg(long, value_enum, ignore_case = true)]
    role: RoleName,
    /// Namespace of an app that an author may see; can be given more than once.
    #[arg(long = "namespace", value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Read the password from standard input. Without it a one-time sign-in link is printed.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// The roles as words of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Reads everything and changes settings.
    Manager,
    /// Reads everything.
    Viewer,
    /// Reads what concerns own apps.
    Author,
}

impl RoleName {
    fn role(self) -> Role {
        match self {
            Self::Manager => Role::Manager,
            Self::Viewer => Role::Viewer,
            Self::Author => Role::Author,
        }
    }
}

pub(crate) fn run(command: UserCommand, output: Output) -> anyhow::Result<()> {
    match command {
        UserCommand::Create(args) => create(args, output),
        UserCommand::ResetFactor(args) => {
            let meta = project::open(&args.data.data)?;
            meta.reset_second_factor(&args.email, &Actor::CommandLine, Timestamp::now())?;
            let text = format!("{} signs in without a second factor now", args.email);
            output.result(&serde_json::json!({ "user": args.email }), text)
        }
    }
}

fn create(args: CreateArgs, output: Output) -> anyhow::Result<()> {
    let meta = project::open(&args.data.data)?;
    let password_hash = match args.password_stdin {
        true => Some(password::hash(&read_password()?, &args.email)?),
        false => None,
    };
    let with_link = password_hash.is_none();
    let new = NewMember {
        email: args.email,
        project: args.project,
        role: args.role.role(),
        namespaces: args.namespaces,
        password_hash,
    };
    let now = Timestamp::now();
    let user = meta.create_user(&new, &Actor::CommandLine, now)?;
    let mut value = serde_json::json!({
        "user": user.email,
        "project": new.project,
        "role": new.role.word(),
        "namespaces": new.namespaces,
    });
    if !with_link {
        let text = format!("{} can sign in with the password", user.email);
        return output.result(&value, text);
    }
    let token = meta.issue_link(&user, &Actor::CommandLine, now)?;
    let base = meta.address()?;
    let link = link_page(base.as_deref().unwrap_or(DEFAULT_ADDRESS), &token);
    value["link"] = link.as_str().into();
    output.result(&value, link)
}

fn read_password() -> anyhow::Result<String> {
    let mut password = String::new();
    std::io::stdin()
        .take(PASSWORD_BYTES)
        .read_to_string(&mut password)
        .context("reading the password from standard input")?;
    let line = password.strip_suffix('\n').unwrap_or(&password);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
