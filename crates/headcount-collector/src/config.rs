//! The settings of a collector. Each field's comment is its manual.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of a collector; `Config::new` gives the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder. It must exist.
    pub data: PathBuf,
    /// Address under which people reach the collector, such as `https://stats.example.org`: used in
    /// links that are sent or printed, and decides whether cookies are marked secure.
    pub public_url: Option<String>,
    /// Request header in which a proxy in front tells the sender's address, such as
    /// `x-forwarded-for`; its last address counts. Only for a proxy that sets it itself.
    pub client_address_header: Option<String>,
    /// Raw events older than this many days are removed, and refused when they come. Reports reach
    /// further back, since the index stays.
    pub retention_days: u32,
    /// Whether webhooks may be posted to loopback and private networks. Managers of projects set the
    /// addresses: with this they reach what only this machine can reach.
    pub private_webhooks: bool,
    /// Memory for index data that was read from disk, in bytes.
    pub index_cache_bytes: usize,
    /// The provider through which people may sign in.
    #[cfg(feature = "oidc")]
    pub oidc: Option<crate::oidc::OidcConfig>,
    /// How requests are bounded.
    pub limits: Limits,
    /// How events are grouped into commits.
    pub writer: WriterConfig,
}

impl Config {
    /// The defaults on a data folder.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            public_url: None,
            client_address_header: None,
            retention_days: 800,
            private_webhooks: false,
            index_cache_bytes: 192 * 1024 * 1024,
            #[cfg(feature = "oidc")]
            oidc: None,
            limits: Limits::default(),
            writer: WriterConfig::default(),
        }
    }
}

/// Bounds of requests.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest body as sent, in bytes; beyond it 413.
    pub body_bytes: usize,
    /// Longest body after decompression, in bytes; beyond it 413.
    pub unpacked_bytes: usize,
    /// All bodies in memory at one time, in bytes; beyond it 503.
    pub bodies_bytes: usize,
    /// Time for a body to arrive; beyond it 408.
    pub body_timeout: Duration,
    /// Requests a second that one key may send from one network (IPv4 /24, IPv6 /64), on average.
    pub requests_per_second: u32,
    /// Requests that may come at once before the average counts.
    pub request_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Google's own limits are 16 KiB (v1) and 130 KiB (GA4); a native batch of 500 events
            // has about 150 KiB.
            body_bytes: 2 * 1024 * 1024,
            unpacked_bytes: 16 * 1024 * 1024,
            bodies_bytes: 64 * 1024 * 1024,
            body_timeout: Duration::from_secs(20),
            // Behind a proxy that hides addresses all senders are one network.
            requests_per_second: 5_000,
            request_burst: 100_000,
        }
    }
}

/// How events are grouped into commits.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// Requests that may wait for the writer; beyond it 503.
    pub queued_requests: usize,
    /// Events that may wait for the writer; beyond it 503.
    pub queued_events: usize,
    /// Events after which a group is closed.
    pub group_events: usize,
    /// Longest time a group stays open for more once its first request is there, while others are
    /// likely to be on their way; never more than half the time of the last commit.
    pub group_wait: Duration,
    /// Distinct texts per project and field; further ones are counted as `(other)`.
    pub distinct_values: usize,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            queued_requests: 8_192,
            queued_events: 200_000,
            group_events: 10_000,
            group_wait: Duration::from_millis(2),
            distinct_values: 10_000,
        }
    }
}
