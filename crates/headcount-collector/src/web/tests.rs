//! Sign-in, sessions, form protection and headers over real HTTP connections.

mod access;
mod audit;
mod author;
mod care;
mod factor;
mod findings;
#[cfg(feature = "oidc")]
mod oidc;
mod pages;
mod public;
mod settings;
mod share;
mod site;
mod sizes;
mod webhook;

use axum::Router;
use axum::routing::get;

use super::Web;
use super::viewer::{Reader, Viewer};
use crate::meta::audit::Actor;
use crate::meta::people::Role;
use crate::meta::people::tests::member;
use crate::meta::tests::project;
use crate::meta::tokens::{NewToken, Scope};
use crate::web::now;

use site::{Answer, PASSWORD, Site};

/// A page and an API answer of a project, for tests of who gets in.
fn probes() -> Router<Web> {
    Router::new()
        .route(
            "/probe/{project}",
            get(async |viewer: Viewer| viewer.project.name),
        )
        .route("/panic", get(panics))
        .route(
            "/probe/{project}/api",
            get(async |reader: Reader| reader.name),
        )
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

#[tokio::test]
async fn signing_in_with_a_password_leads_back_to_the_page_asked_for() {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let asked = site.get("/probe/one?range=7d&filter=app:x", "").await;
    assert_eq!(asked.status, 303);
    let login = asked.header("location").unwrap();
    assert_eq!(
        login,
        "/login?next=%2Fprobe%2Fone%3Frange%3D7d%26filter%3Dapp%3Ax"
    );
    let page = site.get(login, "").await;
    assert_eq!(page.status, 200);
    assert!(
        page.body
            .contains(r#"name="next" value="/probe/one?range=7d&#38;filter=app:x""#)
    );
    let wrong = site.sign_in("mara@a.example", "wrong password", "/").await;
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.header("set-cookie"), None);
    assert!(wrong.body.contains("do not belong together"));
    let unknown = site.sign_in("nobody@a.example", PASSWORD, "/").await;
    assert_eq!(
        (unknown.status, unknown.body.len()),
        (401, wrong.body.len() + 2)
    );
    let done = site
        .sign_in(
            " MARA@a.example",
            PASSWORD,
            "/probe/one?range=7d&filter=app:x",
        )
        .await;
    assert_eq!(done.status, 303);
    assert_eq!(
        done.header("location"),
        Some("/probe/one?range=7d&filter=app:x")
    );
    let cookie = done.header("set-cookie").unwrap();
    assert!(cookie.starts_with("headcount="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let inside = site.get("/probe/one", &done.cookie()).await;
    assert_eq!((inside.status, inside.body.as_str()), (200, "One"));
}

#[tokio::test]
async fn cookies_are_bound_to_https_where_people_come_over_https() {
    let site = Site::start(Some("https://stats.example/")).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let done = site.sign_in("mara@a.example", PASSWORD, "/").await;
    let cookie = done.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-headcount="), "{cookie}");
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    assert_eq!(site.get("/account", &done.cookie()).await.status, 200);
    let plain = done.cookie().replace("__Host-", "");
    assert_eq!(site.get("/account", &plain).await.status, 303);
}

#[tokio::test]
async fn next_cannot_leave_the_site() {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    for next in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "%0d%0a",
    ] {
        let done = site.sign_in("mara@a.example", PASSWORD, next).await;
        assert_eq!(done.header("location"), Some("/"), "{next}");
    }
    let login = site.get("/login?next=https%3A%2F%2Fevil.example", "").await;
    assert!(!login.body.contains("evil.example"));
}

#[tokio::test]
async fn guessing_is_slowed_down_per_account() {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    for _ in 0..10 {
        let wrong = site.sign_in("mara@a.example", "guess guess", "/").await;
        assert_eq!(wrong.status, 401);
    }
    let right = site.sign_in("mara@a.example", PASSWORD, "/").await;
    assert_eq!(right.status, 429);
    let wait: u64 = right.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait));
    assert!(right.body.contains("Too many tries"));
}

