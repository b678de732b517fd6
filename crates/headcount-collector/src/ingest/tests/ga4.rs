//! GA4 over real HTTP.

use super::*;

/// As an unmodified Alliance Auth 5 sends it.
fn hit(label: &str, value: u32) -> String {
    format!(
        r#"{{"client_id": "d09f994513004f73a7f26409dbb44a14", "user_properties": {{"allianceauth_version": {{"value": "5.5.0"}}}}, "non_personalized_ads": true, "events": [{{"name": "celery_event", "params": {{"namespace": "allianceauth.analytics", "task": "send_install_stats", "result": "", "label": "{label}", "value": {value}}}}}]}}"#
    )
}

fn path(project: &Project) -> String {
    format!(
        "/mp/collect?measurement_id={}&api_secret={}",
        project.measurement_id, project.api_secret
    )
}

#[tokio::test]
async fn daily_stats_are_stored_and_answered_204() {
    let server = Server::start(|_| {}).await;
    let path = path(&server.project);
    for (label, value) in [("users", 12), ("tokens", 34), ("existence_baremetal", 1)] {
        let answer = server.post(&path, "", hit(label, value)).await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        assert_eq!(body(&answer), "");
        assert!(
            !answer.to_lowercase().contains("content-length"),
            "{answer}"
        );
    }
    let rows = server.rows();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.install == 0));
    let store = &server.collector.store;
    assert!(rows.iter().all(|row| &*store.text(row.version) == "5.5.0"));
    let RowBody::Stats { users, .. } = rows[0].body else {
        panic!("{:?} is no stats", rows[0]);
    };
    assert_eq!(users, Some(12));
    assert_eq!(&*store.text(rows[2].deployment), "baremetal");
}

#[tokio::test]
async fn what_cannot_be_counted_is_answered_204_and_kept_with_its_reason() {
    let server = Server::start(|config| config.limits.body_bytes = 200_000).await;
    let good = hit("users", 1);
    let own = path(&server.project);
    let wrong = own.replace(&server.project.api_secret, "guess");
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(140_000));
    for (path, body) in [
        (own.as_str(), "not json"),
        (&own, "[]"),
        (&own, "{}"),
        (&own, r#"{"events": [{"name": "page_view"}]}"#),
        (&own, &large),
        (&wrong, &good),
        (&wrong.replace("&api_secret=guess", ""), &good),
        ("/mp/collect", &good),
        ("/mp/collect?measurement_id=G-NOBODY&api_secret=x", &good),
        (
            "/mp/collect?firebase_app_id=1:2:android:ab&api_secret=x",
            &good,
        ),
    ] {
        let answer = server.post(path, "", body).await;
        assert_eq!(status(&answer), "204", "{path}\n{answer}");
    }
    assert!(server.rows().is_empty());
    let reasons = |project| -> Vec<String> {
        let mut hits = server.refused(project);
        hits.reverse();
        let code = |hit: Hit| hit.reason.split(':').next().map(str::to_owned);
        hits.into_iter().filter_map(code).collect()
    };
    let unknown = reasons(auth::UNKNOWN);
    assert_eq!(unknown, ["missing", "unknown_project", "unknown_project"]);
    let own = reasons(server.project.number);
    let wrong = own.iter().filter(|code| *code == "wrong_secret").count();
    assert_eq!((own.len(), wrong), (7, 1), "{own:?}");
    assert!(own.contains(&"too_large".to_owned()), "{own:?}");
    let answer = server.post("/mp/collect", "", "x".repeat(200_001)).await;
    assert_eq!(status(&answer), "413", "{answer}");
    let answer = server.raw("GET /mp/collect HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&answer), "405", "{answer}");
}

#[tokio::test]
async fn events_of_one_request_are_judged_one_by_one() {
    let server = Server::start(|_| {}).await;
    let sent = r#"{"client_id": "a", "events": [
        {"name": "page_view", "params": {"page_path": "/a", "value": "nine"}},
        {"name": "_reserved and bad"},
        {"name": "celery_event", "params": {"namespace": "m", "task": "t", "result": "KeyError", "value": true}}]}"#;
    let answer = server.post(&path(&server.project), "", sent).await;
    assert_eq!(status(&answer), "204");
    let rows = server.rows();
    assert!(rows.len() >= 2, "{rows:?}");
    let refused = server.refused(server.project.number);
    assert_eq!(rows.len() + refused.len(), 3, "{refused:?}");
    assert!(matches!(rows[0].body, RowBody::Page { .. }));
}

#[tokio::test]
async fn validation_stores_nothing() {
    let server = Server::start(|_| {}).await;
    let path = format!("/debug{}", path(&server.project));
    for (sent, faultless) in [(hit("users", 1), true), ("{}".to_owned(), false)] {
        let answer = server.post(&path, "", sent).await;
        assert_eq!(status(&answer), "200");
        assert!(
            answer.contains("content-type: application/json"),
            "{answer}"
        );
        let said: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
        let messages = said["validationMessages"].as_array().unwrap();
        assert_eq!(messages.is_empty(), faultless, "{answer}");
    }
    let answer = server.raw("GET /debug/collect?v=1 HTTP/1.0\r\n\r\n").await;
    let said: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!(said["hitParsingResult"][0]["valid"], false, "{answer}");
    assert!(server.rows().is_empty());
    assert!(server.refused(server.project.number).is_empty());
}
