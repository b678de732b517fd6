//! An author tries to see more than own apps. Two collectors hold the same events of `memberaudit`;
//! in one of them other apps are everywhere, in the other there are none. What an author is told must
//! be the same to the byte: whatever differs would be a way to measure the other apps.

use headcount_protocol::{AppStat, InstallId, InstalledApp, Stats, Task};

use super::site::Site;
use crate::meta::people::Role;
use crate::reports;
use crate::store::{Accepted, Entry, EntryBody, Parcel, ProjectNumber, Wire};
use crate::web::now;

const DAY_MS: i64 = 86_400_000;
const DAYS: i64 = 20;
/// Installs with the own app; twice as many have only others.
const INSTALLS: i64 = 12;

/// How much of other apps there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    None,
    Everywhere,
}

fn task(namespace: &str, task: &str, result: &str, count: u32) -> EntryBody {
    EntryBody::Task(Task {
        namespace: namespace.to_owned(),
        task: task.to_owned(),
        result: result.to_owned(),
        label: String::new(),
        value: Some(2.0),
        count,
    })
}

fn page(path: &str, locale: &str) -> EntryBody {
    EntryBody::Page {
        path: path.to_owned(),
        title: format!("Title of {path}"),
        locale: locale.to_owned(),
        browser: "Firefox".into(),
        os: "Linux".into(),
    }
}

fn stat(namespace: &str, value: f64) -> EntryBody {
    EntryBody::Stat(AppStat {
        namespace: namespace.to_owned(),
        task: "sizes".to_owned(),
        label: "rows".to_owned(),
        value,
    })
}

fn bodies(k: i64, day: i64, own: bool, others: Others) -> Vec<EntryBody> {
    let mut apps = Vec::new();
    let mut bodies = Vec::new();
    let app = |name: &str, version: &str| InstalledApp {
        name: name.to_owned(),
        version: Some(version.to_owned()),
    };
    if own {
        apps.push(app("memberaudit", if k % 2 == 0 { "1.0" } else { "1.1" }));
        let result = if k % 3 == 0 { "ValueError" } else { "Success" };
        bodies.push(task("memberaudit", "update", result, 10));
        bodies.push(stat("memberaudit", k as f64));
        bodies.push(page("/memberaudit/list/", "en"));
    }
    if others == Others::Everywhere {
        for name in ["corptools", "srp"] {
            apps.push(app(name, "7.7"));
            bodies.push(task(name, "update", "SecretError", 90));
            bodies.push(task(name, "hidden", "Success", 5));
            bodies.push(stat(name, 1e6));
            bodies.push(page(&format!("/{name}/"), "ru"));
        }
    }
    let stats = Stats {
        users: Some(u64::try_from(k + day).unwrap() + 1),
        tokens: Some(7),
        apps,
        ..Stats::default()
    };
    bodies.push(EntryBody::Stats(stats));
    bodies
}

/// A site with such a fleet, and the cookie of an author of `memberaudit`.
async fn site(others: Others) -> (Site, String) {
    let site = Site::start(None).await;
    let today = now().as_millisecond().div_euclid(DAY_MS);
    let mut accepted = Vec::new();
    let all = match others {
        Others::None => INSTALLS,
        Others::Everywhere => 3 * INSTALLS,
    };
    // The first day is the same everywhere: it bounds what pages offer.
    for day in (0..DAYS).rev() {
        for k in 0..all {
            let own = k < INSTALLS;
            let at_ms = (today - day) * DAY_MS + k;
            let entries = bodies(k, day, own, others).into_iter();
            accepted.push(Accepted {
                project: ProjectNumber(1),
                wire: Wire::Native,
                received_ms: at_ms,
                install: InstallId::parse(&format!("install-{k}")).unwrap(),
                version: if own || day % 2 == 0 {
                    "5.5.0"
                } else {
                    "9.9.9"
                }
                .to_owned(),
                deployment: if own { "docker" } else { "baremetal" }.to_owned(),
                runtime: String::new(),
                entries: entries
                    .map(|body| Entry {
                        id: None,
                        at_ms,
                        body,
                    })
                    .collect(),
            });
        }
    }
    let parcel = Parcel {
        accepted,
        ..Parcel::default()
    };
    site.collector().writer.submit(parcel).await.unwrap();
    let author = site.member("erik@a.example", Role::Author, None);
    let (cookie, _) = site.session(&author);
    (site, cookie)
}

