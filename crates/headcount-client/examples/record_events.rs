//! A host in a few lines: opens the module on a state folder, records events, and says what that cost it.
//!
//! `record_events STATE [COUNT] [disabled]`: with the last word the host's own setting says no.

use headcount_client::{AnalyticsEvent, Client, Config, Page, Recorded, Stats, Task};

#[expect(clippy::print_stdout, reason = "an example tells what it did")]
fn main() {
    let mut args = std::env::args().skip(1);
    let state = args
        .next()
        .unwrap_or_else(|| "./headcount-state".to_owned());
    let count: usize = args.next().and_then(|text| text.parse().ok()).unwrap_or(10);
    let mut config = Config::new(state).app("example", "1.0");
    config.disabled_by_host = args.next().is_some_and(|word| word == "disabled");
    let client = Client::open(config);
    let mut held = 0;
    for _ in 0..count {
        let task = Task {
            namespace: "example",
            task: "tidy_up",
            result: "Success",
            label: "",
            value: Some(3.0),
        };
        let page = Page {
            opened: "",
            path: "/items/4711/?page=2",
            title: "Items",
            locale: "en",
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        };
        let number = AnalyticsEvent::new("example", "sizes", "rows", "", 12.0).event_type("Stats");
        let outcomes = [
            client.record_task(&task),
            client.record_page(&page),
            client.record_stats(&Stats {
                users: Some(128),
                ..Stats::default()
            }),
            client.analytics_event(&number),
        ];
        held += outcomes
            .iter()
            .filter(|outcome| **outcome == Recorded::Held)
            .count();
    }
    println!("held={held} threads={} sockets={}", threads(), sockets());
}

/// Threads of this process, by the kernel's count.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Open sockets of this process, by the kernel's count.
fn sockets() -> usize {
    let files = std::fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    files
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}
