//! Why hits were rejected lately, how often and by how many installs. Pure.

use rustc_hash::FxHashMap;

use crate::store::{Hit, Verdict};

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Its stable code.
    pub(crate) code: String,
    pub(crate) hits: u64,
    /// Installs that told who they are.
    pub(crate) installs: usize,
}

impl Reason {
    /// By whom, as the end of a sentence; nothing where nobody said who it is.
    pub(crate) fn by_whom(&self) -> String {
        match self.installs {
            0 => String::new(),
            1 => ", all from one install".to_owned(),
            installs => format!(", from {installs} installs"),
        }
    }
}

/// Reasons of the hits rejected from a moment on, the most frequent first.
pub(crate) fn reasons(hits: &[Hit], from_ms: i64) -> Vec<Reason> {
    let mut found: FxHashMap<&str, (u64, Vec<&str>)> = FxHashMap::default();
    let refused = hits
        .iter()
        .filter(|hit| hit.verdict == Verdict::Refused && hit.received_ms > from_ms);
    for hit in refused {
        let code = hit.reason.split(':').next().unwrap_or_default().trim();
        let (count, installs) = found.entry(code).or_default();
        *count += 1;
        if !hit.install.is_empty() && !installs.contains(&hit.install.as_str()) {
            installs.push(&hit.install);
        }
    }
    let mut out: Vec<Reason> = found
        .into_iter()
        .map(|(code, (hits, installs))| Reason {
            code: code.to_owned(),
            hits,
            installs: installs.len(),
        })
        .collect();
    out.sort_by(|a, b| b.hits.cmp(&a.hits).then_with(|| a.code.cmp(&b.code)));
    out
}
