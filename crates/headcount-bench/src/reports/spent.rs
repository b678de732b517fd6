//! What a report's questions to the index cost, each kind of question by itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headcount_collector::query::Query;
use rustix::time::{ClockId, clock_gettime};

/// Processor time by kind of question, over any number of reports.
#[derive(Default)]
pub(crate) struct Spent {
    kinds: Mutex<BTreeMap<String, (u64, Duration)>>,
}

impl Spent {
    /// Asks, and notes what it took on this thread.
    pub(crate) fn on<T>(&self, kind: impl FnOnce() -> String, ask: impl FnOnce() -> T) -> T {
        let before = clock(ClockId::ThreadCPUTime);
        let answer = ask();
        let took = clock(ClockId::ThreadCPUTime).saturating_sub(before);
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, spent) = kinds.entry(kind()).or_default();
        *times += 1;
        *spent += took;
        answer
    }

    /// One line for each kind, the dearest first; times are those of one report of `reports`.
    pub(crate) fn print(&self, reports: usize) {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kinds: Vec<_> = kinds.iter().collect();
        kinds.sort_by_key(|(_, (_, spent))| std::cmp::Reverse(*spent));
        for (kind, (times, spent)) in kinds {
            let each = spent.as_secs_f64() * 1e3 / reports as f64;
            let times = *times as f64 / reports as f64;
            println!("    {each:>8.2} ms in {times:>5.1} questions: {kind}");
        }
    }
}

/// A question without its filter and days.
pub(crate) fn kind(query: &Query) -> String {
    let days = query.range.to.0 - query.range.from.0 + 1;
    let Query {
        measure,
        by,
        bucket,
        ..
    } = query;
    format!("{measure:?} by {by:?}, {bucket:?} over {days} days")
}

/// Processor time of this process so far, all its threads.
pub(crate) fn processor() -> Duration {
    clock(ClockId::ProcessCPUTime)
}

fn clock(of: ClockId) -> Duration {
    let time = clock_gettime(of);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
