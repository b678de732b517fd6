//! `headcount erase`: removes one install for good, beside a running server or without one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use headcount_collector::erase::{self, Reach};
use headcount_collector::index::{Index, IndexConfig};
use headcount_collector::meta::Meta;
use headcount_collector::store::{Forget, ProjectNumber, Store};
use jiff::Timestamp;

use crate::cli::DataArgs;
use crate::folder;
use crate::output::Output;
use crate::project;

/// Who asks, for the audit log.
const ACTOR: &str = "command line";

/// How often it is looked whether the running server is done.
const STEP: Duration = Duration::from_millis(50);

/// How long a running server is waited for. What is asked stands; it goes on without us.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Args, Debug)]
pub(crate) struct EraseArgs {
    /// Name of the project in addresses, such as alliance-auth.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// The install, as it names itself: mostly a UUID.
    #[arg(long, value_name = "UUID")]
    install: String,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(args: &EraseArgs, output: Output) -> anyhow::Result<()> {
    let data = &args.data.data;
    let meta = project::open(data)?;
    let project = meta.project(&args.project)?;
    let store =
        Store::open(data).with_context(|| format!("opening the data folder {}", data.display()))?;
    let asked = ask(&store, project.number, &args.install)?.with_context(|| {
        format!(
            "the project {} has no event of an install {}: give the name as it was sent",
            project.slug, args.install
        )
    })?;
    let done = wait(data, &store, &meta, asked)?;
    let result = serde_json::json!({
        "project": project.slug,
        "receipt": done.receipt,
        "erased_events": done.events,
    });
    let text = format!("erased {} events; receipt {}", done.events, done.receipt);
    output.result(&result, text)
}

/// `None` for an install that is neither known nor erased: most likely a slip of the hand.
fn ask(store: &Store, project: ProjectNumber, install: &str) -> anyhow::Result<Option<Forget>> {
    let install = install.trim();
    if store.install_number(project, install)?.is_none() {
        return Ok(store.forget_of(project, install)?);
    }
    let now_ms = Timestamp::now().as_millisecond();
    Ok(Some(erase::ask(store, project, install, ACTOR, now_ms)?))
}

/// Waits for the running server to erase it, or does it where none runs.
fn wait(data: &Path, store: &Store, meta: &Meta, mut asked: Forget) -> anyhow::Result<Forget> {
    let until = Instant::now() + PATIENCE;
    while asked.done_ms.is_none() {
        if let Some(_owner) = folder::own_if_free(data)? {
            finish(data, store, meta)?;
        } else if Instant::now() > until {
            bail!(
                "it is noted, but the running server has not erased it yet; it goes on, and its log \
                 says what holds it up"
            );
        } else {
            std::thread::sleep(STEP);
        }
        asked = store.forget(asked.id)?;
    }
    Ok(asked)
}

fn finish(data: &Path, store: &Store, meta: &Meta) -> anyhow::Result<()> {
    let config = IndexConfig {
        upkeep_every: None,
        ..IndexConfig::default()
    };
    let index = Index::open(&data.join("index.sqlite"), store.clone(), config)
        .context("opening the index")?;
    let reach = Reach {
        store,
        index: &index,
        meta,
    };
    let now_ms = Timestamp::now().as_millisecond();
    // Nobody writes while the folder is ours.
    erase::finish(&reach, || Ok(()), now_ms).context("erasing the install")?;
    Ok(())
}
