//! The page of the webhook: a manager sets one, tries it against a real server, sees what came back.

use headcount_testkit::fault::{Answer, FaultServer};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::settings::Desk;
use super::site::Site;

async fn desk(private: bool) -> Desk {
    Desk::at(Site::with(|config| config.private_webhooks = private).await)
}

fn form(url: &str) -> String {
    format!("url={}", utf8_percent_encode(url, NON_ALPHANUMERIC))
}

#[tokio::test]
async fn a_webhook_is_set_tried_and_removed() {
    let server = FaultServer::start(vec![Answer::status(503).into()], Answer::status(204));
    let server = server.unwrap();
    let desk = desk(true).await;
    assert_eq!(desk.get("/webhook/remove").await.status, 404);
    assert_eq!(desk.post("/webhook/test", "").await.status, 404);
    let set = desk.post("/webhook", &form(&server.url())).await;
    assert_eq!(set.status, 200);
    let (_, rest) = set.body.split_once("<code>whsec_").unwrap();
    let secret = rest.split('<').next().unwrap();
    let shown = desk.get("/webhook").await;
    assert!(!shown.body.contains(secret), "the secret is shown once");
    assert!(shown.body.contains("Nothing was posted yet"));
    let twice = desk.post("/webhook", &form(&server.url())).await;
    assert_eq!(twice.status, 400);

    let tested = desk.post("/webhook/test", "").await;
    assert_eq!(
        tested.header("location"),
        Some("/projects/one/settings/webhook?done=tested")
    );
    let listed = desk.get("/webhook").await;
    assert!(listed.body.contains("1 try, again at"), "{}", listed.body);
    assert!(listed.body.contains("<td>503"), "{}", listed.body);
    let waits = desk.post("/webhook/test", "").await;
    assert_eq!(waits.status, 400);
    assert!(waits.body.contains("a test waits already"));

    let asked = desk.get("/webhook/remove").await;
    assert!(
        asked
            .body
            .contains("One post that waits is not sent any more")
    );
    let removed = desk.post("/webhook/remove", "").await;
    assert_eq!(removed.status, 303);
    assert!(desk.get("/webhook").await.body.contains("Set webhook"));
    assert_eq!(
        desk.actions(),
        ["webhook.set", "webhook.test", "webhook.remove"]
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn addresses_that_lead_inside_are_refused_with_a_reason() {
    let desk = desk(false).await;
    for (url, why) in [
        ("http://127.0.0.1:1/", "private address"),
        ("https://10.1.2.3/", "private address"),
        ("http://example.org/", "must begin with https://"),
        ("nonsense", "no address"),
    ] {
        let refused = desk.post("/webhook", &form(url)).await;
        assert_eq!(refused.status, 400, "{url}");
        assert!(refused.body.contains(why), "{url}: {}", refused.body);
        assert!(refused.body.contains(url), "what was typed stays");
    }
    assert!(desk.actions().is_empty());
}
