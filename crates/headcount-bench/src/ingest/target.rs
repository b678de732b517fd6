//! A real collector on a fresh data folder, index included.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use headcount_collector::app::Collector;
use headcount_collector::config::Config;
use headcount_collector::meta::audit::Actor;
use headcount_collector::meta::projects::{NewProject, Project};
use headcount_collector::server::{self, Limits};
use headcount_collector::store::{ProjectNumber, Store};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Threads of either server.
const THREADS: usize = 2;

pub(super) struct Target {
    folder: TempDir,
    collector: Arc<Collector>,
    project: Project,
    address: SocketAddr,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    served: JoinHandle<usize>,
}

/// What a target wrote.
pub(super) struct Written {
    pub(super) folder: TempDir,
    pub(super) project: ProjectNumber,
    commits: f64,
    events: f64,
}

impl Written {
    /// Rounded, at least 1.
    pub(super) fn events_a_commit(&self) -> usize {
        (self.events / self.commits).round().max(1.0) as usize
    }

    pub(super) fn store(&self) -> anyhow::Result<Store> {
        Store::open(self.folder.path()).context("opening what was written")
    }
}

pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .context("starting a runtime")
}

/// A folder beside the program rather than in `/tmp`, which is memory on many machines.
pub(super) fn folder() -> anyhow::Result<TempDir> {
    let program = std::env::current_exe().context("finding a place for data")?;
    let place = program.parent().context("finding a place for data")?;
    tempfile::tempdir_in(place).context("making a data folder")
}

impl Target {
    pub(super) fn start() -> anyhow::Result<Self> {
        let folder = folder()?;
        let mut config = Config::new(folder.path());
        // All load comes from one address.
        config.limits.requests_per_second = u32::MAX;
        config.limits.request_burst = u32::MAX;
        let collector = Collector::open(config).context("opening the collector")?;
        let new = NewProject {
            name: "Alliance Auth".to_owned(),
            ..NewProject::default()
        };
        let project = collector
            .meta
            .create_project(&new, &Actor::CommandLine, jiff::Timestamp::now())
            .context("creating the project")?;
        let runtime = runtime()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let router = collector.router();
        let served = runtime.spawn(async move {
            let stopped = async { drop(stopped.await) };
            server::serve(listener, router, Limits::default(), stopped).await
        });
        Ok(Self {
            folder,
            collector,
            project,
            address,
            runtime,
            stop,
            served,
        })
    }

    pub(super) fn project(&self) -> &Project {
        &self.project
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn stop(self) -> anyhow::Result<Written> {
        let text = self.collector.metrics.encode();
        let figure = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok())
                .with_context(|| format!("{name} is not among the metrics"))
        };
        let commits = figure("headcount_commit_events_count ")?;
        let events = figure("headcount_commit_events_sum ")?;
        drop(self.stop);
        let cut_off = self.runtime.block_on(self.served)?;
        ensure!(cut_off == 0, "{cut_off} connections were cut off");
        self.collector.shutdown();
        Ok(Written {
            folder: self.folder,
            project: self.project.number,
            commits,
            events,
        })
    }
}
