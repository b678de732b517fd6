//! The analytics module of an installation: records events without disturbing its host, delivers them, and
//! never sends a byte that the operator has not allowed.
//!
//! A host opens one [`Client`] and calls its `record_*` functions; they copy the event into a ring and return.
//! Those who manage an install (command line, agent, admin pages) work on its [`State`] folder.

#[cfg(feature = "admin")]
mod admin;
mod analytics_event;
mod client;
mod clock;
mod config;
mod daily;
mod delivery;
mod direct;
mod doctor;
mod drain;
mod encode;
mod error;
mod fold;
mod forget;
mod gate;
mod install;
mod intake;
#[cfg(feature = "tower")]
pub mod layers;
mod lease;
mod ledger;
mod loss;
mod mapped;
mod mirror;
mod preview;
mod process;
mod record;
mod retry;
mod ring;
mod settings;
mod spool;
mod state;
mod title;
mod transport;
mod worker;

#[cfg(feature = "admin")]
pub use admin::{ADMIN_PATH, Access, Admin, Door};
pub use analytics_event::AnalyticsEvent;
pub use client::{Client, Page, Recorded, Task};
pub use config::{Config, DailyCallback, MakeTransport};
pub use delivery::{Pace, Round, Sender};
pub use doctor::Doctor;
pub use error::{Error, Result};
pub use gate::{Switch, switches_on};
pub use headcount_protocol::{Deployment, InstalledApp, Stats};
pub use install::{Install, pseudonym};
pub use ledger::{Entry, ReadableEntry, first_broken};
pub use loss::LossReason;
pub use mirror::{HostToken, HostTruth, Identity, Mirrored, pattern_trouble};
pub use preview::{Preview, PreviewField};
pub use settings::{Feed, Feeds, NewToken, Settings, Token, TokenKind};
pub use spool::{Caps, DestinationStatus, Spool, Status, Stop};
pub use state::State;
pub use title::{title_of_html, title_without_sites};
pub use transport::{Answer, Http, Meanwhile, NoAnswer, Request, Transport};
