//! Posts against a real HTTP server that takes, refuses, redirects, hangs and breaks off.

use std::time::Duration;

use headcount_testkit::fault::{Answer, Fault, FaultServer, Request};

use super::*;
use crate::meta::audit::Actor;
use crate::meta::findings::{FindingKind, NewFinding};
use crate::meta::tests::{at, project, temporary};
use crate::meta::webhooks::PostState;
use crate::store::{Day, ProjectNumber};

const PATIENCE: Duration = Duration::from_secs(20);

/// A project whose webhook is a server, with the secret.
struct Desk {
    _dir: tempfile::TempDir,
    meta: Meta,
    project: ProjectNumber,
    secret: String,
}

impl Desk {
    fn new(url: &str) -> Self {
        let (dir, meta) = temporary();
        meta.note_address("https://stats.example").unwrap();
        let project = project(&meta, "One").number;
        let secret = meta
            .set_webhook(project, url, &Actor::CommandLine, at(0))
            .unwrap();
        Self {
            _dir: dir,
            meta,
            project,
            secret,
        }
    }

    /// A finding that was not there before.
    fn find(&self, subject: &str) {
        let finding = NewFinding {
            subject: subject.to_owned(),
            kind: FindingKind::Task,
            strong: subject.to_owned(),
            text: "fails 3.0× as often".to_owned(),
            evidence: "9% of runs".to_owned(),
            target: "/tasks?task=x".to_owned(),
            since: String::new(),
            since_day: Day(0),
            strength: 1.0,
        };
        self.meta
            .keep_findings(self.project, &[finding], jiff::Timestamp::UNIX_EPOCH)
            .unwrap();
    }

    /// Makes what waits due at once.
    fn hurry(&self) {
        for line in self.lines() {
            if let PostState::Waiting(_) = line.state {
                self.meta.postpone_post(line.id, 0).unwrap();
            }
        }
    }

    fn lines(&self) -> Vec<crate::meta::webhooks::PostLine> {
        self.meta.webhook_posts(self.project, 99).unwrap()
    }

    fn is_signed(&self, request: &Request) -> bool {
        let header = |name| request.header(name).unwrap();
        let seconds: i64 = header("webhook-timestamp").parse().unwrap();
        let body = std::str::from_utf8(&request.body).unwrap();
        let wanted = post::signature(&self.secret, header("webhook-id"), seconds, body);
        wanted == header("webhook-signature")
    }
}

fn poster(reach: Reach) -> Arc<Poster> {
    Webhooks::new(reach).poster
}

#[test]
fn a_finding_is_posted_signed_and_again_until_it_is_taken() {
    let faults = vec![
        Fault::Reset,
        Fault::Close,
        Fault::Garbage(b"what?\r\n\r\n".to_vec()),
        Answer::status(500).into(),
        Answer::status(302)
            .header("Location", "http://127.0.0.1:1/")
            .into(),
    ];
    let tries = faults.len() + 1;
    let server = FaultServer::start(faults, Answer::status(204)).unwrap();
    let desk = Desk::new(&format!("{}/hook", server.url()));
    desk.find("update");
    let poster = poster(Reach::Everything);
    for tried in 1..=tries {
        poster.round(&desk.meta).unwrap();
        let line = desk.lines().remove(0);
        assert_eq!(line.tries as usize, tried, "{}", line.answer);
        // Nothing is due before its pause is over.
        poster.round(&desk.meta).unwrap();
        assert_eq!(desk.lines()[0].tries as usize, tried);
        match line.state {
            PostState::Waiting(due_ms) => {
                assert!(due_ms > now_ms() + 10_000);
                desk.hurry();
            }
            state => assert_eq!((tried, state), (tries, PostState::Taken)),
        }
    }
    // The reset one was never read.
    let requests = server.requests();
    assert_eq!(requests.len(), tries - 1);
    for request in &requests {
        assert!(desk.is_signed(request));
        assert_eq!(request.target, "/hook");
        assert_eq!(request.body, requests[0].body);
        assert_eq!(
            request.header("webhook-id"),
            requests[0].header("webhook-id")
        );
    }
    let body: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(body["data"]["text"], "update fails 3.0× as often");
    assert_eq!(
        body["data"]["url"],
        "https://stats.example/projects/one/tasks?task=x"
    );
    let hook = desk.meta.webhook(desk.project).unwrap().unwrap();
    assert_eq!((hook.taken, hook.given_up, hook.waiting), (1, 0, 0));
}

