//! GA4: decoding, re-encoding and the validation answer never panic.

#![no_main]

use std::collections::BTreeMap;

use headcount_protocol::{Batch, Runtime, ga4};
use libfuzzer_sys::fuzz_target;

const NOW_MS: i64 = 1_795_444_000_000;
const QUERY: &str = "measurement_id=G-ABC1234567&api_secret=s";

fuzz_target!(|data: &[u8]| {
    // What stands before a NUL is the query string.
    let (query, body) = match data.iter().position(|&b| b == 0) {
        Some(at) => (std::str::from_utf8(&data[..at]).ok(), &data[at + 1..]),
        None => (Some(QUERY), data),
    };
    let decoded = ga4::decode(query, body, NOW_MS);
    assert!(!decoded.hits.is_empty());
    let events: Vec<_> = decoded.hits.into_iter().filter_map(|hit| hit.outcome.ok()).collect();
    assert!(events.len() <= ga4::rules::MAX_EVENTS);
    if let Some(install) = decoded.install {
        let batch = Batch {
            install,
            app: decoded.app,
            app_version: decoded.app_version,
            batch_id: None,
            sent_at_ms: None,
            runtime: Runtime::default(),
            events,
            lost: BTreeMap::new(),
        };
        for request in ga4::encode(&batch) {
            assert!(request.body.len() <= ga4::rules::MAX_BODY_BYTES);
            let again = ga4::decode(Some(QUERY), &request.body, NOW_MS);
            assert!(again.hits.iter().all(|hit| hit.outcome.is_ok()));
        }
    }
    let answer = ga4::debug(query, body, NOW_MS);
    serde_json::from_str::<serde_json::Value>(&answer).expect("the answer is JSON");
});
