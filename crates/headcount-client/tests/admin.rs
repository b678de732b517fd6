//! The operator's pages as a browser meets them: who gets in, what a click does, what is shown word for word.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "admin/desk.rs"]
mod desk;

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use headcount_client::{
    ADMIN_PATH, Access, Admin, Answer, Caps, Client, Config, Door, Feed, NoAnswer, Pace, Recorded,
    Sender, State, Transport,
};

use desk::Desk;

const CHILD: &str = "HEADCOUNT_ADMIN_TEST_STATE";
const EVIL: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'";

/// Takes every request and keeps its body.
#[derive(Default)]
struct Taker {
    bodies: Mutex<Vec<Vec<u8>>>,
}

impl Transport for Taker {
    fn send(&self, request: &headcount_client::Request) -> Result<Answer, NoAnswer> {
        self.bodies.lock().unwrap().push(request.body.clone());
        Ok(Answer {
            status: 200,
            retry_after: None,
            body: Some(br#"{"accepted":1}"#.to_vec()),
        })
    }
}

fn record_page(state: &State, title: &str) {
    let page = headcount_protocol::Page {
        path: "/dashboard/".into(),
        title: title.into(),
        locale: "en".into(),
        user_agent: String::new(),
    };
    let event = headcount_protocol::Event {
        id: None,
        at_ms: None,
        body: headcount_protocol::EventBody::Page(page),
    };
    let answers = state.record(&[event], &Caps::default()).unwrap();
    assert_eq!(answers, [Recorded::Held]);
}

#[tokio::test]
async fn nobody_gets_in_unless_the_host_says_so() {
    let mut shut = Desk::new(|state| Admin::new(state).router());
    let asks: Access = Access::SignIn("/login".into());
    let mut asking = Desk::new(move |state| {
        Admin::new(state)
            .allow(move |_| std::future::ready(asks.clone()))
            .router()
    });
    for path in [
        "",
        "add/",
        "1/change/",
        "1/delete/",
        "forget/",
        "ledger/",
        "ledger/all.json",
        "ledger/1/body",
    ] {
        let path = format!("{ADMIN_PATH}{path}");
        let page = shut.get(&path).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        assert!(page.policy.contains("default-src 'none'"), "{path}");
        let page = asking.get(&path).await;
        assert_eq!(
            (page.status, page.location.as_str()),
            (StatusCode::SEE_OTHER, "/login"),
            "{path}"
        );
    }
    for path in ["", "add/", "1/change/", "1/delete/", "switch/", "forget/"] {
        let path = format!("{ADMIN_PATH}{path}");
        for desk in [&mut shut, &mut asking] {
            let page = desk.ask(Method::POST, &path, Some("to=off".into())).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    assert_eq!(
        shut.folder.path().read_dir().unwrap().count(),
        0,
        "nothing was written"
    );
}

#[tokio::test]
async fn a_change_without_the_forms_token_is_refused() {
    let mut desk = Desk::open();
    let before = desk.state.settings().unwrap();
    desk.get(ADMIN_PATH).await;
    for path in ["", "add/", "1/change/", "1/delete/", "switch/", "forget/"] {
        let path = desk.at(path);
        for form in [
            "to=off",
            "to=off&csrf=",
            &format!("csrf={}&to=off", "0".repeat(64)),
        ] {
            let page = desk.ask(Method::POST, &path, Some(form.into())).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {form}");
        }
    }
    let token = desk.get(ADMIN_PATH).await.form_token();
    desk.cookie = None;
    let form = format!("csrf={token}&to=off");
    let page = desk
        .ask(Method::POST, &desk.at("switch/"), Some(form))
        .await;
    assert_eq!(
        page.status,
        StatusCode::FORBIDDEN,
        "the token of another browser"
    );
    assert_eq!(desk.state.settings().unwrap(), before);
}

#[test]
fn child_that_waits_until_everything_is_off() {
    let Ok(state) = std::env::var(CHILD) else {
        return;
    };
    let client = Client::open(Config::new(state));
    assert!(client.wants(Feed::Tasks));
    println!("waiting");
    while client.wants(Feed::Tasks) {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn one_click_stops_every_process_within_two_seconds() {
    let mut desk = Desk::open();
    record_page(&desk.state, "Waits");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_that_waits_until_everything_is_off",
            "--nocapture",
        ])
        .env(CHILD, desk.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("waiting") {
        let mut byte = [0];
        assert_eq!(out.read(&mut byte).unwrap(), 1, "the child ended early");
        said.push(byte[0]);
    }
    let page = desk.send(&desk.at("switch/"), "to=off").await;
    let clicked = Instant::now();
    assert_eq!(page.location, desk.at("?done=off"));
    assert!(child.wait().unwrap().success());
    assert!(
        clicked.elapsed() < Duration::from_secs(2),
        "{:?}",
        clicked.elapsed()
    );
    let waiting = desk.state.doctor(None).unwrap().status.unwrap().waiting;
    assert_eq!(waiting, 0, "what waited is deleted");
    let text = desk.get(&desk.at("?done=off")).await.text();
    assert!(text.contains("Nothing is sent") && text.contains("aria-checked=\"true\""));
    assert!(text.contains("on, and won"), "doctor names the switch");
    desk.send(&desk.at("switch/"), "to=on").await;
    assert!(!desk.state.settings().unwrap().unwrap().off);
}

#[tokio::test]
async fn what_others_wrote_is_shown_as_text() {
    let mut desk = Desk::open();
    desk.state
        .change(|settings| {
            settings.app = Some(EVIL.into());
            settings.token_mut(1)?.name = EVIL.into();
            settings.token_mut(1)?.token = EVIL.into();
            settings.token_mut(1)?.ignore_paths = vec!["</textarea><script>".into()];
            Ok(())
        })
        .unwrap();
    record_page(&desk.state, EVIL);
    let taker = Arc::new(Taker::default());
    for path in [
        "",
        "1/change/",
        "1/delete/",
        "forget/",
        "ledger/",
        "ledger/?token=1",
    ] {
        let page = desk.get(&desk.at(path)).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let text = page.text();
        assert!(
            !text.contains("<script") && !text.contains("<img"),
            "{path}"
        );
        assert!(
            text.contains("&#60;script&#62;") || text.contains("&lt;script&gt;"),
            "{path}"
        );
        let mut sender =
            Sender::open(&desk.state, taker.clone(), Duration::ZERO, Caps::default()).unwrap();
        sender.run_once(Pace::Now).unwrap();
    }
}

#[tokio::test]
async fn the_ledger_shows_the_bytes_that_left() {
    let mut desk = Desk::open();
    let taker = Arc::new(Taker::default());
    for titles in [1, 40] {
        for index in 0..titles {
            record_page(
                &desk.state,
                &format!("Page of \"letters\" {}", "abc".repeat(index)),
            );
        }
        let mut sender =
            Sender::open(&desk.state, taker.clone(), Duration::ZERO, Caps::default()).unwrap();
        sender.run_once(Pace::Now).unwrap();
    }
    let bodies = taker.bodies.lock().unwrap().clone();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[1][..2], [0x1f, 0x8b], "the large one is packed");
    for (index, body) in bodies.iter().enumerate() {
        let page = desk
            .get(&desk.at(&format!("ledger/{}/body", index + 1)))
            .await;
        assert_eq!(&page.body, body);
    }
    let text = desk.get(&desk.at("1/change/")).await.text();
    let plain = String::from_utf8(bodies[0].clone()).unwrap();
    let shown = text
        .replace("<span class=\"ev\">", "")
        .replace("</span>", "")
        .replace("<wbr>", "");
    let shown = shown.replace("&#34;", "\"").replace("&quot;", "\"");
    assert!(shown.contains(&plain), "word for word on the page");
    assert!(text.contains("The chain of hashes is whole"));
    let all = desk.get(&desk.at("ledger/all.json")).await;
    let told: serde_json::Value = serde_json::from_slice(&all.body).unwrap();
    assert_eq!(told["entries"].as_array().unwrap().len(), 2);
    assert_eq!(told["entries"][0]["body"], plain);
    assert_eq!(
        desk.get(&desk.at("ledger/9/body")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_preview_is_what_leaves_next() {
    let mut desk = Desk::open();
    record_page(&desk.state, "Dashboard");
    let preview = desk.state.preview().unwrap().remove(0);
    let text = desk.get(&desk.at("1/change/")).await.text();
    let event = preview.body.split_once("\"events\":[").unwrap().1;
    let event = event.split_once("]").unwrap().0;
    let shown = text
        .replace("<wbr>", "")
        .replace("&#34;", "\"")
        .replace("&quot;", "\"");
    assert!(shown.contains(event), "{event}");
    assert!(shown.contains("Authorization: Bearer [not shown]"));
    let meaning = &headcount_protocol::dictionary::fields()[0].meaning;
    assert!(
        shown.contains(meaning.as_str()),
        "with the dictionary's words"
    );
}

#[tokio::test]
async fn tokens_are_added_changed_and_removed() {
    let mut desk = Desk::open();
    let page = desk
        .send(
            &desk.at("add/"),
            "name=G&type=ga4&endpoint=https://g.example&token=G-1&secret=tell-none&send_stats=on",
        )
        .await;
    assert_eq!(page.location, desk.at("2/change/?done=added"));
    let text = desk.get(&desk.at("2/change/")).await.text();
    assert!(
        text.contains("G-1") && !text.contains("tell-none"),
        "the secret is never shown"
    );
    let change = "name=G&endpoint=https://g.example&token=G-1&secret=&send_page_views=on&ignore_paths=%5E%2Fadmin%2F%0D%0A%0D%0A%5Ex";
    let page = desk.send(&desk.at("2/change/"), change).await;
    assert_eq!(page.location, desk.at("?done=saved"));
    let settings = desk.state.settings().unwrap().unwrap();
    let token = settings.token(2).unwrap();
    assert_eq!(token.feeds.to_string(), "pages");
    assert_eq!(
        token.secret.as_deref(),
        Some("tell-none"),
        "an empty field keeps it"
    );
    assert_eq!(token.ignore_paths, ["^/admin/", "^x"]);
    let page = desk
        .send(&desk.at("2/change/"), "name=G&endpoint=nowhere&token=G-1")
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text().contains("endpoint: must be a URL") && page.text().contains("nowhere"));
    let page = desk.send(ADMIN_PATH, "id=1&tasks-1=on&id=2").await;
    assert_eq!(page.location, desk.at("?done=saved"));
    let settings = desk.state.settings().unwrap().unwrap();
    assert_eq!(settings.token(1).unwrap().feeds.to_string(), "tasks");
    assert_eq!(settings.token(2).unwrap().feeds.to_string(), "none");
    let page = desk.send(&desk.at("2/delete/"), "").await;
    assert_eq!(page.location, desk.at("?done=removed"));
    assert_eq!(
        desk.get(&desk.at("2/change/")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        desk.get(&desk.at("x/change/")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn forgetting_asks_first_and_makes_a_new_identity() {
    let mut desk = Desk::open();
    let old = desk.state.install().unwrap().unwrap().install;
    let text = desk.get(&desk.at("forget/")).await.text();
    assert!(text.contains("Team") && text.contains("cannot be taken back"));
    assert_eq!(
        desk.state.install().unwrap().unwrap().install,
        old,
        "asking changes nothing"
    );
    let page = desk.send(&desk.at("forget/"), "").await;
    assert_eq!(
        page.location,
        desk.at("?done=asked"),
        "nobody listens there"
    );
    assert_ne!(desk.state.install().unwrap().unwrap().install, old);
    assert_eq!(
        desk.state
            .doctor(None)
            .unwrap()
            .status
            .unwrap()
            .forgets_waiting,
        1
    );
}

#[tokio::test]
async fn a_door_opens_by_link_once_and_by_token() {
    let door = Door::new();
    let given = door.clone();
    let mut desk = Desk::new(move |state| Admin::new(state).door(given).router());
    let page = desk.get(ADMIN_PATH).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(page.location.starts_with("/admin/analytics/sign-in/"));
    let link = door.link().unwrap();
    let page = desk.get(&link).await;
    assert_eq!(
        (page.status, page.location.as_str()),
        (StatusCode::SEE_OTHER, ADMIN_PATH)
    );
    assert_eq!(desk.get(ADMIN_PATH).await.status, StatusCode::OK);
    desk.cookie = None;
    assert_eq!(
        desk.get(&link).await.status,
        StatusCode::FORBIDDEN,
        "a link works once"
    );
    for (token, status) in [
        ("wrong", StatusCode::FORBIDDEN),
        (door.token(), StatusCode::SEE_OTHER),
    ] {
        let form = format!("token={token}&next={ADMIN_PATH}add/");
        let page = desk
            .ask(Method::POST, "/admin/analytics/sign-in/", Some(form))
            .await;
        assert_eq!(page.status, status, "{token}");
        assert!(!page.location.contains(door.token()));
    }
    let page = desk.get(&desk.at("add/")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("Sign out"));
    let (signed_in, form) = (desk.cookie.clone(), Some(String::new()));
    let page = desk
        .ask(Method::POST, "/admin/analytics/sign-out/", form)
        .await;
    assert_eq!(page.location, "/admin/analytics/sign-in/");
    desk.cookie = signed_in;
    let page = desk.get(ADMIN_PATH).await;
    assert_eq!(
        page.status,
        StatusCode::SEE_OTHER,
        "its cookie opens nothing any more"
    );
}

#[tokio::test]
async fn looking_writes_nothing() {
    let mut desk = Desk::new(|state| {
        let allow = |_: &_| async { Access::Administrator("ann".into()) };
        Admin::new(state).allow(allow).router()
    });
    for path in ["", "add/", "forget/", "ledger/", "ledger/all.json"] {
        let page = desk.get(&desk.at(path)).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
    }
    let text = desk.get(ADMIN_PATH).await.text();
    assert!(text.contains("There is no token") && text.contains("on, and won"));
    assert_eq!(desk.folder.path().read_dir().unwrap().count(), 0);
}
