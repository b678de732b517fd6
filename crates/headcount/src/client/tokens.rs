//! `headcount client token`: destinations and their feeds.

use clap::{Args, Subcommand};
use headcount_client::{Feeds, NewToken, State, Token, TokenKind};
use serde_json::json;

use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Add a destination.
    Add(AddArgs),
    /// Show the destinations.
    List,
    /// Change a destination; what waits for a feed that is switched off is deleted.
    Set(SetArgs),
    /// Remove a destination and what waits for it.
    Remove(RemoveArgs),
}

#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Name for the operator.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Protocol it speaks: headcount, ga4 or ga-u.
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: TokenKind,
    /// Base URL, such as `https://headcount.example.org`.
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// Ingest key, measurement ID or tracking ID.
    #[arg(long, value_name = "TOKEN")]
    token: String,
    /// API secret of type ga4.
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// Feeds that are on: stats, tasks, pages, or none.
    #[arg(long, value_name = "FEEDS", default_value = "stats,tasks,pages", value_parser = feeds)]
    feeds: Feeds,
}

#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    /// Number of the token.
    id: u32,
    /// Feeds that are on: stats, tasks, pages, or none.
    #[arg(long, value_name = "FEEDS", value_parser = feeds)]
    feeds: Option<Feeds>,
    /// Name for the operator.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Base URL.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Ingest key, measurement ID or tracking ID.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// API secret of type ga4.
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// A regular expression; pages whose path matches are not sent. Repeat for more; an empty one clears all.
    #[arg(long, value_name = "REGEX")]
    ignore_path: Option<Vec<String>>,
    /// Send paths and titles as they are.
    #[arg(long, value_name = "BOOL")]
    raw_paths: Option<bool>,
    /// Send user agents as they are.
    #[arg(long, value_name = "BOOL")]
    raw_user_agents: Option<bool>,
}

#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    /// Number of the token.
    id: u32,
}

fn kind(text: &str) -> Result<TokenKind, String> {
    TokenKind::parse(text).map_err(|error| error.to_string())
}

fn feeds(text: &str) -> Result<Feeds, String> {
    Feeds::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn run(state: &State, command: TokenCommand, output: Output) -> anyhow::Result<()> {
    match command {
        TokenCommand::Add(args) => add(state, args, output),
        TokenCommand::List => list(state, output),
        TokenCommand::Set(args) => set(state, args, output),
        TokenCommand::Remove(args) => {
            let token = state.change(|settings| settings.remove(args.id))?;
            output.result(
                &json!({ "removed": token.id }),
                format!("token {} is removed", token.id),
            )
        }
    }
}

fn add(state: &State, args: AddArgs, output: Output) -> anyhow::Result<()> {
    let new = NewToken {
        name: args.name,
        kind: args.kind,
        endpoint: args.endpoint,
        token: args.token,
        secret: args.secret,
        feeds: args.feeds,
    };
    let token = state.change(|settings| {
        let id = settings.add(new)?;
        settings.token(id).cloned()
    })?;
    output.result(&json!(token.readable()), line(&token))
}

fn list(state: &State, output: Output) -> anyhow::Result<()> {
    let tokens = state
        .settings()?
        .map(|settings| settings.tokens)
        .unwrap_or_default();
    let lines: Vec<String> = tokens.iter().map(line).collect();
    let text = if lines.is_empty() {
        "there is no token".to_owned()
    } else {
        lines.join("\n")
    };
    output.result(
        &json!({ "tokens": tokens.iter().map(Token::readable).collect::<Vec<_>>() }),
        text,
    )
}

fn set(state: &State, args: SetArgs, output: Output) -> anyhow::Result<()> {
    let id = args.id;
    let readdressed = args.endpoint.is_some() || args.token.is_some() || args.secret.is_some();
    let token = state.change(|settings| {
        let token = settings.token_mut(id)?;
        if let Some(endpoint) = args.endpoint {
            token.point_to(&endpoint);
        }
        token.name = args.name.unwrap_or_else(|| token.name.clone());
        token.token = args.token.unwrap_or_else(|| token.token.clone());
        token.secret = args.secret.or_else(|| token.secret.clone());
        token.feeds = args.feeds.unwrap_or(token.feeds);
        token.raw_paths = args.raw_paths.unwrap_or(token.raw_paths);
        token.raw_user_agents = args.raw_user_agents.unwrap_or(token.raw_user_agents);
        if let Some(patterns) = args.ignore_path {
            token.ignore_paths = patterns
                .into_iter()
                .filter(|pattern| !pattern.is_empty())
                .collect();
        }
        token.check()?;
        Ok(token.clone())
    })?;
    if readdressed {
        state.spool()?.resume(id)?;
    }
    output.result(&json!(token.readable()), line(&token))
}

fn line(token: &Token) -> String {
    let Token {
        id,
        name,
        kind,
        endpoint,
        feeds,
        ..
    } = token;
    format!(
        "token {id}: {name}, {} at {endpoint}, feeds {feeds}",
        kind.name()
    )
}
