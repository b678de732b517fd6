//! Webhooks as they are kept: one for each project, its posts, their tries.

use super::*;
use crate::meta::findings::{FindingKind, NewFinding};
use crate::meta::tests::{at, project, temporary};
use crate::store::Day;

const BY: Actor = Actor::CommandLine;

fn finding(subject: &str) -> NewFinding {
    NewFinding {
        subject: subject.to_owned(),
        kind: FindingKind::Task,
        strong: "update".to_owned(),
        text: format!("fails more: {subject}"),
        evidence: "2.9% of runs".to_owned(),
        target: "/tasks".to_owned(),
        since: String::new(),
        since_day: Day(0),
        strength: 1.0,
    }
}

#[test]
fn new_findings_wait_once_and_only_where_there_is_a_webhook() {
    let (_dir, meta) = temporary();
    let one = project(&meta, "One").number;
    let two = project(&meta, "Two").number;
    let secret = meta.set_webhook(one, "https://a.example/", &BY, at(0));
    let secret = secret.unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    for second in [1, 2] {
        meta.keep_findings(one, &[finding("a")], at(second))
            .unwrap();
        meta.keep_findings(two, &[finding("a")], at(second))
            .unwrap();
    }
    assert_eq!(meta.due_posts(at(0).as_millisecond(), 9).unwrap(), []);
    let due = meta.due_posts(at(2).as_millisecond(), 9).unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].project, "one");
    assert_eq!(due[0].secret, secret);
    let found = due[0].finding.as_ref().unwrap();
    assert_eq!(found.finding, finding("a"));
    meta.close_project(one, &BY, at(3)).unwrap();
    assert_eq!(meta.due_posts(at(9).as_millisecond(), 9).unwrap(), []);
}

#[test]
fn tries_are_counted_and_settled_posts_stay_for_a_while() {
    let (_dir, meta) = temporary();
    let one = project(&meta, "One").number;
    meta.set_webhook(one, "https://a.example/", &BY, at(0))
        .unwrap();
    meta.queue_test_post(one, &BY, at(0)).unwrap();
    assert!(matches!(
        meta.queue_test_post(one, &BY, at(0)),
        Err(MetaError::Invalid(_))
    ));
    let now_ms = at(1).as_millisecond();
    let id = meta.due_posts(now_ms, 1).unwrap()[0].id;
    let later = Settled::Later(now_ms + 5);
    meta.settle_post(id, later, "503", now_ms).unwrap();
    assert_eq!(meta.due_posts(now_ms, 1).unwrap(), []);
    assert_eq!(meta.webhook(one).unwrap().unwrap().waiting, 1);
    meta.settle_post(id, Settled::GivenUp, "410", now_ms + 5)
        .unwrap();
    for _ in 0..60 {
        meta.queue_test_post(one, &BY, at(2)).unwrap();
        let id = meta.due_posts(now_ms + 9_000, 1).unwrap()[0].id;
        meta.settle_post(id, Settled::Taken, "204", now_ms).unwrap();
    }
    let hook = meta.webhook(one).unwrap().unwrap();
    assert_eq!((hook.taken, hook.given_up, hook.waiting), (60, 1, 0));
    let lines = meta.webhook_posts(one, 99).unwrap();
    assert_eq!(lines.len(), KEPT_POSTS as usize);
    assert_eq!(
        (lines[0].state, lines[0].answer.as_str()),
        (PostState::Taken, "204")
    );
}

#[test]
fn a_webhook_is_set_once_and_removed_with_what_waits() {
    let (_dir, meta) = temporary();
    let one = project(&meta, "One").number;
    meta.set_webhook(one, "https://a.example/", &BY, at(0))
        .unwrap();
    assert!(matches!(
        meta.set_webhook(one, "https://b.example/", &BY, at(0)),
        Err(MetaError::Invalid(_))
    ));
    meta.keep_findings(one, &[finding("a")], at(1)).unwrap();
    let id = meta.due_posts(at(9).as_millisecond(), 1).unwrap()[0].id;
    meta.remove_webhook(one, &BY, at(2)).unwrap();
    assert_eq!(
        meta.audit_log(Some(one), 1).unwrap()[0].subject,
        "https://a.example/, 1 not sent any more"
    );
    // A try that was under way.
    meta.settle_post(id, Settled::Taken, "200", 0).unwrap();
    assert_eq!(meta.webhook(one).unwrap(), None);
    assert_eq!(meta.webhook_posts(one, 9).unwrap(), []);
    assert!(matches!(
        meta.remove_webhook(one, &BY, at(3)),
        Err(MetaError::Unknown { .. })
    ));
}
