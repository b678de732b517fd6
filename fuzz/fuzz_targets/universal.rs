//! Measurement Protocol v1: splitting, decoding, re-encoding and the debug answer never panic.

#![no_main]

use std::collections::BTreeMap;

use headcount_protocol::{Batch, Runtime, universal};
use libfuzzer_sys::fuzz_target;

const NOW_MS: i64 = 1_795_444_000_000;

fuzz_target!(|data: &[u8]| {
    // What stands before a NUL is the query string.
    let (query, body) = match data.iter().position(|&b| b == 0) {
        Some(at) => (std::str::from_utf8(&data[..at]).ok(), &data[at + 1..]),
        None => (None, data),
    };
    let lines = universal::lines(query, body);
    assert!(!lines.is_empty());
    for line in lines.iter().filter(|line| line.refused.is_none()) {
        let decoded = universal::decode(&line.payload, NOW_MS);
        let (Ok(event), Some(install)) = (decoded.outcome, decoded.install) else { continue };
        let batch = Batch {
            install,
            app: decoded.app,
            app_version: decoded.app_version,
            batch_id: None,
            sent_at_ms: None,
            runtime: Runtime::default(),
            events: vec![event],
            lost: BTreeMap::new(),
        };
        for hit in universal::encode(&batch, "UA-1-1") {
            assert!(hit.payload.len() <= universal::MAX_PAYLOAD_BYTES);
            let again = universal::decode(hit.payload.as_bytes(), NOW_MS);
            assert!(again.outcome.is_ok(), "{}", hit.payload);
        }
    }
    let answer = universal::debug("/debug/collect", query, body);
    serde_json::from_str::<serde_json::Value>(&answer).expect("the answer is JSON");
});
