//! A webhook whose receiver is slow or asks to wait, and a server that is killed meanwhile: a post that
//! was queued arrives, and whatever arrives twice has the same id and the same bytes.

use std::time::Duration;

use headcount_testkit::fault::{Answer, Fault, FaultServer, Request};

use crate::support::eventually;
use crate::support::process::{self, Server};
use crate::support::visitor::Visitor;

const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than a server that had lost nothing to send would need to send something again.
const QUIET: Duration = Duration::from_secs(3);
const PAGE: &str = "/projects/one/settings/webhook";
const TEST: &str = "/projects/one/settings/webhook/test";

/// Kills the server once the receiver was asked and `fault` is its answer; what the receiver has got
/// when a second server had the time to send it.
fn kill_between(fault: Fault) -> (Vec<Request>, String) {
    let receiver = FaultServer::start(vec![fault], Answer::status(204)).unwrap();
    let data = tempfile::tempdir().unwrap();
    process::json(data.path(), &["project", "create", "One"]);
    let server = Server::start_with(data.path(), &["--private-webhooks"]);
    let address = server.address;
    let visitor = Visitor::sign_in(data.path(), address, "one");
    let url = receiver.url().replace(':', "%3A").replace('/', "%2F");
    let set = visitor.send(address, (PAGE, PAGE), &format!("url={url}%2Fhook"));
    assert!(set.contains("whsec_"), "{set}");
    std::thread::scope(|scope| {
        // The form waits for the receiver; its own answer is cut off by the kill.
        let asked = scope.spawn(|| drop(http_test(&visitor, address)));
        assert!(receiver.wait_for(1, PATIENCE), "the first try");
        // A refusal is written down, so that its pause begins.
        std::thread::sleep(Duration::from_millis(500));
        server.kill();
        drop(asked.join());
    });
    let server = Server::start_with(data.path(), &["--private-webhooks"]);
    assert!(receiver.wait_for(2, PATIENCE), "the second try");
    let page = eventually("the outcome on the page", PATIENCE, || {
        let page = visitor.page(server.address, PAGE);
        page.contains("Taken: 1. Waiting: 0.").then_some(page)
    });
    std::thread::sleep(QUIET);
    server.stop();
    (receiver.requests(), page)
}

fn http_test(visitor: &Visitor, address: std::net::SocketAddr) -> std::thread::Result<String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        visitor.send(address, (PAGE, TEST), "")
    }))
}

fn check(fault: Fault) {
    let (requests, page) = kill_between(fault);
    assert_eq!(requests.len(), 2, "once more, and no third time");
    let [first, second] = &requests[..] else {
        unreachable!("there are two");
    };
    let id = |request: &Request| request.header("webhook-id").unwrap().to_owned();
    assert_eq!(id(first), id(second));
    assert_eq!(first.body, second.body, "what is signed is the same");
    assert!(first.header("webhook-signature").is_some());
    assert!(page.contains("Test"), "{page}");
}

#[test]
fn a_post_that_waits_for_its_pause_survives_kill_9() {
    check(Answer::status(503).retry_after(4).into());
}

#[test]
fn a_post_whose_receiver_is_slow_survives_kill_9() {
    check(Fault::Stall(Duration::from_secs(10), Answer::status(204)));
}