#[tokio::test]
async fn a_link_signs_in_once_and_looking_does_not_use_it_up() {
    let site = Site::start(None).await;
    let user = site.member("ines@a.example", Role::Viewer, None);
    let token = site
        .meta()
        .issue_link(&user, &Actor::CommandLine, now())
        .unwrap();
    let path = format!("/login/link/{token}");
    for _ in 0..2 {
        let look = site.get(&path, "").await;
        assert_eq!(look.status, 200);
        assert!(look.body.contains("ines@a.example") && look.body.contains("<button"));
    }
    let done = site.post_open(&path, "", "").await;
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some("/account"))
    );
    let account = site.get("/account", &done.cookie()).await;
    assert!(account.body.contains("You have none yet"));
    for answer in [
        site.post_open(&path, "", "").await,
        site.get(&path, "").await,
    ] {
        assert!([403, 410].contains(&answer.status), "{}", answer.status);
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn the_first_manager_comes_in_by_link_and_sees_every_project() {
    let site = Site::start(None).await;
    let token = site.meta().first_manager_link(now()).unwrap().unwrap();
    let done = site
        .post_open(&format!("/login/link/{token}"), "", "")
        .await;
    assert_eq!(site.get("/probe/one", &done.cookie()).await.status, 200);
    assert_eq!(site.meta().first_manager_link(now()).unwrap(), None);
}

#[tokio::test]
async fn a_browser_gets_a_new_session_at_sign_in_and_none_after_sign_out() {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let first = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    let page = site.get("/login", "").await;
    let body = format!(
        "csrf={}&email=mara%40a.example&password={}",
        page.form_token(),
        PASSWORD.replace(' ', "+")
    );
    let both = format!("{first}; {}", page.cookie().trim_start_matches("Cookie: "));
    let second = site.post("/login", &both, &body).await.cookie();
    assert_ne!(first, second);
    assert_eq!(site.get("/account", &first).await.status, 303);
    let account = site.get("/account", &second).await;
    let signed = format!("csrf={}", account.form_token());
    let out = site.post("/logout", &second, &signed).await;
    assert_eq!((out.status, out.header("location")), (303, Some("/login")));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(site.get("/account", &second).await.status, 303);
}

#[tokio::test]
async fn forms_of_other_sites_and_other_sessions_are_refused() {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    site.member("eve@a.example", Role::Viewer, Some(PASSWORD));
    let mara = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    let eve = site.sign_in("eve@a.example", PASSWORD, "/").await.cookie();
    let of_mara = site.get("/account", &mara).await.form_token();
    let of_eve = site.get("/account", &eve).await.form_token();
    let email = "email=stolen%40evil.example";
    for token in ["", "csrf=", "csrf=00", &format!("csrf={of_eve}")] {
        let answer = site
            .post("/account/email", &mara, &format!("{email}&{token}"))
            .await;
        assert_eq!(answer.status, 403, "{token}");
    }
    let form = format!("email=mara%40b.example&csrf={of_mara}");
    let foreign = [
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Origin: https://evil.example",
        "Origin: null",
    ];
    for header in foreign {
        let answer = site
            .send("POST", "/account/email", &[&mara, header], &form)
            .await;
        assert_eq!(answer.status, 403, "{header}");
        let login = site.send("POST", "/login", &[header], "").await;
        assert_eq!(login.status, 403, "{header}");
    }
    assert!(
        site.get("/account", &mara)
            .await
            .body
            .contains("mara@a.example")
    );
    let own = format!("Origin: http://{}", site.address);
    let done = site
        .send("POST", "/account/email", &[&mara, &own], &form)
        .await;
    assert_eq!(done.status, 303);
    assert!(
        site.get("/account", &mara)
            .await
            .body
            .contains("mara@b.example")
    );
}

#[tokio::test]
async fn a_password_is_changed_with_the_current_one_only() {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let here = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    let there = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    let token = site.get("/account", &here).await.form_token();
    let old = PASSWORD.replace(' ', "+");
    let change = async |current: &str, new: &str| {
        let form = format!("csrf={token}&current={current}&password={new}");
        site.post("/account/password", &here, &form).await
    };
    let wrong = change("guess", "another+long+one").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("the current password is another one"));
    let short = change(&old, "short").await;
    assert!(short.body.contains("at least 10 characters"));
    let done = change(&old, "another+long+one").await;
    assert_eq!(done.header("location"), Some("/account?done=password"));
    assert_eq!(site.get("/account", &here).await.status, 200);
    assert_eq!(site.get("/account", &there).await.status, 303);
    let with_old = site.sign_in("mara@a.example", PASSWORD, "/").await;
    assert_eq!(with_old.status, 401);
    let with_new = site
        .sign_in("mara@a.example", "another long one", "/")
        .await;
    assert_eq!(with_new.status, 303);
}

#[tokio::test]
async fn a_session_is_ended_from_the_list_of_its_own_user_only() {
    let site = Site::start(None).await;
    let user = site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    site.member("eve@a.example", Role::Viewer, Some(PASSWORD));
    let lost = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    let eve = site.sign_in("eve@a.example", PASSWORD, "/").await.cookie();
    let id = site.meta().sessions_of(user.id, now()).unwrap()[0].id;
    let path = format!("/account/sessions/{id}/end");
    let signed = format!("csrf={}", site.get("/account", &eve).await.form_token());
    site.post(&path, &eve, &signed).await;
    assert_eq!(site.get("/account", &lost).await.status, 200);
    let mara = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    let page = site.get("/account", &mara).await;
    assert!(page.body.contains(&path));
    let signed = format!("csrf={}", page.form_token());
    assert_eq!(site.post(&path, &mara, &signed).await.status, 303);
    assert_eq!(site.get("/account", &lost).await.status, 303);
}

