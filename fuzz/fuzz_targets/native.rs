//! Native batches: decoding never panics, and what it took is written and read back unchanged.

#![no_main]

use headcount_protocol::{InstallId, native};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(decoded) = native::decode(data) {
        let written = native::encode(&decoded.batch);
        let again = native::decode(&written).expect("what was written can be read");
        assert!(again.rejected.is_empty(), "{:?}", again.rejected);
        assert_eq!(again.batch, decoded.batch);
    }
    if let Some(install) = InstallId::parse("local") {
        let _unreadable = native::decode_record(data, install);
    }
});
