//! `headcount demo`: a collector on a temporary folder, filled by a simulated fleet over its own
//! HTTP endpoint, then kept alive by a trickle of hits.

mod load;
mod sender;
mod trickle;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use headcount_collector::config::Config;
use headcount_collector::meta::audit::Actor;
use headcount_collector::meta::projects::{NewProject, Project};
use headcount_testkit::fleet::{Fleet, Shape};
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::cli::DemoArgs;
use crate::folder;
use crate::host::{self, Host, Signals};
use crate::output::{self, Output};
use load::Load;
use trickle::Trickle;

const PROJECT_NAME: &str = "Alliance Auth";
const CONNECTIONS: usize = 1_024;

pub(crate) fn run(args: DemoArgs, output: Output) -> anyhow::Result<()> {
    // Removed at the end, also after a failure.
    let temporary = tempfile::Builder::new()
        .prefix("headcount-demo-")
        .tempdir()
        .context("making a temporary folder")?;
    let _owner = folder::own(temporary.path())?;
    let mut config = Config::new(temporary.path());
    config.retention_days = config.retention_days.max(args.days.saturating_add(1));
    // One process sends for a whole fleet.
    config.limits.requests_per_second = u32::MAX;
    host::runtime()?.block_on(demo(args, config, output))
}

async fn demo(args: DemoArgs, config: Config, output: Output) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let host = Host::open(config, args.listen, CONNECTIONS).await?;
    let url = host.url();
    output::message(format_args!("listening on {url}"));
    let project = create_project(&host)?;
    let link = host.first_link()?;
    output::message(format_args!("watch the pages fill: {url}/"));
    if let Some(link) = &link {
        output::message(format_args!("sign in, once: {link}"));
    }
    let load = Load {
        fleet: Fleet::new(Shape {
            installs: args.installs,
            days: args.days,
            seed: args.seed,
            now_ms: Timestamp::now().as_millisecond(),
        }),
        address: host.address,
        ingest_key: project.ingest_key.clone(),
        stopped: AtomicBool::new(false),
    };
    let load = Arc::new(load);
    let collector = Arc::clone(&host.collector);
    let (stop, stopping) = oneshot::channel::<()>();
    let served = tokio::spawn(host.serve(async { drop(stopping.await) }));

    let started = Instant::now();
    let loading = Arc::clone(&load);
    let mut loaded = tokio::task::spawn_blocking(move || loading.run());
    tokio::select! {
        done = &mut loaded => {
            let events = done??;
            // The next look of its own may be minutes away; until then pages would tell of half the past.
            tokio::task::spawn_blocking(move || collector.look_for_findings()).await?;
            let told = Loaded { events, seconds: started.elapsed().as_secs_f64() };
            told.show(&url, &project, link.as_deref(), output)?;
            let trickle = tokio::spawn(Trickle { load, project }.run());
            signals.any().await;
            trickle.abort();
        }
        () = signals.any() => load.stopped.store(true, Ordering::Relaxed),
    }
    drop(stop);
    served.await?
}

fn create_project(host: &Host) -> anyhow::Result<Project> {
    let new = NewProject {
        name: PROJECT_NAME.to_owned(),
        ..NewProject::default()
    };
    let meta = &host.collector.meta;
    Ok(meta.create_project(&new, &Actor::CommandLine, Timestamp::now())?)
}

/// What the demo says when its pages are full.
struct Loaded {
    events: u64,
    seconds: f64,
}

impl Loaded {
    fn show(
        &self,
        url: &str,
        project: &Project,
        link: Option<&str>,
        output: Output,
    ) -> anyhow::Result<()> {
        let (events, seconds) = (self.events, self.seconds);
        output::message(format_args!("loaded {events} events in {seconds:.1} s"));
        output::message(format_args!("pages: {url}/"));
        if let Some(link) = link {
            output::message(format_args!("sign in, once, if not done yet: {link}"));
        }
        output::message("Ctrl-C ends the demo and removes its data");
        if output.json {
            let ready = serde_json::json!({
                "listening": url,
                "sign_in": link,
                "events": events,
                "seconds": seconds,
                "project": project,
            });
            output.result(&ready, "")?;
        }
        Ok(())
    }
}
