//! How a host opens the module. Every field has a default; only the state folder must be named.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headcount_protocol::Stats;

use crate::ring::DEFAULT_RING_BYTES;
use crate::spool::Caps;
use crate::transport::{Http, Meanwhile, REQUEST_TIMEOUT, Transport};

/// Events of a destination are collected this long before they leave together.
const DELIVERY_INTERVAL: Duration = Duration::from_secs(60);

/// Makes the transport of a process; given what to do while an answer is awaited.
pub type MakeTransport = Arc<dyn Fn(Meanwhile) -> Arc<dyn Transport> + Send + Sync>;

/// Gives the daily statistics when they are due; `None` when the host has none to give. Called on the worker's
/// thread, so it may take its time.
pub type DailyCallback = Arc<dyn Fn() -> Option<Stats> + Send + Sync>;

/// How to open a `Client`.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// Folder of spool, ledger, identity and settings; shared by all processes of the install.
    pub state: PathBuf,
    /// The program, for example `allianceauth`; `None` keeps what the settings say.
    pub app: Option<String>,
    /// Its version.
    pub app_version: Option<String>,
    /// How it is run, for example `docker`.
    pub deployment: Option<String>,
    /// Other facts about what it runs on, for example `python` to `3.11`.
    pub runtime: BTreeMap<String, String>,
    /// The host's own setting says that analytics is off.
    pub disabled_by_host: bool,
    /// Limits of what waits for delivery.
    pub caps: Caps,
    /// Size of this process's ring, in bytes; rounded up to a power of two.
    pub ring_bytes: usize,
    /// How long events of a destination are collected before they leave together.
    pub delivery_interval: Duration,
    /// Gives the daily statistics; with it the worker begins when the client is opened, not with the first event.
    pub daily: Option<DailyCallback>,
    /// What sends; `None` is HTTP.
    pub transport: Option<MakeTransport>,
}

impl Config {
    /// The defaults, on a state folder.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            state: state.into(),
            app: None,
            app_version: None,
            deployment: None,
            runtime: BTreeMap::new(),
            disabled_by_host: false,
            caps: Caps::default(),
            ring_bytes: DEFAULT_RING_BYTES,
            delivery_interval: DELIVERY_INTERVAL,
            daily: None,
            transport: None,
        }
    }

    /// Names the program and its version.
    #[must_use]
    pub fn app(mut self, name: &str, version: &str) -> Self {
        self.app = Some(name.to_owned());
        self.app_version = Some(version.to_owned());
        self
    }

    pub(crate) fn make_transport(&self, meanwhile: Meanwhile) -> Arc<dyn Transport> {
        match &self.transport {
            Some(make) => make(meanwhile),
            None => Arc::new(Http::new(REQUEST_TIMEOUT, Some(meanwhile))),
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Config")
            .field("state", &self.state)
            .field("app", &self.app)
            .field("app_version", &self.app_version)
            .finish_non_exhaustive()
    }
}
