//! The tower layers around real services: what passes through is untouched, what is recorded is right.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use headcount_client::layers::{PageViews, TaskEvents};
use headcount_client::{Client, Config, Feeds, NewToken, State, TokenKind};
use http::{Request, Response};
use http_body::{Body, Frame};
use tower::{Layer as _, ServiceExt as _, service_fn};

struct Host {
    _folder: tempfile::TempDir,
    state: State,
    client: Client,
}

impl Host {
    fn with(feeds: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        let new = NewToken {
            name: "Team".into(),
            kind: TokenKind::Headcount,
            endpoint: "http://127.0.0.1:9".into(),
            token: "hc_key".into(),
            secret: None,
            feeds: Feeds::parse(feeds).unwrap(),
        };
        state.change(|settings| settings.add(new)).unwrap();
        let mut config = Config::new(folder.path());
        config.delivery_interval = Duration::from_secs(3600);
        Self {
            client: Client::open(config),
            _folder: folder,
            state,
        }
    }

    /// The events that wait, as they would leave.
    fn events(&self) -> Vec<serde_json::Value> {
        self.client.shutdown(Duration::from_secs(5));
        let previews = self.state.preview().unwrap();
        let Some(preview) = previews.first() else {
            return Vec::new();
        };
        let body: serde_json::Value = serde_json::from_str(&preview.body).unwrap();
        body["events"].as_array().unwrap().clone()
    }
}

/// Gives its chunks one by one and counts how many were asked for.
struct Chunks {
    left: Vec<&'static [u8]>,
    given: Arc<AtomicUsize>,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        self.given.fetch_add(1, Ordering::SeqCst);
        let chunk = self.left.remove(0);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(chunk)))))
    }
}

fn answer(chunks: &[&'static [u8]], headers: &[(&str, &str)], status: u16) -> Response<Chunks> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let body = Chunks {
        left: chunks.to_vec(),
        given: Arc::default(),
    };
    response.body(body).unwrap()
}

/// Sends one request through the layer and reads the whole answer, chunk by chunk.
async fn through(host: &Host, request: Request<()>, response: Response<Chunks>) -> Vec<Bytes> {
    let given = response.body().given.clone();
    let mut response = Some(response);
    let inner =
        service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(response.take().unwrap())));
    let service = PageViews::new(host.client.clone()).layer(inner);
    let mut body = service.oneshot(request).await.unwrap().into_body();
    let mut chunks = Vec::new();
    loop {
        let next = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let Some(frame) = next else { break };
        chunks.push(frame.unwrap().into_data().unwrap());
        assert_eq!(
            given.load(Ordering::SeqCst),
            chunks.len(),
            "nothing is read ahead"
        );
    }
    chunks
}

fn get(path: &str) -> Request<()> {
    Request::get(path)
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        )
        .header("accept-language", "de-DE,de;q=0.9")
        .body(())
        .unwrap()
}

const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

#[tokio::test]
async fn a_streamed_page_passes_untouched_and_its_title_is_read() {
    let host = Host::with("pages");
    let parts: [&[u8]; 4] = [
        b"<html><head><ti",
        b"tle>Corp &am",
        b"p; Tools</title>\xff",
        b"<body>rest",
    ];
    let passed = through(
        &host,
        get("/corp/98000001/?key=secret"),
        answer(&parts, &[HTML], 200),
    )
    .await;
    assert_eq!(passed, parts.map(Bytes::from_static));
    let events = host.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["title"], "Corp & Tools");
    assert_eq!(events[0]["path"], "/corp/:id/");
    assert_eq!(events[0]["locale"], "de-DE");
    assert_eq!(events[0]["user_agent"], "Firefox 132 / Linux");
}

#[tokio::test]
async fn only_pages_that_were_opened_count() {
    let host = Host::with("pages");
    let page: [&[u8]; 1] = [b"<title>T</title>"];
    let post = Request::post("/a").body(()).unwrap();
    let head = Request::head("/a").body(()).unwrap();
    for (request, headers, status) in [
        (post, HTML, 200),
        (head, HTML, 200),
        (get("/a"), HTML, 302),
        (get("/a"), HTML, 404),
        (get("/a"), HTML, 500),
        (get("/a"), ("content-type", "application/json"), 200),
        (get("/a"), ("x-none", "1"), 200),
    ] {
        let passed = through(&host, request, answer(&page, &[headers], status)).await;
        assert_eq!(passed, page.map(Bytes::from_static));
    }
    assert_eq!(host.events().len(), 0);
}

