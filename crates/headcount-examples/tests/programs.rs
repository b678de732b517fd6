//! The examples as they run: what they record is what they say.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use headcount_client::{Feeds, NewToken, State, TokenKind};

fn state() -> (tempfile::TempDir, State) {
    let folder = tempfile::tempdir().unwrap();
    let state = State::at(folder.path());
    let new = NewToken {
        name: "Team".into(),
        kind: TokenKind::Headcount,
        // The discard port: nobody answers, so what is recorded keeps waiting.
        endpoint: "http://127.0.0.1:9".into(),
        token: "hc_key".into(),
        secret: None,
        feeds: Feeds::ALL,
    };
    state.change(|settings| settings.add(new)).unwrap();
    (folder, state)
}

fn events(state: &State) -> Vec<serde_json::Value> {
    let preview = state.preview().unwrap().remove(0);
    let body: serde_json::Value = serde_json::from_str(&preview.body).unwrap();
    body["events"].as_array().unwrap().clone()
}

#[test]
fn the_worker_records_its_tasks_and_no_message() {
    let (folder, state) = state();
    let worker = Command::new(env!("CARGO_BIN_EXE_apalis_worker"))
        .arg(folder.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&worker.stdout).into_owned();
    assert!(
        worker.status.success(),
        "{}",
        String::from_utf8_lossy(&worker.stderr)
    );
    assert!(
        !printed.contains("example.invalid"),
        "no argument and no message leaves"
    );
    let mut found: Vec<_> = events(&state)
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {} {} x{}",
                text("namespace"),
                text("task"),
                text("result"),
                event["count"]
            )
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "mailer send_mail MailRefused x1",
            "mailer send_mail Success x2"
        ]
    );
}

/// Killed when the test ends, however it ends.
struct App(Child);

impl Drop for App {
    fn drop(&mut self) {
        // Fails where it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_app_records_pages_by_their_route_and_serves_the_operator() {
    let (folder, state) = state();
    let mut child = Command::new(env!("CARGO_BIN_EXE_axum_app"))
        .arg(folder.path())
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _app = App(child);
    let line = lines.next().unwrap().unwrap();
    let address = line
        .strip_prefix("listening on http://")
        .unwrap()
        .to_owned();
    assert!(get(&address, "/users/98000001?tab=secret").contains("<title>User 98000001</title>"));
    assert!(get(&address, "/nothing").starts_with("HTTP/1.1 404"));
    let list = get(&address, headcount_client::ADMIN_PATH);
    assert!(
        list.starts_with("HTTP/1.1 303"),
        "nobody is signed in: {list}"
    );
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while state.preview().unwrap().is_empty() {
        assert!(
            std::time::Instant::now() < until,
            "the page is not in the spool"
        );
        std::thread::yield_now();
    }
    let pages: Vec<_> = events(&state)
        .into_iter()
        .filter(|event| event["type"] == "page")
        .collect();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0]["path"], "/users/:id");
    let title = pages[0]["title"].as_str().unwrap();
    assert!(
        title.starts_with("User ") && !title.contains("98000001"),
        "{title}"
    );
}
