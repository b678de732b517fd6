//! `headcount client`: the module from the command line, on a state folder that any number of processes share.

mod records;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use headcount_client::{Caps, Doctor, Http, Preview, Sender, State, first_broken};
use serde_json::json;

use crate::output::Output;
use records::RecordCommand;
use tokens::TokenCommand;

/// Longest wait for one answer when a person waits at the terminal.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Args, Debug)]
pub(crate) struct ClientArgs {
    /// The state folder: identity, settings, spool and ledger of one install.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    #[command(subcommand)]
    command: ClientCommand,
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    /// Make the install's identity if there is none, and say what runs here.
    Init(InitArgs),
    /// Add, list, change and remove tokens: where to send, and what.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Record one event; when it returns the event is in the spool or was refused with a reason.
    #[command(subcommand)]
    Record(RecordCommand),
    /// What would be sent now.
    Preview,
    /// What waits, and the last deliveries.
    Status,
    /// What left, byte for byte.
    Ledger,
    /// Which switch is on, which one won, and what is wrong.
    Doctor,
    /// Deliver now; fails when anything still waits.
    Flush,
    /// Stop everything and delete what waits.
    Off,
    /// Allow sending again.
    On,
    /// Ask every native destination to erase this install, then make a new identity.
    Forget,
}

#[derive(Args, Debug)]
struct InitArgs {
    /// Name of the program, such as allianceauth.
    #[arg(long, value_name = "NAME")]
    app: String,
    /// Its version.
    #[arg(long, value_name = "VERSION")]
    app_version: String,
    /// How it is run, such as docker or baremetal.
    #[arg(long, value_name = "KIND")]
    deployment: Option<String>,
}

pub(crate) fn run(args: ClientArgs, output: Output) -> anyhow::Result<()> {
    let state = State::at(args.state);
    match args.command {
        ClientCommand::Init(args) => init(&state, args, output),
        ClientCommand::Token(command) => tokens::run(&state, command, output),
        ClientCommand::Record(command) => records::run(&state, command, output),
        ClientCommand::Preview => preview(&state, output),
        ClientCommand::Status => status(&state, output),
        ClientCommand::Ledger => ledger(&state, output),
        ClientCommand::Doctor => doctor(&state, output),
        ClientCommand::Flush => flush(&state, output),
        ClientCommand::Off => switch(&state, true, output),
        ClientCommand::On => switch(&state, false, output),
        ClientCommand::Forget => forget(&state, output),
    }
}

fn init(state: &State, args: InitArgs, output: Output) -> anyhow::Result<()> {
    let install = state.make_install()?.install.to_string();
    state.change(|settings| {
        settings.app = Some(args.app);
        settings.app_version = Some(args.app_version);
        if args.deployment.is_some() {
            settings.deployment = args.deployment;
        }
        Ok(())
    })?;
    let text = "the install has an identity; --json prints it";
    output.result(&json!({ "install": install }), text)
}

fn preview(state: &State, output: Output) -> anyhow::Result<()> {
    let previews = state.preview()?;
    let text = |one: &Preview| {
        let Preview {
            token,
            name,
            events,
            head,
            body,
            fields,
        } = one;
        let explained: String = fields
            .iter()
            .map(|field| {
                format!(
                    "  {} ({}): {}. {}\n",
                    field.sent_as, field.name, field.meaning, field.reason
                )
            })
            .collect();
        format!(
            "token {token} ({name}), {events} events\n{head}\n{body}\n\nWhat it says:\n{explained}\n"
        )
    };
    let lines: String = previews.iter().map(text).collect();
    let lines = if lines.is_empty() {
        "nothing would be sent now".into()
    } else {
        lines
    };
    output.result(&json!({ "requests": previews }), lines.trim_end())
}

fn doctor(state: &State, output: Output) -> anyhow::Result<()> {
    let doctor = state.doctor(None)?;
    output.result(&doctor, told(&doctor))
}

fn told(doctor: &Doctor) -> String {
    let mut lines = vec![match doctor.why {
        Some(why) => format!("nothing is recorded or sent: {why}"),
        None => format!("sending: {}", doctor.feeds.join(", ")),
    }];
    if doctor.switches.len() > 1 {
        lines.push(format!(
            "switches that are on, the first wins: {}",
            doctor.switches.join(", ")
        ));
    }
    if let Some(at) = &doctor.next_daily_at {
        lines.push(format!("next daily report: {at}"));
    }
    lines.extend(doctor.findings.iter().cloned());
    lines.join("\n")
}

