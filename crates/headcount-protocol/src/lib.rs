//! What an event is and how it looks on each wire. Pure: no I/O, no clock, no threads, no randomness.

pub mod event;

pub use event::{
    AppStat, Batch, Deployment, Event, EventBody, EventId, InstallId, InstalledApp, Page, Runtime,
    Stats, Task,
};
