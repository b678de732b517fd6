//! The ingest endpoints over real HTTP: what is answered, what is stored, what is kept of the rest.

use std::net::SocketAddr;

mod ga4;
mod malformed;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::operation::OPENAPI;
use super::writer::now_ms;
use super::*;
use crate::app::Collector;
use crate::meta::projects::Project;
use crate::meta::tests::project;
use crate::server;
use crate::store::{Day, Hit, ProjectNumber, Row, RowBody, Verdict};

struct Server {
    _folder: TempDir,
    collector: Arc<Collector>,
    address: SocketAddr,
    project: Project,
    _stop: oneshot::Sender<()>,
}

impl Server {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path());
        change(&mut config);
        let collector = Collector::open(config).unwrap();
        let project = project(&collector.meta, "Alliance Auth");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = collector.router();
        tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            server::serve(listener, router, server::Limits::default(), stopped).await
        });
        Self {
            _folder: folder,
            collector,
            address,
            project,
            _stop: stop,
        }
    }

    /// Sends bytes and reads until the server closes.
    async fn raw(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is fine where the body was not read to its end.
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn post(&self, path: &str, headers: &str, body: impl AsRef<[u8]>) -> String {
        let body = body.as_ref();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.raw(request).await
    }

    async fn native(&self, body: &str) -> String {
        let key = format!("Authorization: Bearer {}\r\n", self.project.ingest_key);
        self.post("/api/v1/batch", &key, body).await
    }

    fn rows(&self) -> Vec<Row> {
        let store = &self.collector.store;
        let mut rows = Vec::new();
        for day in store.days(self.project.number).unwrap() {
            store
                .rows_of_day(self.project.number, day, &mut |row| rows.push(row.clone()))
                .unwrap();
        }
        rows
    }

    fn refused(&self, project: ProjectNumber) -> Vec<Hit> {
        let mut hits = self.collector.store.recent_hits(project, 100).unwrap();
        hits.retain(|hit| hit.verdict == Verdict::Refused);
        hits
    }
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

const CID: &str = "35009a79-1a05-49d7-b876-2b884d0f825b";

#[tokio::test]
async fn a_v1_hit_is_answered_with_the_gif_and_stored() {
    let server = Server::start(|_| {}).await;
    let hit = format!(
        "v=1&tid={}&cid={CID}&t=event&ec=memberaudit&ea=update_character&el=Success&ev=34&av=5.5.0",
        server.project.tracking_id
    );
    // As npm universal-analytics sends it: chunked, no content type.
    let chunked = format!(
        "POST /collect HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{hit}\r\n0\r\n\r\n",
        hit.len()
    );
    let get = format!("GET /collect?{hit} HTTP/1.0\r\n\r\n");
    for request in [chunked, get] {
        let answer = server.raw(request).await;
        let lower = answer.to_lowercase();
        assert_eq!(status(&answer), "200", "{answer}");
        assert!(
            lower.contains("\r\ncontent-type: image/gif\r\n"),
            "{answer}"
        );
        assert!(lower.contains("\r\ncontent-length: 35\r\n"), "{answer}");
        assert!(lower.contains("\r\ncache-control: no-cache, no-store, must-revalidate\r\n"));
        assert!(!lower.contains("connection: keep-alive"), "{answer}");
        assert!(body(&answer).starts_with("GIF89a"));
    }
    let rows = server.rows();
    assert_eq!(rows.len(), 2);
    let store = &server.collector.store;
    for row in rows {
        assert_eq!(&*store.text(row.version), "5.5.0");
        assert_eq!(row.day, Day::of_ms(now_ms()));
        let RowBody::Task { task, value, .. } = row.body else {
            panic!("{row:?} is no task");
        };
        assert_eq!(&*store.text(task), "update_character");
        assert_eq!(value, Some(34.0));
    }
}

#[tokio::test]
async fn connections_are_kept_and_closed_as_asked() {
    let server = Server::start(|_| {}).await;
    let request = "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx";
    let closing =
        "POST /collect HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    let answers = server.raw(format!("{request}{closing}")).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2);
    let close = answers.to_lowercase().matches("connection: close").count();
    assert_eq!(close, 1, "{answers}");
}

#[tokio::test]
async fn a_batch_may_mix_projects_and_keeps_what_it_refuses() {
    let server = Server::start(|_| {}).await;
    let other = project(&server.collector.meta, "Other");
    let (own, foreign) = (&server.project.tracking_id, &other.tracking_id);
    let lines = [
        format!("v=1&tid={own}&cid=a&t=pageview&dp=/x&ul=DE&uip=203.0.113.9"),
        format!("v=1&tid={foreign}&cid=a&t=pageview&dp=/x"),
        format!("v=1&tid={own}&t=pageview&dp=/no-client"),
        "v=1&tid=UA-404-1&cid=a&t=pageview&dp=/nobody&uip=203.0.113.9".to_owned(),
        format!("v=1&tid={own}&cid=b&t=event&ec=x&ea=y&ev=many"),
    ];
    let agent = "User-Agent: Firefox 132 / Linux\r\n";
    let answer = server.post("/batch", agent, lines.join("\r\n")).await;
    assert_eq!(status(&answer), "200");
    let rows = server.rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    let RowBody::Page { browser, os, .. } = &rows[0].body else {
        panic!("{:?} is no page", rows[0]);
    };
    let store = &server.collector.store;
    assert_eq!(
        (&*store.text(*browser), &*store.text(*os)),
        ("Firefox", "Linux")
    );
    assert_eq!(store.days(other.number).unwrap().len(), 1);

    let refused = server.refused(server.project.number);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].reason.starts_with("missing: "), "{refused:?}");
    assert!(refused[0].payload.contains("/no-client"));
    let unknown = server.refused(auth::UNKNOWN);
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].reason.starts_with("unknown_project: "));
    assert!(!unknown[0].payload.contains("203.0.113.9"));
    let hits = store.recent_hits(server.project.number, 10).unwrap();
    let noted: Vec<&Hit> = hits
        .iter()
        .filter(|hit| hit.verdict == Verdict::Noted)
        .collect();
    assert_eq!(noted.len(), 1, "{hits:?}");
    assert!(noted[0].reason.contains("ev"), "{noted:?}");
}