fn status(state: &State, output: Output) -> anyhow::Result<()> {
    let doctor = state.doctor(None)?;
    let Some(status) = &doctor.status else {
        let empty = json!({ "waiting": 0, "bytes": 0, "destinations": [], "lost": {} });
        return output.result(&empty, "nothing waits");
    };
    let mut lines = vec![format!(
        "{} events wait, {} bytes",
        status.waiting, status.bytes
    )];
    for one in &status.destinations {
        let waiting: u64 = one.waiting.values().sum();
        let last = one.last_note.as_deref().unwrap_or("no request yet");
        lines.push(format!(
            "token {} ({}): {waiting} wait; last: {last}",
            one.token, one.name
        ));
    }
    lines.extend(
        status
            .lost
            .iter()
            .map(|(reason, events)| format!("lost: {events} ({reason})")),
    );
    output.result(status, lines.join("\n"))
}

fn ledger(state: &State, output: Output) -> anyhow::Result<()> {
    if state.doctor(None)?.status.is_none() {
        return output.result(
            &json!({ "entries": [], "chain": "whole" }),
            "nothing has left",
        );
    }
    let entries = state.spool()?.ledger(None)?;
    let broken = first_broken(&entries);
    let readable: Vec<_> = entries
        .iter()
        .map(headcount_client::Entry::readable)
        .collect();
    let mut text = String::new();
    for entry in &readable {
        let outcome = entry.note.as_deref().unwrap_or("no answer yet");
        text.push_str(&format!(
            "{} {} events, {outcome}\n{}\n{}\n\n",
            entry.at, entry.events, entry.head, entry.body
        ));
    }
    let chain = match broken {
        None => "whole".to_owned(),
        Some(seq) => format!("broken at entry {seq}"),
    };
    text.push_str(&format!(
        "{} requests in the last 24 hours, chain {chain}",
        readable.len()
    ));
    output.result(&json!({ "entries": readable, "chain": chain }), text)
}

fn flush(state: &State, output: Output) -> anyhow::Result<()> {
    let doctor = state.doctor(None)?;
    let forgets = doctor
        .status
        .as_ref()
        .is_some_and(|status| status.forgets_waiting > 0);
    if !doctor.sending && !forgets {
        let why = doctor.why.unwrap_or("off");
        return output.result(
            &json!({ "requests": 0, "delivered": 0, "waiting": 0 }),
            format!("nothing was sent: {why}"),
        );
    }
    let caps = Caps::default();
    state.adopt_orphans(&caps)?;
    let http = Arc::new(Http::new(FLUSH_TIMEOUT, None));
    let round = Sender::open(state, http, Duration::ZERO, caps)?.flush()?;
    let status = state.spool()?.status(&[])?;
    let left = status.waiting + status.forgets_waiting;
    let answer =
        json!({ "requests": round.requests, "delivered": round.delivered, "waiting": left });
    output.result(
        &answer,
        format!(
            "{} events delivered in {} requests",
            round.delivered, round.requests
        ),
    )?;
    if left > 0 {
        bail!("{left} still wait: {}", round.troubles.join("; "));
    }
    Ok(())
}

fn switch(state: &State, off: bool, output: Output) -> anyhow::Result<()> {
    state.change(|settings| {
        settings.off = off;
        Ok(())
    })?;
    if off {
        // What killed processes left behind goes too: read under the new settings, nobody wants it.
        state
            .adopt_orphans(&Caps::default())
            .context("deleting what waits")?;
    }
    let text = if off {
        "off: nothing is recorded or sent, what waited is deleted"
    } else {
        "on"
    };
    output.result(&json!({ "off": off }), text)
}

fn forget(state: &State, output: Output) -> anyhow::Result<()> {
    let asked = state.forget()?;
    let http = Arc::new(Http::new(FLUSH_TIMEOUT, None));
    let round = Sender::open(state, http, Duration::ZERO, Caps::default())?
        .run_once(headcount_client::Pace::Now)?;
    let left = state.spool()?.status(&[])?.forgets_waiting;
    let answer = json!({ "asked": asked, "acknowledged": asked as u64 - left.min(asked as u64), "waiting": left });
    let text = if left == 0 {
        format!(
            "{asked} destinations were asked and have erased this install; it has a new identity"
        )
    } else {
        format!(
            "the install has a new identity; {left} destinations have not acknowledged yet ({}); `flush` asks again",
            round.troubles.join("; ")
        )
    };
    output.result(&answer, text)
}