#[test]
fn the_receiver_says_when_and_a_dead_one_is_given_up_by_count() {
    let server = FaultServer::start(
        vec![Answer::status(429).retry_after(7_200).into()],
        Answer::status(503),
    );
    let server = server.unwrap();
    let desk = Desk::new(&server.url());
    desk.find("update");
    let poster = poster(Reach::Everything);
    poster.round(&desk.meta).unwrap();
    let PostState::Waiting(due_ms) = desk.lines()[0].state else {
        panic!("{:?}", desk.lines());
    };
    let pause_ms = due_ms - now_ms();
    assert!((7_100_000..=7_200_000).contains(&pause_ms), "{pause_ms}");
    for _ in 0..MOST_TRIES + 5 {
        desk.hurry();
        poster.round(&desk.meta).unwrap();
    }
    let line = desk.lines().remove(0);
    assert_eq!((line.state, line.tries), (PostState::GivenUp, MOST_TRIES));
    assert_eq!(line.answer, "503");
    assert_eq!(server.requests().len(), MOST_TRIES as usize);
    let hook = desk.meta.webhook(desk.project).unwrap().unwrap();
    assert_eq!((hook.taken, hook.given_up, hook.waiting), (0, 1, 0));
}

#[test]
fn one_that_is_gone_is_not_asked_again_and_others_are_not_held_up() {
    let server = FaultServer::start(vec![Answer::status(410).into()], Answer::status(200));
    let server = server.unwrap();
    let desk = Desk::new(&server.url());
    desk.find("first");
    let poster = poster(Reach::Everything);
    poster.round(&desk.meta).unwrap();
    desk.find("second");
    poster.round(&desk.meta).unwrap();
    let states: Vec<PostState> = desk.lines().iter().map(|line| line.state).collect();
    assert_eq!(states, [PostState::Taken, PostState::GivenUp]);
}

#[test]
fn private_addresses_are_refused_when_they_are_not_allowed() {
    let server = FaultServer::start(Vec::new(), Answer::status(200)).unwrap();
    let port = server.address().port();
    let desk = Desk::new(&format!("http://localhost:{port}/"));
    desk.find("update");
    poster(Reach::Public).round(&desk.meta).unwrap();
    let line = desk.lines().remove(0);
    assert!(line.answer.contains("private address"), "{}", line.answer);
    assert_eq!(server.connections(), 0);
}

#[test]
fn what_waits_survives_and_a_try_that_we_broke_off_does_not_count() {
    let hang = Fault::Stall(Duration::from_secs(60), Answer::status(200));
    let server = FaultServer::start(vec![hang], Answer::status(200)).unwrap();
    let desk = Desk::new(&server.url());
    desk.find("update");
    let webhooks = Webhooks::new(Reach::Everything);
    webhooks.start(desk.meta.clone()).unwrap();
    assert!(server.wait_for(1, PATIENCE));
    let begun = std::time::Instant::now();
    webhooks.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(desk.lines()[0].tries, 0);
    // Another process, later: the same post, byte for byte.
    let again = Webhooks::new(Reach::Everything);
    again.start(desk.meta.clone()).unwrap();
    assert!(server.wait_for(2, PATIENCE));
    again.stop();
    let requests = server.requests();
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(
        requests[0].header("webhook-id"),
        requests[1].header("webhook-id")
    );
}