#[tokio::test]
async fn roles_and_tokens_open_what_they_are_for() {
    let site = Site::start(None).await;
    project(site.meta(), "Two");
    let cookie = async |email, role| {
        site.member(email, role, Some(PASSWORD));
        site.sign_in(email, PASSWORD, "/").await.cookie()
    };
    let manager = cookie("m@a.example", Role::Manager).await;
    let viewer = cookie("v@a.example", Role::Viewer).await;
    let author = cookie("w@a.example", Role::Author).await;
    let token = |slug: &str| {
        let new = NewToken {
            project: slug.to_owned(),
            name: "t".to_owned(),
            scope: Scope::Reports,
        };
        let token = site.meta().create_token(&new, &Actor::CommandLine, now());
        format!("Authorization: Bearer {}", token.unwrap())
    };
    let (own, other) = (token("one"), token("two"));
    // Header, status of the page and of the API for one, then for a project that is not theirs.
    let table: [(&str, [u16; 4]); 8] = [
        (&manager, [200, 200, 404, 404]),
        (&viewer, [200, 200, 404, 404]),
        (&author, [403, 403, 404, 404]),
        ("", [303, 401, 303, 401]),
        (&own, [303, 200, 303, 403]),
        (&other, [303, 403, 303, 200]),
        ("Authorization: Bearer hcr_guess", [303, 401, 303, 401]),
        ("Authorization: Basic eA==", [303, 401, 303, 401]),
    ];
    for (header, expected) in table {
        let paths = [
            "/probe/one",
            "/probe/one/api",
            "/probe/two",
            "/probe/two/api",
        ];
        for (path, status) in paths.into_iter().zip(expected) {
            let answer = site.get(path, header).await;
            assert_eq!(answer.status, status, "{path} with {header:?}");
            if path.ends_with("api") && status != 200 {
                assert_eq!(answer.header("content-type"), Some("application/json"));
                assert!(
                    answer.body.starts_with(r#"{"error":{"code":"#),
                    "{}",
                    answer.body
                );
            }
            assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        }
    }
    assert_eq!(site.get("/probe/none", &manager).await.status, 404);
}

#[tokio::test]
async fn the_start_leads_to_the_only_project_or_lists_them() {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let cookie = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    let start = site.get("/", &cookie).await;
    assert_eq!(start.header("location"), Some("/projects/one"));
    project(site.meta(), "<Two> & more");
    member(site.meta(), "mara@a.example", "two-more", Role::Author);
    let list = site.get("/", &cookie).await;
    assert_eq!(list.status, 200);
    assert!(
        list.body.contains("&#60;Two&#62; &#38; more"),
        "{}",
        list.body
    );
    assert!(list.body.contains("memberaudit"));
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let site = Site::start(None).await;
    let css = super::assets::css();
    let paths = ["/login", "/", "/nowhere", "/logout", "/login/link/x", css];
    for path in paths {
        let answer = site.get(path, "").await;
        assert_headers(&answer, path);
    }
    let refused = site
        .send("POST", "/login", &["Origin: https://evil.example"], "")
        .await;
    assert_headers(&refused, "a refused form");
}

fn assert_headers(answer: &Answer, what: &str) {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let expected = [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value), "{what}");
    }
    let kept = answer.header("cache-control").unwrap();
    let is_asset = what.starts_with("/static/");
    assert_eq!(kept.contains("immutable"), is_asset, "{what}: {kept}");
    assert_eq!(kept == "no-store", !is_asset, "{what}: {kept}");
}

#[tokio::test]
async fn errors_have_their_status_and_the_look_of_pages() {
    let site = Site::start(None).await;
    let missing = site.get("/nowhere", "").await;
    assert_eq!(missing.status, 404);
    let method = site.get("/logout", "").await;
    assert_eq!((method.status, method.header("allow")), (405, Some("POST")));
    let broken = site.post("/login", "", "password=x").await;
    assert_eq!(broken.status, 400);
    assert!(broken.body.contains("missing field"), "{}", broken.body);
    let long = "x".repeat(33 * 1024);
    let long = site.post("/login", "", &long).await;
    assert_eq!(long.status, 413);
    let failed = site.get("/panic", "").await;
    assert_eq!(failed.status, 500);
    assert!(!failed.body.contains("purpose"));
    for answer in [missing, method, broken, long, failed] {
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(answer.body.contains("Go to the start"));
        assert!(answer.body.contains(super::assets::css()));
    }
    assert_eq!(
        site.get("/static/headcount.000000000000.css", "")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn head_and_gzip_work() {
    let site = Site::start(None).await;
    let page = site.get("/login", "").await;
    let head = site.send("HEAD", "/login", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let length = page.body.len().to_string();
    assert_eq!(head.header("content-length"), Some(length.as_str()));
    let zipped = site.get("/login", "Accept-Encoding: br, gzip").await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    // Each page has a form token of its own.
    let (head, _) = page.body.split_once(r#"name="csrf""#).unwrap();
    let unzipped = site.unzip(&zipped);
    assert!(unzipped.starts_with(head) && unzipped.len() == page.body.len());
    assert!(zipped.bytes.len() < page.body.len() / 2);
    assert!(page.body.len() < 60_000);
}
