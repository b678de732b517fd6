//! The agent: who may record, who may look, and that it is for this machine only.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::http::{self, Connection};

const PAGES: &str = "/admin/analytics/analyticstokens/";
const BINARY: &str = env!("CARGO_BIN_EXE_headcount");

struct Agent {
    child: Child,
    address: SocketAddr,
    told: Value,
}

impl Agent {
    fn start(state: &Path) -> Self {
        let mut child = Command::new(BINARY)
            .args(["--json", "agent", "--listen", "127.0.0.1:0", "--state"])
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = told["listening"]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap();
        Self {
            address: address.parse().unwrap(),
            told,
            child,
        }
    }

    /// Path and query of the printed link.
    fn link(&self) -> String {
        let link = self.told["sign_in"].as_str().unwrap();
        link[link.find("/admin").unwrap()..].to_owned()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails where the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn client(state: &Path, args: &[&str]) -> Value {
    let output = Command::new(BINARY)
        .args(["--json", "client", "--state"])
        .arg(state)
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn with_a_token(state: &Path) {
    client(state, &["init", "--app", "shop", "--app-version", "1.0"]);
    let add = "token add --name Team --type headcount --endpoint http://127.0.0.1:9 --token hc_1";
    client(state, &add.split(' ').collect::<Vec<_>>());
}

#[test]
fn local_programs_record_and_browsers_do_not() {
    let state = tempfile::tempdir().unwrap();
    with_a_token(state.path());
    let agent = Agent::start(state.path());
    let task = json!({"type": "task", "namespace": "shop", "task": "bill", "result": "Success"});
    let body = json!({ "events": [task] }).to_string();
    let json_type = ("content-type", "application/json");
    for (headers, status) in [
        (vec![json_type], 200),
        (vec![("content-type", "text/plain")], 415),
        (vec![], 415),
        (vec![json_type, ("origin", "http://evil.example")], 415),
        (vec![json_type, ("origin", "null")], 415),
        (vec![json_type, ("sec-fetch-site", "cross-site")], 415),
    ] {
        let answer = http::post(agent.address, "/record", &headers, body.as_bytes());
        assert_eq!(answer.status, status, "{headers:?} {}", answer.text());
    }
    let answer = http::post(agent.address, "/record", &[json_type], b"{");
    assert_eq!(answer.status, 400);
    let status = client(state.path(), &["status"]);
    // Its own daily report may wait beside it: its minute is random.
    let waiting = &status["destinations"][0]["waiting"];
    assert_eq!(
        waiting["tasks"], 1,
        "only the local program's event: {status}"
    );
}

#[test]
fn names_of_elsewhere_are_not_answered() {
    let state = tempfile::tempdir().unwrap();
    let agent = Agent::start(state.path());
    for path in ["/", "/healthz", PAGES] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
        let mut connection = Connection::open(agent.address).unwrap();
        let answer = connection.exchange(request.as_bytes()).unwrap();
        assert_eq!(answer.status, 421, "{path}");
    }
    assert_eq!(http::get(agent.address, "/healthz", &[]).status, 200);
}

#[test]
fn the_printed_link_signs_in_once_and_does_not_stay_in_the_address() {
    let state = tempfile::tempdir().unwrap();
    with_a_token(state.path());
    let agent = Agent::start(state.path());
    let shut = http::get(agent.address, PAGES, &[]);
    assert_eq!(shut.status, 303);
    let entered = http::get(agent.address, &agent.link(), &[]);
    assert_eq!(entered.status, 303);
    assert_eq!(entered.header("location"), Some(PAGES));
    let cookie = entered.header("set-cookie").unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap();
    let page = http::get(agent.address, PAGES, &[("cookie", pair)]);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Team"));
    assert!(!page.text().contains(agent.told["token"].as_str().unwrap()));
    assert_eq!(
        http::get(agent.address, &agent.link(), &[]).status,
        403,
        "a second time"
    );
    let forged = http::get(agent.address, PAGES, &[("cookie", "headcount_operator=x")]);
    assert_eq!(forged.status, 303);
}

#[test]
fn addresses_that_others_reach_are_refused_in_one_line() {
    let state = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8788"] {
        let output = Command::new(BINARY)
            .args(["agent", "--listen", listen, "--state"])
            .arg(state.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("not a loopback address"), "{said}");
    }
    assert_eq!(state.path().read_dir().unwrap().count(), 0);
}
