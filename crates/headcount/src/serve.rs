//! `headcount serve`: the collector and its pages on one data folder until it is told to stop.

use anyhow::Context as _;
use headcount_collector::server::{self, Limits};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::ServeArgs;
use crate::folder;
use crate::output::{self, Output};

pub(crate) fn run(args: ServeArgs, output: Output) -> anyhow::Result<()> {
    let _owner = folder::own(&args.data.data)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(serve(args, output))
}

async fn serve(args: ServeArgs, output: Output) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("listening for signals")?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listening on {}", args.listen))?;
    let address = listener
        .local_addr()
        .context("asking for the own address")?;
    output::message(format_args!("listening on http://{address}"));
    if output.json {
        let ready = serde_json::json!({ "listening": format!("http://{address}") });
        output.result(&ready, "")?;
    }
    let router = axum::Router::new();
    let cut_off = server::serve(listener, router, Limits::default(), signals.any()).await;
    if cut_off > 0 {
        tracing::warn!(cut_off, "connections were still open at the end");
    }
    Ok(())
}

/// The two signals that ask for an orderly end.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