#[tokio::test]
async fn a_native_batch_gets_its_receipt() {
    let server = Server::start(|_| {}).await;
    let event = |id: u8, rest: &str| {
        format!(r#"{{"id": "00000000-0000-4000-8000-0000000000{id:02}", {rest}}}"#)
    };
    let events = [
        event(
            1,
            r#""type": "page", "path": "/a", "at": "2000-01-01T00:00:00Z""#,
        ),
        event(
            2,
            r#""type": "task", "namespace": "m", "task": "t", "result": "Success""#,
        ),
        event(
            3,
            r#""type": "task", "namespace": "m", "task": "t", "count": 0"#,
        ),
        event(4, r#""type": "stats", "users": 7"#),
        event(
            2,
            r#""type": "task", "namespace": "m", "task": "t", "result": "Success""#,
        ),
        event(
            5,
            r#""type": "page", "path": "/b", "at": "1999-01-01T00:00:00Z""#,
        ),
    ];
    let batch = format!(
        r#"{{"install": "{CID}", "events": [{}], "lost": {{"queue_full": 2}}}}"#,
        events.join(",")
    );
    for (accepted, duplicates) in [(2, 1), (0, 3)] {
        let answer = server.native(&batch).await;
        assert_eq!(status(&answer), "200", "{answer}");
        let receipt: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
        assert_eq!(receipt["accepted"], accepted);
        assert_eq!(receipt["duplicates"], duplicates);
        let rejected: Vec<_> = receipt["rejected"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                (
                    item["index"].as_u64().unwrap(),
                    item["code"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            rejected.iter().map(|item| item.0).collect::<Vec<_>>(),
            [0, 2, 5]
        );
        assert_eq!((rejected[0].1, rejected[2].1), ("too_old", "too_old"));
    }
    assert_eq!(server.rows().len(), 2);
    let losses = server
        .collector
        .store
        .losses(server.project.number)
        .unwrap();
    assert_eq!((losses.len(), losses[0].count), (1, 2));
    assert_eq!(losses[0].reason, "client_queue_full");
}

#[tokio::test]
async fn senders_over_the_rate_are_told_on_the_native_wire_and_kept_on_googles() {
    let server = Server::start(|config| {
        config.limits.requests_per_second = 1;
        config.limits.request_burst = 2;
    })
    .await;
    let batch = format!(r#"{{"install": "{CID}", "events": []}}"#);
    let mut last = String::new();
    for _ in 0..4 {
        last = server.native(&batch).await;
    }
    assert_eq!(status(&last), "429", "{last}");
    assert!(last.contains("retry-after: 1\r\n"), "{last}");
    assert!(last.contains("rate_limited"), "{last}");
    let hit = format!(
        "v=1&tid={}&cid=1&t=pageview&dp=/",
        server.project.tracking_id
    );
    let answer = server.post("/collect", "", hit).await;
    assert_eq!(status(&answer), "200");
    let refused = server.refused(server.project.number);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].reason.starts_with("rate_limited: "));
    assert!(server.rows().is_empty());
}

#[tokio::test]
async fn what_cannot_be_written_is_answered_503() {
    let server = Server::start(|_| {}).await;
    server.collector.shutdown();
    let hit = format!(
        "v=1&tid={}&cid=1&t=pageview&dp=/",
        server.project.tracking_id
    );
    let google = server.post("/collect", "", hit).await;
    let native = server
        .native(r#"{"install": "a", "events": [{"id": "00000000-0000-4000-8000-000000000001", "type": "page", "path": "/"}]}"#)
        .await;
    let ready = server.raw("GET /readyz HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&ready), "503");
    for answer in [google, native] {
        assert_eq!(status(&answer), "503", "{answer}");
        assert!(answer.contains("retry-after: 5\r\n"), "{answer}");
        assert!(answer.contains("shutting_down"), "{answer}");
    }
}

/// Name and proof of an install that goes by a pseudonym.
const PROVEN: &str = "2ada83c1-819a-8372-9ae1-238fc1ded123";

fn page_of(install: &str, last: u8) -> String {
    format!(
        r#"{{"install": "{install}", "events": [{{"id": "00000000-0000-4000-8000-0000000000{last:02x}", "type": "page", "path": "/"}}]}}"#
    )
}

#[tokio::test]
async fn an_install_that_proves_itself_is_forgotten_for_good() {
    let server = Server::start(|_| {}).await;
    let project = server.project.number;
    let proof = "00".repeat(32);
    let wish = format!(r#"{{"install": "{PROVEN}", "proof": "{proof}"}}"#);
    let key = format!("Authorization: Bearer {}\r\n", server.project.ingest_key);
    for (install, last) in [(PROVEN, 1), (CID, 2), (PROVEN, 3)] {
        let answer = server.native(&page_of(install, last)).await;
        assert!(answer.contains(r#""accepted":1"#), "{answer}");
    }
    let bad = format!(r#"{{"install": "{PROVEN}", "events": [7]}}"#);
    assert!(server.native(&bad).await.contains("rejected"));
    let of = |proof: &str, install: &str| format!(r#"{{"install":"{install}","proof":"{proof}"}}"#);
    for (key, wish, expected) in [
        ("", wish.clone(), "401"),
        (key.as_str(), "{}".to_owned(), "400"),
        (key.as_str(), of(&"01".repeat(32), PROVEN), "403"),
        (key.as_str(), of(&proof, CID), "403"),
        (key.as_str(), "x".repeat(5_000), "413"),
    ] {
        let answer = server.post("/api/v1/forget", key, wish).await;
        assert_eq!(status(&answer), expected, "{answer}");
    }
    assert_eq!(server.rows().len(), 3);
    let first = server.post("/api/v1/forget", &key, &wish).await;
    assert_eq!(status(&first), "200", "{first}");
    let receipt: serde_json::Value = serde_json::from_str(body(&first)).unwrap();
    assert_eq!(receipt["erased_events"], 2);
    assert_eq!(server.rows().len(), 1);
    let hits = server.collector.store.recent_hits(project, 100).unwrap();
    assert!(hits.iter().all(|hit| hit.install == CID), "{hits:?}");
    // What was on its way is refused, counted and kept nowhere.
    let late = server.native(&page_of(PROVEN, 4)).await;
    assert!(late.contains(r#""code":"forgotten""#), "{late}");
    let hits = server.collector.store.recent_hits(project, 100).unwrap();
    assert!(hits.iter().all(|hit| hit.install == CID), "{hits:?}");
    let losses = server.collector.store.losses(project).unwrap();
    let forgotten = losses.iter().find(|loss| loss.reason == "forgotten");
    assert_eq!(forgotten.map(|loss| loss.count), Some(1));
    let again = server.post("/api/v1/forget", &key, &wish).await;
    assert_eq!(body(&again), body(&first));
    let log = server.collector.meta.audit_log(Some(project), 10).unwrap();
    let erased: Vec<_> = log
        .iter()
        .filter(|line| line.action == "install.forget")
        .collect();
    assert_eq!(erased.len(), 1);
    assert!(!erased[0].subject.contains(PROVEN), "{}", erased[0].subject);
}

#[tokio::test]
async fn it_is_not_ready_while_commits_fail() {
    let server = Server::start(|_| {}).await;
    let ready = async || server.raw("GET /readyz HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&ready().await), "200");
    let database = server.collector.store.connect().unwrap();
    let break_it = "ALTER TABLE sequence RENAME TO lost";
    database.execute_batch(break_it).unwrap();
    let answer = server.native(&page_of(CID, 1)).await;
    assert_eq!(status(&answer), "503", "{answer}");
    for _ in 0..2 {
        let answer = ready().await;
        assert_eq!(status(&answer), "503", "{answer}");
        assert!(answer.contains("no such table: sequence"), "{answer}");
    }
    // It finds out by itself that all is well again: nobody sends hits to who is not ready.
    let mend = "ALTER TABLE lost RENAME TO sequence";
    database.execute_batch(mend).unwrap();
    assert_eq!(status(&ready().await), "200");
    assert_eq!(status(&server.native(&page_of(CID, 1)).await), "200");
    assert_eq!(server.rows().len(), 1);
}

#[tokio::test]
async fn a_project_keeps_its_raw_events_as_long_as_it_wants() {
    use crate::meta::audit::Actor;
    let server = Server::start(|_| {}).await;
    let number = server.project.number;
    let days = |ago: i64| (now_ms() - ago * 86_400_000).to_string();
    let send = async |ago: i64| {
        let at = jiff::Timestamp::from_millisecond(days(ago).parse().unwrap()).unwrap();
        let id = format!("00000000-0000-4000-8000-{ago:012}");
        let event = format!(r#"{{"id": "{id}", "at": "{at}", "type": "page", "path": "/"}}"#);
        server
            .native(&format!(r#"{{"install": "{CID}", "events": [{event}]}}"#))
            .await
    };
    for ago in [0, 20, 40] {
        assert!(send(ago).await.contains(r#""accepted":1"#));
    }
    let set = |days| {
        let (meta, slug) = (&server.collector.meta, &server.project.slug);
        meta.set_retention_days(slug, days, &Actor::CommandLine, jiff::Timestamp::now())
    };
    set(Some(30)).unwrap();
    // The keyring is trusted for half a second.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while server.collector.retention_days(number) != 30 {
        assert!(std::time::Instant::now() < until);
        tokio::task::yield_now().await;
    }
    assert!(send(41).await.contains("too_old"));
    let days_of = || server.collector.index.days(number).len();
    crate::upkeep::round(&server.collector);
    assert_eq!(
        server.rows().len(),
        3,
        "the index has not written that day yet"
    );
    server.collector.index.flush().unwrap();
    crate::upkeep::round(&server.collector);
    assert_eq!((server.rows().len(), days_of()), (2, 3));
    // Longer again: what is gone is not half there.
    set(None).unwrap();
    while server.collector.retention_days(number) == 30 {
        assert!(std::time::Instant::now() < until);
        tokio::task::yield_now().await;
    }
    assert!(send(42).await.contains("too_old"));
    assert!(send(21).await.contains(r#""accepted":1"#));
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let server = Server::start(|config| {
        config.limits.body_timeout = std::time::Duration::from_millis(50);
    })
    .await;
    let answer = server
        .raw("POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nslow")
        .await;
    assert_eq!(status(&answer), "408", "{answer}");
}

#[tokio::test]
async fn the_description_of_the_api_fits_the_routes() {
    let server = Server::start(|_| {}).await;
    let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let documented: Vec<&str> = paths.keys().map(String::as_str).collect();
    let routed: Vec<&str> = routes::PATHS.into_iter().collect();
    for path in &routed {
        assert!(documented.contains(path), "{path} is not described");
    }
    for (path, methods) in paths {
        // The reports are routed elsewhere and need a token.
        if !routed.contains(&path.as_str()) {
            assert!(path.starts_with("/api/v1/projects/"), "{path}");
            continue;
        }
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            );
            let answer = server.raw(request).await;
            let described = methods.get(method.to_lowercase()).is_some();
            assert_eq!(
                status(&answer) != "405",
                described,
                "{method} {path} {answer}"
            );
            assert_ne!(status(&answer), "404", "{path}");
        }
    }
}
