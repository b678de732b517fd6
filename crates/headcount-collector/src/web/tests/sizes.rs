//! How large pages are, and what they load, with as many names as a large project has.

use headcount_protocol::{InstallId, InstalledApp, Stats, Task};

use super::site::{PASSWORD, Site};
use crate::meta::people::Role;
use crate::store::{Accepted, Entry, EntryBody, Parcel, Wire};
use crate::web::now;

const DAY_MS: i64 = 86_400_000;
/// Most bytes of a page's HTML.
const MOST_BYTES: usize = 60_000;
const DAYS: i64 = 100;
const INSTALLS: i64 = 24;
const APPS: i64 = 250;
const TASKS: i64 = 90;
const PATHS: i64 = 500;
const LOCALES: i64 = 60;
const BROWSERS: i64 = 40;

/// One of some names, a different one with each draw.
fn pick(draw: i64, of: i64) -> i64 {
    draw.wrapping_mul(2_654_435_761).rem_euclid(of)
}

/// A day of an install: names as long as they are in the wild, drawn from many.
fn entries(install: i64, day: i64) -> Vec<EntryBody> {
    let draw = |k: i64| (day * INSTALLS + install) * 16 + k;
    let stats = Stats {
        users: Some(pick(draw(0), 5_000).unsigned_abs() + 1),
        tokens: Some(pick(draw(1), 90_000).unsigned_abs() + 1),
        apps: (0..40)
            .map(|k| InstalledApp {
                name: format!("allianceauth_app_number_{}", pick(install * 40 + k, APPS)),
                version: Some(format!("{}.{}.0", 1 + k % 3, day / 30)),
            })
            .collect(),
        ..Stats::default()
    };
    let mut out = vec![EntryBody::Stats(stats)];
    for k in 0..5 {
        let task = pick(draw(k), TASKS);
        out.push(EntryBody::Task(Task {
            namespace: format!("allianceauth_app_number_{}.tasks", task / 5),
            task: format!("update_something_of_all_characters_{task}"),
            result: match k {
                0 => format!("SomeLongExceptionName{}Error", pick(draw(k + 5), 40)),
                _ => "Success".to_owned(),
            },
            label: String::new(),
            value: Some(pick(draw(k), 100_000) as f64),
            count: 12_000,
        }));
        let path = pick(draw(k), PATHS);
        out.push(EntryBody::Page {
            path: format!(
                "/allianceauth_app_number_{}/corporation/view/{path}/",
                path / 9
            ),
            title: format!("Corporation view number {path} - Alliance Auth"),
            locale: format!("l{}-XX", pick(draw(k), LOCALES)),
            browser: format!("Browser {}", pick(draw(k), BROWSERS)).into(),
            os: "Linux".into(),
        });
    }
    out
}

async fn large() -> (Site, String) {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Manager, Some(PASSWORD));
    let project = site.meta().project("one").unwrap().number;
    let now_ms = now().as_millisecond();
    for ago in (0..DAYS).rev() {
        let accepted = (0..INSTALLS).map(|k| {
            let at_ms = now_ms - ago * DAY_MS - 1_000 - k;
            let entry = |body| Entry {
                id: None,
                at_ms,
                body,
            };
            let day = DAYS - ago;
            Accepted {
                project,
                wire: Wire::Native,
                received_ms: at_ms,
                install: InstallId::parse(&format!("install-number-{k}")).unwrap(),
                version: format!("5.{}.{}", (day + k) / 8, (day + k) % 8),
                deployment: ["docker", "baremetal", "kubernetes"][usize::try_from(k).unwrap() % 3]
                    .to_owned(),
                runtime: String::new(),
                entries: entries(k, day).into_iter().map(entry).collect(),
            }
        });
        let parcel = Parcel {
            accepted: accepted.collect(),
            ..Parcel::default()
        };
        site.collector().writer.submit(parcel).await.unwrap();
    }
    let cookie = site.sign_in("mara@a.example", PASSWORD, "/").await.cookie();
    (site, cookie)
}

/// What a browser asks for to show a page: style, script and icon, and nothing else.
fn check_requests(html: &str, path: &str) {
    let count = |what: &str| html.matches(what).count();
    assert_eq!(count("<link rel=\"stylesheet\""), 1, "{path}");
    assert_eq!(count("<script src="), 1, "{path}");
    assert_eq!(count("<link rel=\"icon\""), 1, "{path}");
    assert_eq!(count(" src=\""), 1, "{path}");
    for other in [
        "<img", "<iframe", "<object", "<image", "url(", "srcset", "@import",
    ] {
        assert_eq!(count(other), 0, "{path}: {other}");
    }
}

#[tokio::test]
async fn each_page_is_small_and_loads_nothing_more() {
    let (site, cookie) = large().await;
    let task =
        "namespace=allianceauth_app_number_3.tasks&task=update_something_of_all_characters_17";
    let filter = "filter=deployment:docker&filter=users:2-";
    let mut paths = vec![
        String::new(),
        "?range=7d".to_owned(),
        "?range=30d&metric=users".to_owned(),
        "?range=12m&metric=latest&sort=failed".to_owned(),
        format!("?range=30d&metric=new&{filter}"),
        format!("?show=task&range=30d&{task}"),
        "/tasks?range=30d".to_owned(),
        format!("/tasks?range=7d&{task}"),
        format!("/tasks?sort=failed&{filter}"),
        "/tasks?range=12m&q=update".to_owned(),
        "/retention".to_owned(),
        format!("/retention?{filter}"),
        "/live".to_owned(),
        "/live?refresh=off&show=accepted".to_owned(),
        "/findings".to_owned(),
    ];
    for name in crate::reports::names() {
        let of_a_task = name == "task" || name.starts_with("task-");
        if name != "live" && !of_a_task {
            paths.push(format!("?show={name}&range=30d"));
            paths.push(format!("?show={name}&page=2&{filter}"));
        }
    }
    let mut largest = (0, String::new());
    for path in paths {
        let answer = site.get(&format!("/projects/one{path}"), &cookie).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        check_requests(&answer.body, &path);
        let bytes = answer.body.len();
        assert!(bytes <= MOST_BYTES, "{path} has {bytes} bytes");
        if bytes > largest.0 {
            largest = (bytes, path);
        }
    }
    println!("the largest page has {} bytes: {}", largest.0, largest.1);
}
