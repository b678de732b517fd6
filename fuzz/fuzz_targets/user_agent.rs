//! User agents reduce to a form that reduces to itself; scrubbed texts are bounded.

#![no_main]

use headcount_protocol::{native, scrub, user_agent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let reduced = user_agent::reduce(&text);
    assert_eq!(user_agent::reduce(&reduced.to_string()), reduced);
    assert!(scrub::scrub_path(&text).len() <= native::MAX_PATH_BYTES);
    assert!(scrub::scrub_title(&text).len() <= native::MAX_TITLE_BYTES);
    assert!(!scrub::exception_class(&text).is_empty());
});
