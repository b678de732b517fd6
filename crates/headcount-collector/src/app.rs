//! The collector put together: its parts, its routes, its orderly end.

use std::sync::Arc;

use axum::Router;

use crate::config::Config;
use crate::erase::{self, Eraser};
use crate::error::Error;
use crate::index::{Index, IndexConfig};
use crate::ingest::writer::Writer;
use crate::ingest::{self, Ingest};
use crate::meta::Meta;
use crate::metrics::Metrics;
use crate::outgoing::Reach;
use crate::store::{ProjectNumber, Store};
use crate::upkeep::{self, Upkeep};
use crate::watch::Watch;
use crate::web;
use crate::webhook::Webhooks;

/// One collector on one data folder.
pub struct Collector {
    pub config: Config,
    pub store: Store,
    pub index: Arc<Index>,
    pub meta: Meta,
    pub writer: Writer,
    pub metrics: Arc<Metrics>,
    pub(crate) ingest: Ingest,
    pub(crate) eraser: Eraser,
    upkeep: Upkeep,
    watch: Watch,
    webhooks: Webhooks,
}

impl Collector {
    /// Opens everything in the data folder, which must exist and be locked by the caller, and
    /// brings the index up to what is stored.
    ///
    /// # Errors
    /// A file cannot be opened, or was written by a newer program.
    pub fn open(config: Config) -> Result<Arc<Self>, Error> {
        let store = Store::open(&config.data)?;
        let meta = Meta::open(&config.data.join("meta.sqlite")).map_err(Error::meta)?;
        let metrics = Arc::new(Metrics::default());
        let ingest = Ingest::new(&config, Arc::clone(&metrics))?;
        let index = IndexConfig {
            cache_bytes: config.index_cache_bytes,
            ..IndexConfig::default()
        };
        let path = config.data.join("index.sqlite");
        let index = Arc::new(Index::open(&path, store.clone(), index)?);
        let applied = Arc::clone(&index);
        let writer = Writer::start(
            store.clone(),
            &config.writer,
            Arc::clone(&metrics),
            move |rows| applied.apply(rows),
        )?;
        let reach = if config.private_webhooks {
            Reach::Everything
        } else {
            Reach::Public
        };
        let collector = Arc::new(Self {
            config,
            store,
            index,
            meta,
            writer,
            metrics,
            ingest,
            eraser: Eraser::default(),
            upkeep: Upkeep::default(),
            watch: Watch::default(),
            webhooks: Webhooks::new(reach),
        });
        let weak = Arc::downgrade(&collector);
        collector.eraser.start(move || {
            if let Some(collector) = weak.upgrade() {
                erase::round(&collector);
            }
        })?;
        let weak = Arc::downgrade(&collector);
        collector.upkeep.start(move || {
            if let Some(collector) = weak.upgrade() {
                upkeep::round(&collector);
                collector.watch.round(&collector);
            }
        })?;
        collector.webhooks.start(collector.meta.clone())?;
        Ok(collector)
    }

    /// Days that raw events of a project are kept.
    #[must_use]
    pub fn retention_days(&self, project: ProjectNumber) -> u32 {
        let own = self.meta.keyring().retention_days(project);
        own.unwrap_or(self.config.retention_days)
    }

    /// Looks for findings in every project now, as the server does by itself some minutes later. Blocks
    /// until the pages can tell them.
    pub fn look_for_findings(&self) {
        self.watch.look(self);
    }

    /// All routes.
    pub fn router(self: &Arc<Self>) -> Router {
        ingest::router(Arc::clone(self)).merge(web::router(Arc::clone(self)))
    }

    /// Writes what was accepted and ends the threads. Blocks; call it when no request is served any
    /// more.
    pub fn shutdown(&self) {
        self.webhooks.stop();
        self.eraser.stop();
        self.writer.stop();
        self.upkeep.stop();
        if let Err(error) = self.index.flush() {
            // Nothing is lost: the days are noted in the store and derived at the next start.
            tracing::error!(%error, "open days of the index could not be written");
        }
    }
}
