//! Tower layers that record page views and task ends for Rust hosts. They never block, never panic, and cost a
//! load from memory while nobody wants the feed.

mod pages;
mod tasks;

pub use pages::{PageViews, PageViewsService, PagesFuture, Watched};
pub use tasks::{TaskEvents, TaskEventsService, TasksFuture};
