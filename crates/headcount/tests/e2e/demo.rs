//! The demo: says when it is loaded, takes hits, and leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{http, process};

#[test]
fn the_demo_loads_and_removes_its_data() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_headcount"))
        .args(["demo", "--json", "--listen", "127.0.0.1:0"])
        .args(["--installs", "25", "--days", "20", "--seed", "2"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut stdout = BufReader::new(demo.stdout.take().unwrap());
    stdout.read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert!(ready["events"].as_u64().unwrap() > 200, "{ready}");
    let url = ready["listening"].as_str().unwrap();
    assert!(
        ready["sign_in"].as_str().unwrap().starts_with(url),
        "{ready}"
    );
    let address = url.trim_start_matches("http://").parse().unwrap();
    assert_eq!(http::get(address, "/readyz", &[]).status, 200);
    let left = || std::fs::read_dir(temporary.path()).unwrap().count();
    assert_eq!(left(), 1);
    process::send(&demo, Signal::TERM);
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    assert_eq!(left(), 0, "the data folder is gone");
}
