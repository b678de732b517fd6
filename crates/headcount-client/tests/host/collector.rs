//! A collector in a few lines: decodes native batches, folds events it knows, answers with a receipt.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use headcount_protocol::{Batch, EventBody, native};
use headcount_testkit::fault::{Answer, Fault, FaultServer, Request};

/// What a collector keeps.
#[derive(Default)]
pub(crate) struct Kept {
    /// Runs of task events by label; events that came twice count once.
    pub(crate) runs: BTreeMap<String, u64>,
    /// Events that came again although they were taken.
    pub(crate) duplicates: usize,
    pub(crate) batches: Vec<Batch>,
    ids: std::collections::HashSet<[u8; 16]>,
}

pub(crate) struct Collector {
    pub(crate) server: FaultServer,
    pub(crate) kept: Arc<Mutex<Kept>>,
}

impl Collector {
    pub(crate) fn start(script: Vec<Fault>) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let for_handler = Arc::clone(&kept);
        let server = FaultServer::with_handler(script, move |request| {
            Fault::Answer(take(&mut for_handler.lock().unwrap(), request))
        });
        Self {
            server: server.unwrap(),
            kept,
        }
    }

    pub(crate) fn runs(&self) -> BTreeMap<String, u64> {
        self.kept.lock().unwrap().runs.clone()
    }
}

/// The body as it was before compression.
pub(crate) fn plain(request: &Request) -> Vec<u8> {
    if request.header("content-encoding") != Some("gzip") {
        return request.body.clone();
    }
    let mut plain = Vec::new();
    GzDecoder::new(&request.body[..])
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

fn take(kept: &mut Kept, request: &Request) -> Answer {
    let Ok(decoded) = native::decode(&plain(request)) else {
        return Answer::status(400);
    };
    assert!(
        decoded.rejected.is_empty(),
        "the module sent what is not valid: {:?}",
        decoded.rejected
    );
    let mut duplicates = 0;
    for event in &decoded.batch.events {
        if !kept.ids.insert(event.id.unwrap()) {
            duplicates += 1;
            continue;
        }
        if let EventBody::Task(task) = &event.body {
            *kept.runs.entry(task.label.clone()).or_default() += u64::from(task.count);
        }
    }
    kept.duplicates += duplicates;
    let accepted = decoded.batch.events.len() - duplicates;
    kept.batches.push(decoded.batch);
    Answer::status(200).body(format!(
        r#"{{"accepted":{accepted},"duplicates":{duplicates},"rejected":[]}}"#
    ))
}