#[tokio::test]
async fn a_compressed_page_counts_without_a_title_and_is_not_read() {
    let host = Host::with("pages");
    let page: [&[u8]; 1] = [b"<title>not a title</title>"];
    let packed = [
        HTML,
        ("content-encoding", "gzip"),
        ("content-language", "fr"),
    ];
    let passed = through(&host, get("/a"), answer(&page, &packed, 200)).await;
    assert_eq!(passed, page.map(Bytes::from_static));
    let events = host.events();
    assert_eq!(events.len(), 1);
    assert!(events[0].get("title").is_none_or(|title| title == ""));
    assert_eq!(events[0]["locale"], "fr", "what the answer says goes first");
}

#[tokio::test]
async fn a_visitor_who_leaves_early_has_opened_the_page() {
    let host = Host::with("pages");
    let inner = service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(answer(
            &[b"<title>Gone", b"</title>"],
            &[HTML],
            200,
        )))
    });
    let service = PageViews::new(host.client.clone()).layer(inner);
    drop(service.oneshot(get("/a")).await.unwrap());
    assert_eq!(host.events().len(), 1);
}

#[tokio::test]
async fn an_ignored_path_may_be_what_was_opened_though_a_pattern_leaves() {
    let host = Host::with("pages");
    let ignore = |settings: &mut headcount_client::Settings| {
        settings.token_mut(1)?.ignore_paths = vec!["^/fleet/17/".into()];
        Ok(())
    };
    host.state.change(ignore).unwrap();
    for path in ["/fleet/17/", "/fleet/18/"] {
        let page =
            service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(answer(&[], &[HTML], 200))));
        let layer = PageViews::new(host.client.clone()).path_by(|_| Some("/fleet/:id/".into()));
        layer.layer(page).oneshot(get(path)).await.unwrap();
    }
    let paths: Vec<_> = host
        .events()
        .iter()
        .map(|event| event["path"].clone())
        .collect();
    assert_eq!(paths, ["/fleet/:id/"]);
}

#[tokio::test]
async fn nothing_is_touched_while_the_feed_is_off() {
    let host = Host::with("stats");
    let page: [&[u8]; 1] = [b"<title>T</title>"];
    through(&host, get("/a"), answer(&page, &[HTML], 200)).await;
    let asked = PageViews::new(host.client.clone()).path_by(|_| panic!("asked while off"));
    let inner = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(answer(&[], &[HTML], 200))));
    asked.layer(inner).oneshot(get("/a")).await.unwrap();
    let tasks = TaskEvents::new(host.client.clone(), "app")
        .layer(service_fn(|n: u32| ready(Ok::<_, Infallible>(n))));
    assert_eq!(tasks.oneshot(7_u32).await, Ok(7));
    assert!(
        host.state.install().unwrap().is_none(),
        "not even an identity was made"
    );
    assert_eq!(host.events().len(), 0);
}

#[derive(Debug)]
struct MailError;

impl std::fmt::Display for MailError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("someone@example.org refused")
    }
}

impl std::error::Error for MailError {}

type Boxed = Box<dyn std::error::Error + Send + Sync>;

struct SendMail;

#[tokio::test]
async fn tasks_end_with_success_or_the_class_of_their_error() {
    let host = Host::with("tasks");
    let events = TaskEvents::new(host.client.clone(), "mailer");
    let boxed = |fail: fn() -> Result<u64, Boxed>| service_fn(move |_: SendMail| ready(fail()));
    let named = events.clone().error::<MailError>();
    assert_eq!(
        named
            .layer(boxed(|| Ok(34)))
            .oneshot(SendMail)
            .await
            .unwrap(),
        34
    );
    named
        .layer(boxed(|| Err(Box::new(MailError))))
        .oneshot(SendMail)
        .await
        .unwrap_err();
    named
        .layer(boxed(|| Err("secret text".into())))
        .oneshot(SendMail)
        .await
        .unwrap_err();
    let plain = service_fn(|_: SendMail| ready(Err::<(), _>(MailError)));
    events
        .clone()
        .task("other")
        .layer(plain)
        .oneshot(SendMail)
        .await
        .unwrap_err();
    let told = events
        .task("counted")
        .value_by(|words: &Vec<&str>| Some(words.len() as f64));
    let words = service_fn(|_: SendMail| ready(Ok::<_, Infallible>(vec!["a", "b"])));
    told.layer(words).oneshot(SendMail).await.unwrap();
    let found: Vec<_> = host
        .events()
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            assert_eq!(text("namespace"), "mailer");
            (text("task"), text("result"), event["value"].as_f64())
        })
        .collect();
    let mut found = found;
    found.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    let row = |task: &str, result: &str, value| (task.to_owned(), result.to_owned(), value);
    assert_eq!(
        found,
        [
            row("SendMail", "Error", None),
            row("SendMail", "MailError", None),
            row("SendMail", "Success", Some(34.0)),
            row("counted", "Success", Some(2.0)),
            row("other", "MailError", None),
        ]
    );
}
