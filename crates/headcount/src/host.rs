//! A collector at its address: opened, listening, served until it is told to stop, closed.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use headcount_collector::app::Collector;
use headcount_collector::config::Config;
use headcount_collector::meta::address::link_page;
use headcount_collector::server::{self, Limits};
use jiff::Timestamp;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// File descriptors that connections must leave for databases and logs.
const OTHER_FILES: u64 = 128;

pub(crate) struct Host {
    pub(crate) collector: Arc<Collector>,
    listener: TcpListener,
    /// With the port that was taken where 0 was asked for.
    pub(crate) address: SocketAddr,
    limits: Limits,
}

impl Host {
    /// Takes the address first, so that a port in use leaves the data alone.
    pub(crate) async fn open(
        config: Config,
        listen: SocketAddr,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("listening on {listen}"))?;
        let address = listener
            .local_addr()
            .context("asking for the own address")?;
        let folder = config.data.clone();
        let collector = tokio::task::spawn_blocking(move || Collector::open(config))
            .await?
            .with_context(|| format!("opening the data folder {}", folder.display()))?;
        let host = Self {
            collector,
            listener,
            address,
            limits: Limits {
                connections: allowed(connections),
                ..Limits::default()
            },
        };
        host.collector.meta.note_address(&host.base())?;
        Ok(host)
    }

    /// Where the socket listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where people reach it.
    pub(crate) fn base(&self) -> String {
        let public = self.collector.config.public_url.as_deref();
        public.map_or_else(|| self.url(), |url| url.trim_end_matches('/').to_owned())
    }

    /// A one-time link for the first manager; `None` once somebody has signed in.
    pub(crate) fn first_link(&self) -> anyhow::Result<Option<String>> {
        let token = self.collector.meta.first_manager_link(Timestamp::now())?;
        Ok(token.map(|token| link_page(&self.base(), &token)))
    }

    /// Serves until `stop` completes, then finishes what was accepted.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let router = self.collector.router();
        let cut_off = server::serve(self.listener, router, self.limits, stop).await;
        if cut_off > 0 {
            tracing::warn!(cut_off, "connections were still open at the end");
        }
        tokio::task::spawn_blocking(move || self.collector.shutdown()).await?;
        Ok(())
    }
}

/// Raises the limit of open files as far as the system lets us, and keeps connections below it.
fn allowed(connections: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHER_FILES);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let new = rustix::process::Rlimit {
            current: Some(raised),
            ..limit
        };
        if setrlimit(Resource::Nofile, new).is_ok() {
            limit.current = Some(raised);
        }
    }
    let Some(files) = limit.current.filter(|current| *current < wanted) else {
        return connections;
    };
    let fewer = usize::try_from(files.saturating_sub(OTHER_FILES))
        .unwrap_or(connections)
        .max(1);
    tracing::warn!(
        asked = connections,
        allowed = fewer,
        "the system's limit of open files allows fewer connections"
    );
    fewer
}

/// The runtime for serving.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
}

/// The two signals that ask for an orderly end.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
