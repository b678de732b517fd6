//! What an event is and how it looks on each wire. Pure: no I/O, no clock, no threads, no randomness.

pub mod dictionary;
pub mod event;
pub mod ga4;
pub mod native;
pub mod notes;
pub mod retry;
pub mod scrub;
pub mod universal;
pub mod user_agent;

mod answer;
mod json;
mod text;
mod vocabulary;

pub use event::{
    AppStat, Batch, Deployment, Event, EventBody, EventId, InstallId, InstalledApp, Page, Runtime,
    Stats, Task,
};
pub use notes::{Note, NoteCode, Refusal, RefusalCode};
