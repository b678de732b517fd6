//! Overview, full tables, Live and the reports API over HTTP: hostile names, bad parameters, who gets
//! in, and how large and well-formed the pages are.

use headcount_protocol::{AppStat, InstallId, InstalledApp, Stats, Task};

use super::site::{PASSWORD, Site};
use crate::meta::audit::Actor;
use crate::meta::people::Role;
use crate::meta::tokens::{NewToken, Scope};
use crate::store::{Accepted, Entry, EntryBody, Flagged, Parcel, ProjectNumber, Verdict, Wire};
use crate::web::now;

/// What nobody should be able to make a page say.
const HOSTILE: &str =
    "</svg><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}&amp;";
const DAY_MS: i64 = 86_400_000;
/// Most bytes of a page's HTML.
const MOST_BYTES: usize = 60_000;

fn entries(k: i64, at_ms: i64) -> Vec<EntryBody> {
    let name = |prefix: &str| format!("{prefix}{k}{HOSTILE}{}", "x".repeat(500));
    let task = Task {
        namespace: name("n"),
        task: name("t"),
        result: if at_ms % 2 == 0 {
            name("Error")
        } else {
            "Success".to_owned()
        },
        label: String::new(),
        value: Some(3.0),
        count: 400,
    };
    let stats = Stats {
        users: Some(k.unsigned_abs() * 7),
        tokens: Some(k.unsigned_abs() * 70),
        apps: (0..30)
            .map(|n| InstalledApp {
                name: format!("{n}{HOSTILE}"),
                version: None,
            })
            .collect(),
        ..Stats::default()
    };
    let stat = AppStat {
        namespace: name("n"),
        task: name("t"),
        label: name("l"),
        value: 1.0,
    };
    let page = EntryBody::Page {
        path: name("/"),
        title: name("title"),
        locale: format!("x{k}{HOSTILE}"),
        browser: format!("B{k}{HOSTILE}").into(),
        os: "Linux".into(),
    };
    vec![
        EntryBody::Stats(stats),
        EntryBody::Task(task),
        EntryBody::Stat(stat),
        page,
    ]
}

/// A site with 40 days of hostile events of 30 installs.
async fn hostile_site() -> (Site, ProjectNumber, String) {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let project = site.meta().project("one").unwrap().number;
    let now_ms = now().as_millisecond();
    let mut accepted = Vec::new();
    for day in 0..40_i64 {
        for k in 0..30_i64 {
            let at_ms = now_ms - day * DAY_MS - 1_000 - k;
            let made = entries(k, at_ms).into_iter();
            accepted.push(Accepted {
                project,
                wire: Wire::Native,
                received_ms: at_ms,
                install: InstallId::parse(&format!("{k}-{}", &HOSTILE[..40])).unwrap(),
                version: format!("5.{}.0", (40 - day) / 10),
                deployment: format!("d{}{HOSTILE}", k % 3),
                runtime: String::new(),
                entries: made
                    .map(|body| Entry {
                        id: None,
                        at_ms,
                        body,
                    })
                    .collect(),
            });
        }
    }
    let flag = |k: i64| Flagged {
        project,
        received_ms: now_ms - k,
        install: HOSTILE.to_owned(),
        wire: Wire::Ga4,
        event: HOSTILE.to_owned(),
        verdict: if k % 2 == 0 {
            Verdict::Refused
        } else {
            Verdict::Noted
        },
        reason: format!("code{HOSTILE}: {HOSTILE}"),
        payload: HOSTILE.repeat(40),
    };
    let flagged = (0..60).map(flag).collect();
    let parcel = Parcel {
        accepted,
        flagged,
        ..Parcel::default()
    };
    site.collector().writer.submit(parcel).await.unwrap();
    let cookie = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    (site, project, cookie)
}

/// Elements whose end tag may be left out, or that have none.
const OPEN_ENDED: [&str; 19] = [
    "meta", "link", "input", "img", "br", "th", "td", "tr", "thead", "tbody", "li", "dt", "dd",
    "p", "option", "!doctype", "html", "head", "body",
];

