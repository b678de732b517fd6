//! User agents reduced to browser and system, each text once.

use std::sync::{Arc, Mutex, PoisonError};

use headcount_protocol::user_agent::{self, Os};
use rustc_hash::FxHashMap;

/// Texts remembered. When more come the memory starts anew.
const REMEMBERED: usize = 2_000;

/// Browser family and system; empty where not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) browser: Arc<str>,
    pub(crate) os: Arc<str>,
}

/// Remembers what texts were reduced to.
#[derive(Default)]
pub(crate) struct Agents {
    known: Mutex<FxHashMap<Box<str>, Agent>>,
}

impl Agents {
    pub(crate) fn reduce(&self, text: &str) -> Agent {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = known.get(text) {
            return agent.clone();
        }
        let reduced = user_agent::reduce(text);
        let agent = Agent {
            browser: reduced.family.into(),
            os: reduced.os.map_or("", Os::as_str).into(),
        };
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(Box::from(text), agent.clone());
        agent
    }
}
