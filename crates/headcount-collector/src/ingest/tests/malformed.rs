//! Malformed requests over real HTTP: each gets its documented answer and nothing is stored.

use super::*;

/// Request, status, what the answer contains.
type Case = (String, &'static str, &'static str);

fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn bare(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

/// Longer than the limit of these tests.
fn large() -> String {
    "x".repeat(20_001)
}

fn google() -> Vec<Case> {
    let wide = format!("v=1&tid=UA-1-1&cid=1&t=pageview&dp={}", "x".repeat(9_000));
    let gif = "GIF89a";
    vec![
        (bare("GET /collect"), "200", gif),
        (post("/collect", "", ""), "200", gif),
        (post("/collect", "", "%%%&&&=;\u{0}"), "200", gif),
        (post("/collect", "Content-Type: x\r\n", &wide), "200", gif),
        (post("/batch", "", "\n\n\n"), "200", gif),
        (post("/batch", "", &"v=1\n".repeat(25)), "200", gif),
        (post("/collect", "", &large()), "413", "too_large"),
        (post("/mp/collect", "", "\u{0}"), "204", ""),
        (post("/mp/collect?a=%zz&&", "", "{"), "204", ""),
        (post("/mp/collect", "", &large()), "413", "too_large"),
        (
            post("/debug/mp/collect", "", "{"),
            "200",
            "validationMessages",
        ),
        (
            post("/debug/collect", "", "\u{0}"),
            "200",
            "hitParsingResult",
        ),
    ]
}

fn native(bearer: &str) -> Vec<Case> {
    let with = |headers: &str, body: &str| {
        let headers = format!("{bearer}{headers}");
        post("/api/v1/batch", &headers, body)
    };
    let keyless = |headers: &str| post("/api/v1/batch", headers, "{}");
    let cut = format!(
        "POST /api/v1/batch HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{bearer}Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    );
    vec![
        (keyless(""), "401", "unknown_key"),
        (
            keyless("Authorization: Bearer hc_nobody\r\n"),
            "401",
            "unknown_key",
        ),
        (
            keyless("Authorization: Basic eDp5\r\n"),
            "401",
            "unknown_key",
        ),
        (with("", ""), "400", "unreadable"),
        (with("", "[]"), "400", "unreadable"),
        (with("", r#"{"events": []}"#), "400", "missing"),
        (with("", r#"{"install": "a"}"#), "400", "missing"),
        (
            with("", r#"{"install": "a", "events": {}}"#),
            "400",
            "bad_value",
        ),
        (
            with("", r#"{"install": "", "events": []}"#),
            "400",
            "bad_value",
        ),
        (
            with("", r#"{"install": "a", "events": []}"#),
            "200",
            "\"accepted\":0",
        ),
        (
            with("", r#"{"install": "a", "events": [7]}"#),
            "200",
            "\"index\":0",
        ),
        (
            with("Content-Encoding: gzip\r\n", "{}"),
            "400",
            "bad_encoding",
        ),
        (
            with("Content-Encoding: br\r\n", "{}"),
            "400",
            "bad_encoding",
        ),
        (with("", &large()), "413", "too_large"),
        (cut, "400", ""),
    ]
}

fn others() -> Vec<Case> {
    vec![
        (bare("GET /batch"), "405", "allow: POST"),
        (bare("GET /mp/collect"), "405", "allow: POST"),
        (bare("GET /api/v1/batch"), "405", "allow: POST"),
        (bare("PUT /collect"), "405", "allow: GET,HEAD,POST"),
        (bare("POST /healthz"), "405", "allow: GET,HEAD"),
        (bare("GET /collect/"), "404", ""),
        (bare("GET /nothing/here"), "404", ""),
        (post("/nothing", "", "x"), "404", ""),
        (bare("GET /healthz"), "200", "ok"),
        (bare("GET /readyz"), "200", "ready"),
        (bare("GET /metrics"), "200", "headcount_hits_total"),
        ("GARBAGE\r\n\r\n".to_owned(), "400", ""),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400", ""),
    ]
}

#[tokio::test]
async fn malformed_requests_get_the_documented_answers() {
    let server = Server::start(|config| config.limits.body_bytes = 20_000).await;
    let bearer = format!("Authorization: Bearer {}\r\n", server.project.ingest_key);
    let cases = [google(), native(&bearer), others()].concat();
    for (request, expected, contains) in cases {
        let answer = server.raw(&request).await;
        let start = &request[..request.len().min(300)];
        assert_eq!(status(&answer), expected, "{start}\n{answer}");
        assert!(answer.contains(contains), "{start}\n{answer}");
    }
    assert!(server.rows().is_empty());
}
