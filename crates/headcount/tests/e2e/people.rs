//! The commands for projects, people and tokens, run as an operator runs them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Done {
    status: i32,
    out: String,
    err: String,
}

impl Done {
    fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{}", self.err);
        assert_eq!(self.out.trim_end().lines().count(), 1, "{}", self.out);
        serde_json::from_str(&self.out).unwrap()
    }
}

fn headcount(data: &Path, args: &[&str], input: &str) -> Done {
    let mut child = Command::new(env!("CARGO_BIN_EXE_headcount"))
        .args(args)
        .env("HEADCOUNT_DATA", data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone already.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Done {
        status: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

#[test]
fn a_project_is_created_listed_and_shown_in_one_shape() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    let nothing = headcount(&data, &["project", "list", "--json"], "");
    assert_eq!(nothing.status, 1);
    assert!(nothing.err.contains("is no data folder"), "{}", nothing.err);
    let made = headcount(&data, &["project", "create", "Alliance Auth", "--json"], "").json();
    let keys: Vec<_> = made.as_object().unwrap().keys().collect();
    let expected = [
        "api_secret",
        "ingest_key",
        "measurement_id",
        "name",
        "project",
        "tracking_id",
    ];
    assert_eq!(keys, expected);
    assert_eq!(made["project"], "alliance-auth");
    assert_eq!(made["name"], "Alliance Auth");
    let starts = [
        ("tracking_id", "UA-"),
        ("measurement_id", "G-"),
        ("ingest_key", "hc_"),
    ];
    for (key, start) in starts {
        assert!(made[key].as_str().unwrap().starts_with(start), "{made}");
    }
    let shown = headcount(&data, &["project", "show", "alliance-auth", "--json"], "").json();
    assert_eq!(shown, made);
    let listed = headcount(&data, &["project", "list", "--json"], "").json();
    assert_eq!(listed["projects"], serde_json::json!([made]));
}

#[test]
fn given_ids_are_kept_and_one_in_use_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let args = [
        "project",
        "create",
        "One",
        "--tracking-id",
        "UA-186249766-2",
        "--measurement-id",
        "G-6LYSMYK8DE",
        "--api-secret",
        "KLlpjLZ-SRGozS5f5wb_kw",
        "--json",
    ];
    let made = headcount(temp.path(), &args, "").json();
    assert_eq!(made["tracking_id"], "UA-186249766-2");
    assert_eq!(made["measurement_id"], "G-6LYSMYK8DE");
    assert_eq!(made["api_secret"], "KLlpjLZ-SRGozS5f5wb_kw");
    let again = headcount(temp.path(), &args, "");
    assert_eq!((again.status, again.out.as_str()), (1, ""));
    assert!(
        again
            .err
            .contains("UA-186249766-2 is in use by the project one")
    );
    let listed = headcount(temp.path(), &["project", "list", "--json"], "").json();
    assert_eq!(listed["projects"].as_array().unwrap().len(), 1);
}

#[test]
fn people_get_a_link_or_the_given_password() {
    let temp = tempfile::tempdir().unwrap();
    headcount(temp.path(), &["project", "create", "One", "--json"], "").json();
    let create = |more: &[&str], input: &str| {
        let args = [
            "user",
            "create",
            "mara@a.example",
            "--project",
            "one",
            "--role",
        ];
        headcount(temp.path(), &[&args, more].concat(), input)
    };
    let link = create(&["manager"], "");
    assert_eq!(link.status, 0, "{}", link.err);
    assert!(
        link.out.starts_with("http://127.0.0.1:8787/login/link/"),
        "{}",
        link.out
    );
    let made = create(&["viewer", "--json"], "").json();
    assert!(made["link"].as_str().unwrap().contains("/login/link/"));
    let args = [
        "author",
        "--namespace",
        "a",
        "--namespace",
        "b",
        "--password-stdin",
        "--json",
    ];
    let made = create(&args, "correct horse battery\n").json();
    assert_eq!(made["namespaces"], serde_json::json!(["a", "b"]));
    assert_eq!(made.get("link"), None);
    let weak = create(&["viewer", "--password-stdin"], "short\n");
    assert_eq!(weak.status, 1);
    assert!(weak.err.contains("at least 10 characters"), "{}", weak.err);
    // An author without an app can show on the pages that one is theirs.
    assert_eq!(create(&["author"], "").status, 0);
    assert_eq!(create(&["owner"], "").status, 2);
}

#[test]
fn tokens_are_made_for_a_project_that_exists() {
    let temp = tempfile::tempdir().unwrap();
    headcount(temp.path(), &["project", "create", "One", "--json"], "").json();
    let args = [
        "token",
        "create",
        "--scope",
        "export",
        "--json",
        "--project",
    ];
    let made = headcount(temp.path(), &[&args[..], &["one"]].concat(), "").json();
    assert!(made["token"].as_str().unwrap().starts_with("hcr_"));
    assert_eq!(made.as_object().unwrap().len(), 1);
    let nowhere = headcount(temp.path(), &[&args[..], &["two"]].concat(), "");
    assert_eq!(nowhere.status, 1);
    assert!(
        nowhere.err.contains("there is no project two"),
        "{}",
        nowhere.err
    );
}
