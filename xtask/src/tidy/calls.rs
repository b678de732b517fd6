//! Calls that reach outside a function (clock, environment, threads, files): each has few owners.

use super::Finding;
use crate::repository::File;

/// One kind of call and the only files of the libraries that may make it.
struct Call {
    texts: &'static [&'static str],
    owners: &'static [&'static str],
    instead: &'static str,
}

const CALLS: [Call; 4] = [
    Call {
        texts: &["Timestamp::now(", "Zoned::now(", "SystemTime::now("],
        owners: &[
            "crates/headcount-client/src/clock.rs",
            // Compares with a file's time of change.
            "crates/headcount-client/src/drain.rs",
            "crates/headcount-collector/src/web.rs",
            "crates/headcount-collector/src/ingest/writer.rs",
        ],
        instead: "take `now` as an argument",
    },
    Call {
        texts: &["env::var(", "env::var_os(", "env::vars("],
        owners: &["crates/headcount-client/src/gate.rs"],
        instead: "take the setting as an argument",
    },
    Call {
        texts: &["thread::spawn(", "thread::Builder"],
        owners: &[
            "crates/headcount-client/src/worker.rs",
            "crates/headcount-collector/src/index.rs",
            "crates/headcount-collector/src/ingest/writer.rs",
        ],
        instead: "a library's threads start in one place",
    },
    Call {
        texts: &["Connection::open", "GzDecoder::new("],
        owners: &[
            "crates/headcount-client/src/encode.rs",
            "crates/headcount-client/src/spool.rs",
            "crates/headcount-collector/src/sqlite.rs",
            "crates/headcount-collector/src/ingest/body.rs",
        ],
        instead: "open and unpack through the module that sets the limits",
    },
];

const LIBRARIES: [&str; 3] = [
    "crates/headcount-protocol/src/",
    "crates/headcount-client/src/",
    "crates/headcount-collector/src/",
];

/// STYLE.md 8: such calls outside the files that own them.
pub(crate) fn check(files: &[File], findings: &mut Vec<Finding>) {
    let libraries = files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .filter(|file| LIBRARIES.iter().any(|folder| file.path.starts_with(folder)));
    for file in libraries {
        let foreign = CALLS
            .iter()
            .filter(|call| !call.owners.contains(&file.path.as_str()));
        for call in foreign {
            for (number, line) in file.code_lines() {
                for text in call.texts.iter().filter(|text| line.contains(**text)) {
                    let message = format!("`{}`: {}", text.trim_end_matches('('), call.instead);
                    findings.push(Finding::new(file, number, message));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{file, messages};
    use super::*;

    #[test]
    fn calls_belong_to_their_owners() {
        let now = "let now = Timestamp::now();\n";
        let check = |path: &str| messages(check, &[file(path, now)]);
        assert_eq!(
            check("crates/headcount-collector/src/web.rs"),
            Vec::<String>::new()
        );
        assert_eq!(check("crates/headcount/src/user.rs"), Vec::<String>::new());
        assert_eq!(
            check("crates/headcount-collector/src/reports/live.rs"),
            ["`Timestamp::now`: take `now` as an argument"]
        );
    }

    #[test]
    fn each_call_can_fail() {
        for text in CALLS.iter().flat_map(|call| call.texts) {
            let found = messages(check, &[file("crates/headcount-protocol/src/ga4.rs", text)]);
            assert_eq!(found.len(), 1, "{text}");
        }
    }
}
