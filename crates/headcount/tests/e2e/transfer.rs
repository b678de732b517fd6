//! A project's raw events taken out and into another collector: the same reports.

use serde_json::json;

use crate::erase::Scene;
use crate::support::http;
use crate::support::process::{self, Server};
use crate::support::reports::Reports;

#[test]
fn reports_are_the_same_after_export_and_import() {
    let scene = Scene::new();
    let server = Server::start(scene.data());
    for install in 1..12 {
        scene.send(server.address, install, 400);
    }
    let before = scene.all(server.address);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let file = path("events.ndjson");
    let told = process::json(scene.data(), &["export", "--project", "auth", &file]);
    assert_eq!(told["events"], 11 * 6 * 403, "{told}");
    let lines = std::fs::read(&file).unwrap();
    // The same over HTTP, for tokens that may.
    let token = |scope: &str| {
        let args = ["token", "create", "--project", "auth", "--scope", scope];
        let made = process::json(scene.data(), &args);
        format!("Bearer {}", made["token"].as_str().unwrap())
    };
    let ask = |bearer: &str, query: &str| {
        let target = format!("/api/v1/projects/auth/export{query}");
        http::get(server.address, &target, &[("Authorization", bearer)])
    };
    let export = token("export");
    assert_eq!(ask(&export, "").body, lines);
    assert_eq!(ask(&token("reports"), "").status, 403);
    assert_eq!(ask("Bearer hcr_none", "").status, 401);
    assert_eq!(ask(&export, "?format=xml").status, 400);
    assert_eq!(ask(&export, "?from=soon").status, 400);
    let csv = ask(&export, "?format=csv");
    assert_eq!(csv.text().lines().count(), 1 + 11 * 6 * 403);

    let busy = process::run(scene.data(), &["import", "--project", "auth", &file]);
    assert_eq!(
        busy.status.code(),
        Some(1),
        "a running server is the one writer"
    );
    server.stop();
    let other = path("other");
    process::json(other.as_ref(), &["project", "create", "Auth"]);
    for (accepted, duplicates) in [(11 * 6 * 403, 0), (0, 11 * 6 * 403)] {
        let done = process::json(other.as_ref(), &["import", "--project", "auth", &file]);
        let expected = json!({"project": "auth", "accepted": accepted, "duplicates": duplicates,
            "rejected": 0, "problems": []});
        assert_eq!(done, expected);
    }
    let server = Server::start(other.as_ref());
    let reports = Reports::of(other.as_ref(), "auth");
    let there = Scene { reports, ..scene };
    assert_eq!(there.all(server.address), before);
}
