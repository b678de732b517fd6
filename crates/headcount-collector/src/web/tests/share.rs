//! Share links over HTTP: what they show, to whom, for how long, and that nothing asked of them is
//! answered beyond it.

mod password;
mod settings;

use headcount_protocol::{InstallId, InstalledApp, Stats, Task};

use super::site::{Answer, PASSWORD, Site};
use crate::meta::audit::Actor;
use crate::meta::shares::{self, NewShare, Part, ShareDays, Shown};
use crate::meta::tests::project;
use crate::reports;
use crate::store::{Accepted, Day, Entry, EntryBody, Parcel, ProjectNumber, Wire};
use crate::web::now;

const DAY_MS: i64 = 86_400_000;
const INSTALLS: i64 = 12;
const DAYS: i32 = 14;

/// Makes a link to all parts of a project over the last days, changed as wanted; its secret.
pub(super) fn link(
    site: &Site,
    project: ProjectNumber,
    change: impl FnOnce(&mut NewShare),
) -> String {
    let mut new = NewShare {
        project,
        name: "partners".to_owned(),
        shown: Shown {
            filter: vec!["version:5.5.0".to_owned()],
            days: ShareDays::Last(DAYS),
            parts: Part::ALL.into(),
        },
        expires: now() + jiff::SignedDuration::from_hours(24),
        password_hash: None,
    };
    change(&mut new);
    let actor = Actor::User("mara@a.example".to_owned());
    site.meta().create_share(&new, &actor, now()).unwrap()
}

/// What one install tells in a day.
fn told(name: &str, locale: &str) -> Vec<EntryBody> {
    let app = InstalledApp {
        name: name.to_owned(),
        version: Some("1.0".to_owned()),
    };
    let task = |result: &str| {
        EntryBody::Task(Task {
            namespace: name.to_owned(),
            task: format!("update_{name}"),
            label: String::new(),
            result: result.to_owned(),
            value: Some(3.0),
            count: 5,
        })
    };
    vec![
        EntryBody::Stats(Stats {
            users: Some(10),
            tokens: Some(7),
            apps: vec![app],
            ..Stats::default()
        }),
        task("Success"),
        task(&format!("{name}Error")),
        EntryBody::Page {
            path: format!("/{name}/"),
            title: name.to_owned(),
            locale: locale.to_owned(),
            browser: "Firefox".into(),
            os: "Linux".into(),
        },
    ]
}

fn came(
    project: u32,
    (install, version, day): (&str, &str, i32),
    bodies: Vec<EntryBody>,
) -> Accepted {
    let today = now().as_millisecond().div_euclid(DAY_MS);
    let at_ms = (today - i64::from(day)) * DAY_MS;
    let entry = |body| Entry {
        id: None,
        at_ms,
        body,
    };
    Accepted {
        project: ProjectNumber(project),
        wire: Wire::Native,
        received_ms: at_ms,
        install: InstallId::parse(install).unwrap(),
        version: version.to_owned(),
        deployment: if version == "5.5.0" {
            "docker"
        } else {
            "covert"
        }
        .to_owned(),
        runtime: String::new(),
        entries: bodies.into_iter().map(entry).collect(),
    }
}

/// Two projects. What a link shows is the same everywhere; with `others` there is more around it: other
/// versions on its days, its version on days before the 6 that its first figures need, and the other
/// project.
async fn fleet(others: bool) -> Site {
    let site = Site::start(None).await;
    project(site.meta(), "Two");
    let mut accepted = vec![came(1, ("first", "1.0.0", 90), Vec::new())];
    for day in 0..=DAYS {
        for k in 0..INSTALLS {
            let name = format!("seen-{k}");
            accepted.push(came(1, (&name, "5.5.0", day), told("memberaudit", "de")));
        }
    }
    for k in 0..5 {
        let name = |what: &str| format!("{what}-{k}");
        if !others {
            break;
        }
        for day in 0..60 {
            accepted.push(came(
                1,
                (&name("other"), "9.9.9", day),
                told("covert", "ru"),
            ));
            accepted.push(came(2, (&name("two"), "5.5.0", day), told("covert", "ru")));
        }
        for day in DAYS + 7..60 {
            accepted.push(came(1, (&name("old"), "5.5.0", day), told("covert", "ru")));
        }
        accepted.push(came(1, (&name("new"), "5.5.0", 0), told("covert", "ru")));
    }
    let parcel = Parcel {
        accepted,
        ..Parcel::default()
    };
    site.collector().writer.submit(parcel).await.unwrap();
    site
}

