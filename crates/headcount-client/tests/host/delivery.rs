//! From `record_*` to a collector, in fair weather and foul.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headcount_client::{
    Client, Feed, InstalledApp, Page, Recorded, Stats, TokenKind, first_broken,
};
use headcount_protocol::EventBody;
use headcount_testkit::fault::{Answer, Fault};

use crate::collector::{Collector, plain};
use crate::install::{Installation, task};

#[test]
fn what_is_recorded_arrives_as_it_was_allowed_to() {
    let collector = Collector::start(vec![]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let client = install.client();
    let stats = Stats {
        users: Some(128),
        tokens: Some(1904),
        apps: vec![InstalledApp {
            name: "memberaudit".into(),
            version: Some("3.1.0".into()),
        }],
        ..Stats::default()
    };
    assert_eq!(client.record_stats(&stats), Recorded::Held);
    for _ in 0..3 {
        assert_eq!(client.record_task(&task("x")), Recorded::Held);
    }
    let page = Page {
        opened: "",
        path: "/audit/r/98000001/?token=secret",
        title: "Corporation",
        locale: "en",
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    };
    assert_eq!(client.record_page(&page), Recorded::Held);
    client.record_stat("metenox.analytics", "send_daily_stats", "moons", 12.0);
    drop(client);

    assert_eq!(install.flush().troubles, Vec::<String>::new());
    assert_eq!(install.waiting(), 0);
    let kept = collector.kept.lock().unwrap();
    let events: Vec<_> = kept
        .batches
        .iter()
        .flat_map(|batch| &batch.events)
        .collect();
    let bodies: Vec<_> = events.iter().map(|event| &event.body).collect();
    assert!(bodies.contains(&&EventBody::Stats(stats)), "{bodies:?}");
    assert_eq!(kept.runs, BTreeMap::from([("x".to_owned(), 3)]));
    let shown = format!("{bodies:?}");
    for secret in ["98000001", "token=", "secret", "Gecko"] {
        assert!(
            !shown.contains(secret),
            "{secret} left the install: {shown}"
        );
    }
    let plain_id = install
        .state
        .install()
        .unwrap()
        .unwrap()
        .install
        .to_string();
    assert!(
        kept.batches
            .iter()
            .all(|batch| batch.install.as_str() != plain_id)
    );
    assert_eq!(
        std::fs::read_dir(install.dir.path().join("state/rings"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn the_ledger_holds_every_request_byte_for_byte() {
    let collector = Collector::start(vec![Fault::Close, Answer::status(500).into()]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let client = install.client();
    for label in ["a", "b", "c"] {
        client.record_task(&task(label));
    }
    drop(client);
    for _ in 0..4 {
        install.flush();
    }
    let entries = install.state.spool().unwrap().ledger(None).unwrap();
    let requests = collector.server.requests();
    assert_eq!(entries.len(), requests.len());
    for (entry, request) in entries.iter().zip(&requests) {
        assert_eq!(entry.body, request.body);
        assert_eq!(entry.text().into_bytes(), plain(request));
        assert!(!entry.head.contains("hc_key"), "{}", entry.head);
    }
    let statuses: Vec<_> = entries.iter().map(|entry| entry.status).collect();
    assert_eq!(statuses[statuses.len() - 3..], [None, Some(500), Some(200)]);
    assert_eq!(first_broken(&entries), None);
    let mut changed = entries.clone();
    changed[1].body[0] ^= 1;
    assert_eq!(first_broken(&changed), Some(entries[1].seq));
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_whatever_the_server_does() {
    let ok = || Answer::status(200).body(r#"{"accepted":1,"duplicates":0,"rejected":[]}"#);
    let foul: Vec<Fault> = vec![
        Fault::Reset,
        Fault::Close,
        Fault::Stall(Duration::from_secs(2), ok()),
        Fault::Cut(5, ok()),
        Fault::Garbage(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        Answer::status(200)
            .body("<html>Please log in to the hotel network</html>")
            .into(),
        Answer::status(301)
            .header("Location", "https://elsewhere.example/")
            .into(),
        Answer::status(404).into(),
        Answer::status(408).into(),
        Answer::status(413).into(),
        Answer::status(425).into(),
        Answer::status(429).retry_after(3600).into(),
        Answer::status(500).into(),
        Answer::status(502).into(),
        Answer::status(503).into(),
        Answer::status(504).into(),
    ];
    let rounds = foul.len();
    let collector = Collector::start(foul);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let client = install.client();
    let labels: Vec<String> = (0..300).map(|n| format!("run-{n}")).collect();
    for label in &labels {
        assert_eq!(client.record_task(&task(label)), Recorded::Held);
    }
    drop(client);
    let mut sender = install.sender(Duration::from_millis(500));
    for _ in 0..rounds + 2 {
        sender.flush().unwrap();
    }
    let expected: BTreeMap<String, u64> = labels.into_iter().map(|label| (label, 1)).collect();
    assert_eq!(collector.runs(), expected);
    assert_eq!(install.waiting(), 0);
}

#[test]
fn answers_that_are_final_are_final() {
    let collector = Collector::start(vec![Answer::status(400).into(), Answer::status(401).into()]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let record = |label| {
        let client = install.client();
        client.record_task(&task(label));
    };
    record("refused");
    install.flush();
    assert_eq!(install.waiting(), 0, "400 is never sent again");
    record("kept");
    install.flush();
    let round = install.flush();
    assert_eq!(
        collector.server.requests().len(),
        2,
        "after 401 nothing is sent"
    );
    assert!(
        round.troubles[0].contains("stopped"),
        "{:?}",
        round.troubles
    );
    install.state.spool().unwrap().resume(1).unwrap();
    install.flush();
    assert_eq!(collector.runs(), BTreeMap::from([("kept".to_owned(), 1)]));
    let kept = collector.kept.lock().unwrap();
    assert_eq!(
        kept.batches[0].lost,
        BTreeMap::from([("refused".to_owned(), 1)])
    );
}

#[test]
fn a_feed_switched_off_takes_what_waits_with_it() {
    let collector = Collector::start(vec![Answer::status(500).into()]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let client = install.client();
    client.record_task(&task("gone"));
    client.record_page(&Page {
        opened: "",
        path: "/stays/",
        ..Page::default()
    });
    client.shutdown(Duration::from_secs(2));
    install
        .state
        .change(|settings| {
            settings.token_mut(1)?.feeds.tasks = false;
            Ok(())
        })
        .unwrap();
    assert!(
        !client.wants(Feed::Tasks),
        "the open client sees it at once"
    );
    assert_eq!(client.record_task(&task("never")), Recorded::Off);
    drop(client);
    install.flush();
    let kept = collector.kept.lock().unwrap();
    let events: Vec<_> = kept
        .batches
        .iter()
        .flat_map(|batch| &batch.events)
        .collect();
    assert_eq!(events.len(), 1);
    assert!(matches!(&events[0].body, EventBody::Page(page) if page.path == "/stays/"));
}

#[test]
fn two_tokens_get_their_own_names_and_feeds() {
    let (first, second) = (Collector::start(vec![]), Collector::start(vec![]));
    let install = Installation::sending_to(TokenKind::Headcount, &first.server.url());
    install
        .state
        .change(|settings| {
            let mut new = crate::install::new_token(TokenKind::Headcount, &second.server.url());
            new.feeds.pages = false;
            settings.add(new)
        })
        .unwrap();
    let client = install.client();
    client.record_task(&task("both"));
    client.record_page(&Page {
        opened: "",
        path: "/one/",
        ..Page::default()
    });
    drop(client);
    install.flush();
    let names = |collector: &Collector| collector.kept.lock().unwrap().batches[0].install.clone();
    assert_ne!(names(&first), names(&second));
    let events = |collector: &Collector| collector.kept.lock().unwrap().batches[0].events.len();
    assert_eq!((events(&first), events(&second)), (2, 1));
}

#[test]
fn a_hanging_collector_holds_nobody_up() {
    let hang = Fault::Stall(Duration::from_secs(30), Answer::status(200));
    let collector = Collector::start(vec![hang.clone(), hang.clone(), hang]);
    let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
    let mut config = install.config();
    config.delivery_interval = Duration::ZERO;
    let client = headcount_client::Client::open(config);
    client.record_task(&task("before"));
    assert!(
        collector.server.wait_for(1, Duration::from_secs(5)),
        "the worker sends by itself"
    );
    // More than a ring holds, while the one thread of the module waits for its answer.
    for n in 0..20_000 {
        if client.record_task(&task("while")) != Recorded::Held {
            panic!("event {n} found no room");
        }
        if n % 500 == 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let started = Instant::now();
    drop(client);
    assert!(
        started.elapsed() < Duration::from_millis(2300),
        "{:?}",
        started.elapsed()
    );
    assert!(install.waiting() > 19_000, "{}", install.waiting());
}

/// Commits to the spool so far, as SQLite counts them in the file's head.
fn commits(install: &Installation) -> u32 {
    let head = std::fs::read(install.state.dir().join("spool.sqlite")).unwrap_or_default();
    head.get(24..28)
        .map_or(0, |count| u32::from_be_bytes(count.try_into().unwrap()))
}

#[test]
fn a_host_that_records_now_and_then_is_not_kept_busy_by_commits() {
    let install = Installation::sending_to(TokenKind::Headcount, "http://127.0.0.1:9");
    let mut config = install.config();
    config.delivery_interval = Duration::from_secs(3600);
    let client = Client::open(config);
    let record_for = |span: Duration| {
        let end = Instant::now() + span;
        let mut recorded = 0;
        while Instant::now() < end {
            recorded += u32::from(client.record_task(&task("x")) == Recorded::Held);
            std::thread::sleep(Duration::from_millis(5));
        }
        recorded
    };
    // The first events are on their way soon, with commits of their own.
    record_for(Duration::from_millis(500));
    let before = commits(&install);
    assert!(before > 0, "the worker took the first events over");
    assert!(record_for(Duration::from_secs(2)) > 10);
    let made = commits(&install) - before;
    assert!(made <= 4, "{made} commits in 2 s");
}