/// What stays of an answer when the moment and the token of its forms are taken out.
fn plain(body: &str) -> String {
    let without = |body: &str, mark: &str| {
        let mut parts = body.split(mark);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |out, part| out + part.split_once('"').unwrap().1)
    };
    let body = without(body, r#""as_of":""#);
    without(&body, r#"name="csrf" value=""#)
}

const QUERIES: [&str; 28] = [
    "filter=!result:SecretError",
    "filter=!locale:ru",
    "",
    "bucket=day",
    "bucket=week",
    "bucket=month",
    "limit=1",
    "format=csv",
    "of=tokens",
    "filter=version:5.5.0",
    "filter=version:9.9.9",
    "filter=!version:5.5.0",
    "filter=deployment:baremetal",
    "filter=!deployment:baremetal",
    "filter=users:3-9",
    "filter=app:memberaudit",
    "filter=!app:memberaudit",
    "filter=namespace:memberaudit",
    "filter=!namespace:memberaudit",
    "filter=task:hidden",
    "filter=task:update",
    "filter=result:SecretError",
    "filter=locale:ru",
    "filter=os:Linux&filter=browser:Firefox",
    "filter=path:/memberaudit/list/",
    "filter=!path:/memberaudit/list/",
    "filter=task:update&filter=locale:ru",
    "filter=first_seen:1999-01",
];

#[tokio::test]
async fn nothing_an_author_is_told_depends_on_other_apps() {
    let (bare, of_bare) = site(Others::None).await;
    let (full, of_full) = site(Others::Everywhere).await;
    let mut told = 0;
    let mut addresses = Vec::new();
    for query in QUERIES {
        for name in reports::names() {
            let task = if name.starts_with("task-") || name == "task" {
                ["&task=update", "&task=hidden", "&namespace=memberaudit"].as_slice()
            } else {
                &[""]
            };
            for more in task {
                let address = format!("/api/v1/projects/one/reports/{name}?{query}{more}");
                addresses.push(address.replace("?&", "?"));
            }
        }
        let pages = query.replace("bucket=", "x=").replace("limit=", "x=");
        addresses.push(format!("/projects/one?{pages}"));
        addresses.push(format!("/projects/one/tasks?{pages}"));
    }
    for show in [
        "apps",
        "app-versions",
        "pages",
        "tasks",
        "app-stats",
        "versions",
    ] {
        addresses.push(format!("/projects/one?show={show}"));
    }
    addresses.push("/projects/one/tasks?namespace=memberaudit&task=update".to_owned());
    addresses.push("/projects/one?compare=year&metric=latest".to_owned());
    for address in addresses {
        let one = bare.get(&address, &of_bare).await;
        let other = full.get(&address, &of_full).await;
        assert_eq!(
            one.status, other.status,
            "{address}: {} {}",
            one.body, other.body
        );
        assert_eq!(plain(&one.body), plain(&other.body), "{address}");
        let secret = ["corptools", "srp", "SecretError", "9.9.9\"", "baremetal\""];
        if !address.contains("filter") {
            for word in secret {
                assert!(!other.body.contains(word), "{address} tells {word}");
            }
        }
        told += usize::from(one.status == 200);
    }
    assert!(told > 300, "only {told} answers compared");
}

#[tokio::test]
async fn an_author_sees_own_apps_in_full() {
    let (site, cookie) = site(Others::Everywhere).await;
    let report = async |leaf: &str| {
        let answer = site
            .get(&format!("/api/v1/projects/one/reports/{leaf}"), &cookie)
            .await;
        assert_eq!(answer.status, 200, "{leaf}: {}", answer.body);
        serde_json::from_str::<serde_json::Value>(&answer.body).unwrap()
    };
    for leaf in ["totals", "apps", "tasks", "task?task=update", "pages"] {
        assert_eq!(report(leaf).await["base"]["installs"], INSTALLS, "{leaf}");
    }
    let runs = INSTALLS * DAYS * 10;
    let tasks = report("tasks").await;
    assert_eq!(tasks["rows"].as_array().unwrap().len(), 1);
    assert_eq!(tasks["rows"][0][2], runs);
    assert_eq!(tasks["rows"][0][5], "ValueError");
    let pages = report("pages").await;
    assert_eq!(pages["rows"][0][2], INSTALLS * DAYS);
    let versions = report("app-versions").await;
    assert_eq!(versions["rows"].as_array().unwrap().len(), 2);
    let overview = site.get("/projects/one", &cookie).await;
    assert_eq!(overview.status, 200);
    assert!(overview.body.contains("memberaudit"));
    assert!(!overview.body.contains("/live\"") && !overview.body.contains("/settings\""));
}

#[tokio::test]
async fn what_cannot_be_narrowed_is_refused() {
    let (site, cookie) = site(Others::Everywhere).await;
    let reports = [
        "live",
        "retention",
        "survival",
        "upgrade",
        "upgrade-behind",
        "apps?filter=app:corptools",
        "apps?filter=!app:corptools",
        "apps?filter=app:corptools&filter=app:memberaudit",
        "app-versions?filter=app:srp&format=csv",
        "tasks?filter=namespace:corptools",
        "tasks?filter=namespace:memberaudit&filter=namespace:corptools",
        "tasks?filter=!namespace:corptools",
        "task?namespace=corptools",
        "task?namespace=corptools&filter=namespace:memberaudit",
        "task-exceptions?namespace=srp&task=update",
        "task-values?namespace=srp&task=update",
        "installs?filter=!task:hidden",
        "installs?filter=!locale:ru",
        "pages?filter=path:/corptools/",
        "totals?filter=app:never-heard-of",
    ];
    for leaf in reports {
        let answer = site
            .get(&format!("/api/v1/projects/one/reports/{leaf}"), &cookie)
            .await;
        assert_eq!(answer.status, 403, "{leaf}: {}", answer.body);
        assert!(answer.body.contains("not_for_authors"), "{}", answer.body);
    }
    let pages = [
        "/live",
        "/retention",
        "?filter=app:corptools",
        "/tasks?filter=!namespace:corptools",
        "/tasks?namespace=corptools&task=update",
    ];
    for leaf in pages {
        let answer = site.get(&format!("/projects/one{leaf}"), &cookie).await;
        let kept_out = answer.status == 403 || !answer.body.contains("SecretError");
        assert!(kept_out, "{leaf}: {}", answer.status);
    }
}