/// An answer without its moment and the secret of its link.
fn plain(body: &str, secret: &str) -> String {
    let body = body.replace(secret, "SECRET");
    let mut parts = body.split(r#""as_of":""#);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('"').unwrap().1)
}

const ATTACKS: [&str; 30] = [
    "",
    "filter=version:9.9.9",
    "filter=!version:5.5.0",
    "filter=version:5.5.0&filter=version:9.9.9",
    "filter=version:%00",
    "filter=app:covert",
    "filter=nonsense",
    "dimension=version&value=9.9.9",
    "range=12m",
    "range=7d&compare=year",
    "range=custom&from=2020-01-01&to=2030-01-01",
    "from=2020-01-01&to=2022-01-01",
    "to=2030-01-01",
    "compare=previous",
    "compare=year",
    "metric=new&compare=previous",
    "metric=gone",
    "metric=users",
    "metric=median",
    "metric=latest",
    "sort=failed",
    "page=2",
    "bucket=month&limit=1&of=tokens",
    "namespace=covert&task=update_covert",
    "namespace=memberaudit&task=update_memberaudit",
    "task=update_covert&filter=namespace:covert",
    "project=two&slug=two&id=2",
    "format=csv&q=covert",
    "show=&namespace=covert",
    "added=1&fixed=0&parts=all",
];

#[tokio::test]
async fn nothing_beyond_filter_days_and_project_changes_an_answer() {
    let (bare, full) = (fleet(false).await, fleet(true).await);
    let today = Day(i32::try_from(now().as_millisecond().div_euclid(DAY_MS)).unwrap());
    let fixed = ShareDays::Between(Day(today.0 - DAYS), Day(today.0 - 1));
    let mut told = 0;
    for (days, attacks) in [
        (ShareDays::Last(DAYS), &ATTACKS[..]),
        (fixed, &ATTACKS[8..16]),
    ] {
        let make = |site: &Site| link(site, ProjectNumber(1), |new| new.shown.days = days);
        let (of_bare, of_full) = (make(&bare), make(&full));
        let mut leaves = Vec::new();
        for attack in attacks {
            leaves.push(format!("?{attack}"));
            for name in reports::names() {
                leaves.push(format!("?show={name}&{attack}"));
                leaves.push(format!("/{name}.csv?{attack}"));
                leaves.push(format!("/{name}.json?{attack}"));
            }
        }
        for leaf in leaves {
            let one = bare.get(&format!("/share/{of_bare}{leaf}"), "").await;
            let other = full.get(&format!("/share/{of_full}{leaf}"), "").await;
            assert_eq!(one.status, other.status, "{leaf}: {}", other.body);
            let (one, other) = (plain(&one.body, &of_bare), plain(&other.body, &of_full));
            assert_eq!(one, other, "{leaf}");
            for word in ["covert", "9.9.9", "covertError", "mara@", "seen-", "Two"] {
                let asked = leaf.contains(word);
                assert!(asked || !other.contains(word), "{leaf} tells {word}");
            }
            told += usize::from(other.contains("memberaudit") || other.contains("5.5.0"));
        }
    }
    assert!(told > 500, "only {told} answers told anything");
}

async fn json(site: &Site, address: &str) -> serde_json::Value {
    let answer = site.get(address, "").await;
    assert_eq!(answer.status, 200, "{address}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn a_link_shows_the_numbers_of_its_filter_and_days() {
    let site = fleet(true).await;
    let secret = link(&site, ProjectNumber(1), |_| {});
    let at = format!("/share/{secret}");
    let apps = json(&site, &format!("{at}/apps.json")).await;
    assert_eq!(apps["base"]["installs"], INSTALLS);
    assert_eq!(
        apps["columns"],
        serde_json::json!(["app", "installs", "share"])
    );
    assert_eq!(apps["rows"].as_array().unwrap().len(), 1);
    let tasks = json(&site, &format!("{at}/tasks.json")).await;
    assert_eq!(tasks["rows"][0][2], INSTALLS * i64::from(DAYS) * 10);
    let installs = json(&site, &format!("{at}/installs.json")).await;
    assert_eq!(installs["rows"].as_array().unwrap().len(), DAYS as usize);
    let csv = site.get(&format!("{at}/installs.csv"), "").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.body.lines().count(), DAYS as usize + 1);
    let page = site.get(&at, "").await.body;
    for text in [
        "<h1>One</h1>",
        "Version <b>5.5.0</b>",
        "Last 14 days",
        "All 1 app",
        "?show=task&#38;namespace=memberaudit&#38;task=update_memberaudit",
        "/apps.csv",
    ] {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
    for text in ["/projects/", "/api/", "?filter", "from=", "compare"] {
        assert!(!page.contains(text), "{text} is in {page}");
    }
    let task = site
        .get(&format!("{at}?show=task&task=update_memberaudit"), "")
        .await;
    assert_eq!(task.status, 200);
    assert!(task.body.contains("memberauditError"), "{}", task.body);
    assert!(!task.body.contains("/projects/") && !task.body.contains("/api/"));
    let used = site.meta().shares_of(ProjectNumber(1), now()).unwrap();
    assert!(used[0].last_used_ms.is_some());
}

#[tokio::test]
async fn a_link_shows_its_reports_only() {
    let site = fleet(false).await;
    for (part, shown, title) in [
        (Part::Installs, "installs", "Active installs"),
        (Part::Versions, "versions", "Version adoption"),
        (Part::Sizes, "sizes", "Size of installs"),
        (Part::Apps, "apps", "Installed apps"),
        (Part::Pages, "pages", "<h2>Pages"),
        (Part::Tasks, "tasks", "<h2>Tasks"),
        (Part::Locales, "locales", "<h2>Locales"),
        (Part::Browsers, "browsers", "<h2>Browsers"),
        (Part::Deployment, "deployment", "<h2>Deployment"),
    ] {
        let secret = link(&site, ProjectNumber(1), |new| {
            new.shown = Shown {
                filter: Vec::new(),
                days: ShareDays::Last(DAYS),
                parts: vec![part],
            };
        });
        let page = site.get(&format!("/share/{secret}?metric=users"), "").await;
        assert!(page.body.contains(title), "{part:?} {}", page.body);
        if part != Part::Sizes {
            assert!(!page.body.contains("Users reported"), "{part:?}");
        }
        if part == Part::Installs {
            let totals = json(&site, &format!("/share/{secret}/totals.json")).await;
            assert_eq!(totals["rows"].as_array().unwrap().len(), 4, "{totals}");
            assert!(!page.body.contains("5.5.0"), "{}", page.body);
        }
        for name in reports::names() {
            let answer = site.get(&format!("/share/{secret}/{name}.csv"), "").await;
            let full = site.get(&format!("/share/{secret}?show={name}"), "").await;
            let own = name == shown
                || (part == Part::Installs && name == "totals")
                || (part == Part::Apps && name == "app-versions")
                || (part == Part::Tasks && name.starts_with("task"));
            assert_eq!(answer.status == 404, !own, "{part:?} {name}");
            assert_eq!(full.status == 404, !own, "{part:?} {name}");
        }
    }
}

/// Status, body and headers without those that change with the moment.
fn seen(answer: &Answer) -> (u16, String, [Option<String>; 4]) {
    let headers = [
        "x-robots-tag",
        "referrer-policy",
        "cache-control",
        "content-security-policy",
    ];
    let headers = headers.map(|name| answer.header(name).map(str::to_owned));
    (answer.status, answer.body.clone(), headers)
}

#[tokio::test]
async fn what_ended_looks_like_what_never_was() {
    let site = fleet(false).await;
    let one = ProjectNumber(1);
    let alive = link(&site, one, |_| {});
    let revoked = link(&site, one, |_| {});
    let actor = Actor::CommandLine;
    site.meta().revoke_share(one, 2, &actor, now()).unwrap();
    let closed = link(&site, ProjectNumber(2), |_| {});
    let meta = site.meta();
    meta.close_project(ProjectNumber(2), &actor, now()).unwrap();
    let over = {
        let new = NewShare {
            project: one,
            name: "over".to_owned(),
            shown: Shown {
                filter: Vec::new(),
                days: ShareDays::Last(1),
                parts: Part::ALL.into(),
            },
            expires: now() - jiff::SignedDuration::from_secs(1),
            password_hash: Some(shares::hash_password(PASSWORD).unwrap()),
        };
        let earlier = now() - jiff::SignedDuration::from_hours(48);
        site.meta().create_share(&new, &actor, earlier).unwrap()
    };
    assert_eq!(site.get(&format!("/share/{alive}"), "").await.status, 200);
    let never = format!("hcs_{}", "x".repeat(32));
    for leaf in ["", "?show=apps", "/apps.csv", "/apps.json"] {
        let unknown = seen(&site.get(&format!("/share/{never}{leaf}"), "").await);
        assert_eq!(unknown.0, 404);
        assert!(unknown.2.iter().all(Option::is_some), "{unknown:?}");
        for secret in [&revoked, &closed, &over, "x", &alive.to_uppercase()] {
            let answer = site.get(&format!("/share/{secret}{leaf}"), "").await;
            assert_eq!(seen(&answer), unknown, "{leaf}");
        }
    }
    let tried = site.post(&format!("/share/{over}"), "", "password=x").await;
    assert_eq!(tried.status, 404);
}

#[tokio::test]
async fn answers_are_kept_by_nobody_and_name_their_address_to_nobody() {
    let site = fleet(false).await;
    let open = link(&site, ProjectNumber(1), |_| {});
    let locked = link(&site, ProjectNumber(1), |new| {
        new.password_hash = Some(shares::hash_password(PASSWORD).unwrap());
    });
    for (leaf, referrer) in [
        (open.clone(), "no-referrer"),
        (format!("{open}/apps.csv"), "no-referrer"),
        (format!("{open}?show=apps"), "no-referrer"),
        // The form has to say where it comes from.
        (locked, "same-origin"),
    ] {
        let answer = site.get(&format!("/share/{leaf}"), "").await;
        assert_eq!(answer.status, 200);
        let header = |name| answer.header(name);
        assert_eq!(header("referrer-policy"), Some(referrer));
        assert_eq!(header("x-robots-tag"), Some("noindex, nofollow"));
        assert_eq!(header("cache-control"), Some("no-store"));
        let policy = header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    }
}