/// Fails where elements overlap, stay open, or an attribute is not as we write it.
fn check_html(html: &str, what: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest
            .find('>')
            .unwrap_or_else(|| panic!("{what}: a tag without end"));
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        assert!(tag.matches('"').count().is_multiple_of(2), "{what}: {tag}");
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/', '\n'])
            .next()
            .unwrap_or_default();
        assert!(
            !tag.split('"')
                .step_by(2)
                .any(|outside| outside.contains(" on") || outside.contains(" style")),
            "{what}: {tag}"
        );
        if OPEN_ENDED.contains(&name) || tag.ends_with('/') {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(
                open.pop(),
                Some(name),
                "{what}: </{name}> after …{}",
                &html[..60]
            );
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{what}: {open:?} stay open");
    assert_eq!(html.matches("<script").count(), 1, "{what}");
    assert!(!html.contains("<img"), "{what}");
    for wrong in ["NaN", "inf%", "{{", "%-"] {
        if let Some(at) = html.find(wrong) {
            let around: String = html[..at].chars().rev().take(200).collect();
            panic!(
                "{what} has {wrong} after {}",
                around.chars().rev().collect::<String>()
            );
        }
    }
}

#[tokio::test]
async fn pages_stay_well_formed_and_small_under_hostile_names() {
    let (site, _, cookie) = hostile_site().await;
    for path in [
        "",
        "?range=7d&compare=off&metric=new",
        "?range=30d&metric=gone",
        "?range=12m&metric=users&sort=failed",
        "?metric=median",
        "?metric=latest&compare=year",
        "?filter=users:2-&filter=app:0%3C/svg%3E&filter=!version:5.0.0",
        "?filter=app:nobody",
        "?show=apps",
        "?show=pages&page=2",
        "?show=tasks",
        "?show=versions",
        "?show=totals",
        "?show=task&task=t1&namespace=%3Cscript%3E",
        "/tasks",
        "/tasks?sort=failed&q=t1&range=12m",
        "/tasks?task=t1&namespace=%3Cscript%3E&compare=off",
        "/tasks?task=nothing&filter=version:5.5.0",
        "/retention",
        "/retention?filter=deployment:docker&filter=users:2-",
        "/live",
        "/live?refresh=off",
        "/live?show=rejected&refresh=off",
        "/live?show=accepted&open=1.0",
    ] {
        let answer = site.get(&format!("/projects/one{path}"), &cookie).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        check_html(&answer.body, path);
        // The names of this test are ten times as long as any seen in the wild.
        let most = if path.contains("show=") {
            4 * MOST_BYTES
        } else {
            2 * MOST_BYTES
        };
        assert!(
            answer.body.len() <= most,
            "{path} has {} bytes",
            answer.body.len()
        );
    }
}

#[tokio::test]
async fn wrong_choices_are_answered_with_what_is_wrong() {
    let (site, _, cookie) = hostile_site().await;
    for (path, status, text) in [
        ("?from=x&to=2026-01-01", 400, "from"),
        ("?filter=colour:red", 400, "colour"),
        ("?metric=money", 400, "metric"),
        ("?show=money", 404, ""),
        ("/live?show=some", 400, "show"),
    ] {
        let answer = site.get(&format!("/projects/one{path}"), &cookie).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
    }
    let added = site
        .get(
            "/projects/one?range=7d&dimension=version&value=5.1.0",
            &cookie,
        )
        .await;
    assert_eq!(added.status, 303);
    assert_eq!(
        added.header("location"),
        Some("/projects/one?range=7d&filter=version:5.1.0")
    );
}

#[tokio::test]
async fn the_live_page_refreshes_until_a_row_is_open() {
    let (site, _, cookie) = hostile_site().await;
    let running = site.get("/projects/one/live", &cookie).await;
    assert_eq!(running.header("refresh"), Some("5"));
    assert!(!running.body.contains("<details open"));
    let link = running.body.split("class=\"hit\" href=\"").nth(1).unwrap();
    let link = link
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&")
        .replace("#open", "");
    let open = site
        .get(&format!("/projects/one/live{link}"), &cookie)
        .await;
    assert_eq!(open.header("refresh"), None);
    assert!(open.body.contains("<details open id=\"open\""), "{link}");
    let paused = site.get("/projects/one/live?refresh=off", &cookie).await;
    assert_eq!(paused.header("refresh"), None);
}

#[tokio::test]
async fn a_project_without_data_says_how_to_send_the_first_hit() {
    let site = Site::start(Some("https://stats.example.org")).await;
    site.member("mara@a.example", Role::Manager, Some(PASSWORD));
    let cookie = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    let project = site.meta().project("one").unwrap();
    let page = site.get("/projects/one", &cookie).await;
    assert_eq!((page.status, page.header("refresh")), (200, Some("5")));
    check_html(&page.body, "first run");
    for text in [
        "https://stats.example.org/mp/collect",
        &project.measurement_id,
        &project.tracking_id,
        &project.api_secret,
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    let live = site.get("/projects/one/live", &cookie).await;
    check_html(&live.body, "empty live page");
    assert_eq!(live.status, 200);
}

#[tokio::test]
async fn the_api_answers_json_and_csv_to_those_who_may() {
    let (site, _, cookie) = hostile_site().await;
    let new = NewToken {
        project: "one".to_owned(),
        name: "t".to_owned(),
        scope: Scope::Reports,
    };
    let token = site
        .meta()
        .create_token(&new, &Actor::CommandLine, now())
        .unwrap();
    let bearer = format!("Authorization: Bearer {token}");
    let path = "/api/v1/projects/one/reports/apps?limit=3";
    for (header, status) in [
        (bearer.as_str(), 200),
        (cookie.as_str(), 200),
        ("", 401),
        ("Authorization: Bearer hcr_wrong", 401),
    ] {
        assert_eq!(site.get(path, header).await.status, status, "{header}");
    }
    let json = site.get(path, &bearer).await;
    let body: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(body["report"], "apps");
    assert_eq!(body["project"], "one");
    assert_eq!(body["base"]["installs"], 30);
    assert_eq!(body["rows"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        body["columns"],
        serde_json::json!(["app", "installs", "share", "previous_share"])
    );
    let csv = site
        .send("GET", path, &[&bearer, "Accept: text/csv"], "")
        .await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(
        csv.body
            .starts_with("app,installs,share,previous_share\r\n"),
        "{}",
        csv.body
    );
    for (path, status, text) in [
        ("/api/v1/projects/one/reports/money", 404, "no_report"),
        (
            "/api/v1/projects/one/reports/apps?from=soon",
            400,
            "\"parameter\":\"from\"",
        ),
        (
            "/api/v1/projects/one/reports/apps?fro=2026-01-01",
            400,
            "\"parameter\":\"fro\"",
        ),
        (
            "/api/v1/projects/one/reports/task",
            400,
            "\"parameter\":\"task\"",
        ),
        ("/api/v1/projects/two/reports/apps", 403, "other_project"),
    ] {
        let answer = site.get(path, &bearer).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn every_report_answers() {
    let (site, _, cookie) = hostile_site().await;
    for name in crate::reports::names() {
        let path = format!("/api/v1/projects/one/reports/{name}?task=t1&bucket=week");
        let path = match name {
            "live" => path,
            _ => format!("{path}&filter=users:0-&compare=previous"),
        };
        let answer = site.get(&path, &cookie).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let accept = [cookie.as_str(), "Accept: text/csv"];
        let csv = site.send("GET", &path, &accept, "");
        let csv = csv.await;
        assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
        let columns: Vec<&str> = json["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        assert!(
            csv.body.starts_with(&format!("{}\r\n", columns.join(","))),
            "{name}"
        );
        let of = json["base"]["installs"].as_u64().unwrap().to_string();
        assert_eq!(
            csv.header("headcount-base-installs"),
            Some(of.as_str()),
            "{name}"
        );
    }
}
