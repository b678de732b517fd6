//! What is told of a project: the same on two pages, also after the server was killed.

use crate::support::http;
use crate::support::process::{self, Server};
use crate::support::visitor::Visitor;

#[test]
fn overview_and_findings_tell_the_same_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let project = process::json(data.path(), &["project", "create", "One"]);
    let id = project["measurement_id"].as_str().unwrap();
    let mut server = Server::start(data.path());
    let visitor = Visitor::sign_in(data.path(), server.address, "one");
    let hit = |secret: &str| {
        let target = format!("/mp/collect?measurement_id={id}&api_secret={secret}");
        let body = r#"{"client_id":"a","events":[{"name":"page_view","params":{"page_location":"https://a.example/"}}]}"#;
        let answer = http::post(server.address, &target, &[], body.as_bytes());
        assert_eq!(answer.status, 204);
    };
    hit(project["api_secret"].as_str().unwrap());
    hit("wrong");
    let mut lives = Vec::new();
    for _ in 0..2 {
        let told = |path: &str| {
            let page = visitor.page(server.address, path);
            let (_, rest) = page.split_once("Worth a look</h2>").unwrap_or_default();
            let part = rest.split("</section>").next().unwrap_or_default();
            let links = part.split("<a href=\"").skip(1);
            let links = links.map(|link| link.split("</a>").next().unwrap().to_owned());
            links
                .filter(|link| !link.contains("All findings"))
                .collect::<Vec<_>>()
        };
        let (overview, findings) = (told("/projects/one"), told("/projects/one/findings"));
        assert_eq!(overview, findings);
        lives.push(overview);
        server.kill();
        server = Server::start(data.path());
    }
    // Hits are counted by minute in memory: after a restart neither page tells of those before it.
    assert_eq!(lives[1], Vec::<String>::new());
    assert!(
        lives[0][0].contains("1 of 2 hits was rejected"),
        "{lives:?}"
    );
}
