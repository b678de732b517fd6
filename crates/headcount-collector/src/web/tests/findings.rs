//! What the server finds by itself, from raw events to every place that tells of it: one truth.

use headcount_protocol::{InstallId, Task};

use super::site::{Answer, Site};
use crate::meta::audit::Actor;
use crate::meta::breaks::NewBreak;
use crate::meta::people::tests::member;
use crate::meta::people::{NewMember, Role};
use crate::reports::calendar;
use crate::store::{Accepted, Day, Entry, EntryBody, Flagged, Parcel, Verdict, Wire};
use crate::watch::Watch;
use crate::web::now;

const DAY_MS: i64 = 86_400_000;
const INSTALLS: i64 = 70;
/// Days ago: the first report, the release before, the release, the first day without page views.
const BEGUN: i64 = 45;
const RELEASED_BEFORE: i64 = 25;
const RELEASED: i64 = 10;
const SILENT: i64 = 2;

fn task(namespace: &str, task: &str, result: &str, count: u32) -> EntryBody {
    EntryBody::Task(Task {
        namespace: namespace.to_owned(),
        task: task.to_owned(),
        result: result.to_owned(),
        label: String::new(),
        value: None,
        count,
    })
}

/// A day of an install: `update` fails thrice as often on 5.4.0, `pay` as ever; no page views of late.
fn entries(install: i64, ago: i64, newer: bool) -> Vec<EntryBody> {
    let some = u32::try_from(2 + (install + ago) % 3).unwrap();
    let failed = if newer { 3 * some } else { some };
    let mut out = vec![
        task("memberaudit", "update", "Success", 200 - failed),
        task("memberaudit", "update", "KeyError", failed),
        task("srp", "pay", "Success", 100 - some),
        task("srp", "pay", "Timeout", some),
    ];
    if ago > SILENT {
        out.push(EntryBody::Page {
            path: "/".to_owned(),
            title: "Start".to_owned(),
            locale: "en".to_owned(),
            browser: "Firefox".into(),
            os: "Linux".into(),
        });
    }
    out
}

async fn filled() -> Site {
    let site = Site::start(None).await;
    let project = site.meta().project("one").unwrap().number;
    let noon_ms = now().as_millisecond() / DAY_MS * DAY_MS + DAY_MS / 2;
    for ago in (1..=BEGUN).rev() {
        let accepted = (0..INSTALLS).map(|k| {
            let newer = ago <= RELEASED && k < INSTALLS / 2;
            let version = match ago {
                _ if newer => "5.4.0",
                ..=RELEASED_BEFORE => "5.3.0",
                _ => "5.2.0",
            };
            let at_ms = noon_ms - ago * DAY_MS + k;
            let entry = |body| Entry {
                id: None,
                at_ms,
                body,
            };
            Accepted {
                project,
                wire: Wire::Native,
                received_ms: at_ms,
                install: InstallId::parse(&format!("install-{k}")).unwrap(),
                version: version.to_owned(),
                deployment: "docker".to_owned(),
                runtime: String::new(),
                entries: entries(k, ago, newer).into_iter().map(entry).collect(),
            }
        });
        let parcel = Parcel {
            accepted: accepted.collect(),
            ..Parcel::default()
        };
        site.collector().writer.submit(parcel).await.unwrap();
    }
    refuse(&site, 5).await;
    site
}

/// Hits that are refused now.
async fn refuse(site: &Site, hits: i64) {
    let project = site.meta().project("one").unwrap().number;
    let flagged = (0..hits).map(|k| Flagged {
        project,
        received_ms: now().as_millisecond() - k,
        install: "install-1".to_owned(),
        wire: Wire::Ga4,
        event: "x".to_owned(),
        verdict: Verdict::Refused,
        reason: "bad_secret: it is another one".to_owned(),
        payload: String::new(),
    });
    let parcel = Parcel {
        flagged: flagged.collect(),
        ..Parcel::default()
    };
    site.collector().writer.submit(parcel).await.unwrap();
}

/// Looks at all projects, as the server does now and then. A look takes its moment from the clock, and
/// no two may have the same.
fn look(site: &Site) {
    let begun = now().as_millisecond();
    while now().as_millisecond() <= begun + 1 {
        std::thread::yield_now();
    }
    Watch::default().round(site.collector());
}

fn signed_in(site: &Site, email: &str, role: Role) -> (String, String) {
    site.session(&member(site.meta(), email, "one", role))
}

async fn page(site: &Site, path: &str, cookie: &str) -> Answer {
    let answer = site.get(&format!("/projects/one{path}"), cookie).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer
}

const TASK: &str = "/tasks?namespace=memberaudit&task=update";

#[tokio::test]
async fn a_rise_and_a_silence_are_told_everywhere_with_their_evidence() {
    let site = filled().await;
    look(&site);
    let (viewer, _) = signed_in(&site, "v@a.example", Role::Viewer);
    let overview = page(&site, "", &viewer).await.body;
    for text in [
        "<b>update</b> fails 3.",
        "× as often since 5.4.0",
        "95% interval",
        "35 installs ran it",
        "chance alone raises one such alarm in 20 years at most",
        "<b>Page views</b> nearly stopped on",
        "more likely a fault of reporting than installs that left",
        " hits were rejected in the last hour",
        "5 of them bad_secret, all from one install",
        "× since 5.4.0",
    ] {
        assert!(overview.contains(text), "{text}: {overview}");
    }
    assert!(!overview.contains("<b>pay</b>"), "pay fails as ever");
    assert!(!overview.contains("; gap: "), "installs reported each day");
    let tasks = page(&site, TASK, &viewer).await.body;
    assert!(tasks.contains("× as often since 5.4.0."), "{tasks}");
    assert!(tasks.contains("95% interval") && tasks.contains("Filled dots"));
    assert_eq!(tasks.matches(", more since a release").count(), 1);
    let filtered = page(&site, &format!("{TASK}&filter=users:0-"), &viewer).await;
    assert_eq!(filtered.status, 200);
    let atom = page(&site, "/findings.atom", &viewer).await.body;
    for text in [
        "update fails 3.",
        "Page views nearly stopped",
        "95% interval",
    ] {
        assert!(atom.contains(text), "{text}: {atom}");
    }
    // Many rejected hits are a finding of their own, in the feed, too.
    refuse(&site, 30).await;
    look(&site);
    let atom = page(&site, "/findings.atom", &viewer).await.body;
    assert!(
        atom.contains("bad_secret is why 35 hits were rejected in 24 hours"),
        "{atom}"
    );
    let overview = page(&site, "", &viewer).await.body;
    assert!(
        overview.contains("<b>bad_secret</b> is why 35 hits were rejected"),
        "{overview}"
    );
    assert!(!overview.contains("rejected in the last hour"), "said once");
    // Before the release nothing was to be seen of it.
    let day = |ago: i64| {
        let today = calendar::day_of_ms(now().as_millisecond());
        calendar::iso(Day(today.0 - i32::try_from(ago).unwrap()))
    };
    let days = format!("from={}&to={}", day(40), day(RELEASED + 1));
    let before = page(&site, &format!("{TASK}&{days}"), &viewer).await.body;
    assert!(!before.contains("as often since"), "{before}");
}

#[tokio::test]
async fn authors_are_told_of_their_own_tasks_only() {
    let site = filled().await;
    look(&site);
    let (own, _) = signed_in(&site, "own@a.example", Role::Author);
    for path in ["", "/findings", TASK] {
        let body = page(&site, path, &own).await.body;
        assert!(body.contains("as often since 5.4.0"), "{path}");
        assert!(!body.contains("nearly stopped"), "{path}");
        assert!(!body.contains(">Mute<"), "{path}");
    }
    let new = NewMember {
        email: "other@a.example".to_owned(),
        project: "one".to_owned(),
        role: Role::Author,
        namespaces: vec!["srp".to_owned()],
        password_hash: None,
    };
    let user = site.meta().create_user(&new, &Actor::CommandLine, now());
    let user = user.unwrap();
    let (other, _) = site.session(&user);
    for path in ["", "/findings"] {
        let body = page(&site, path, &other).await.body;
        assert!(!body.contains("as often since"), "{path}: {body}");
    }
}

#[tokio::test]
async fn a_manager_mutes_a_finding_and_it_comes_back() {
    let site = filled().await;
    look(&site);
    let (manager, token) = signed_in(&site, "m@a.example", Role::Manager);
    let list = page(&site, "/findings", &manager).await.body;
    assert_eq!(list.matches("<button class=\"btn lnk\">Mute").count(), 2);
    let action = list
        .split("action=\"")
        .skip(1)
        .find(|rest| rest.split("</form>").next().unwrap().contains("update"))
        .unwrap();
    let action = action.split('"').next().unwrap().to_owned();
    let form = format!("csrf={token}");
    let done = site.post(&action, &manager, &form).await;
    assert_eq!(done.status, 303, "{action}: {}", done.body);
    look(&site);
    for path in ["", TASK, "/findings.atom"] {
        let body = page(&site, path, &manager).await.body;
        assert!(!body.contains("often since 5.4.0"), "{path}: {body}");
    }
    let list = page(&site, "/findings", &manager).await.body;
    assert!(list.contains("by m@a.example") && list.contains("Tell again"));
    let log = page(&site, "/settings/audit", &manager).await.body;
    assert!(log.contains("finding.mute") && log.contains("update fails 3."));
    // Told again on demand.
    let back = action.replace("/mute", "/unmute");
    assert_eq!(site.post(&back, &manager, &form).await.status, 303);
    let overview = page(&site, "", &manager).await.body;
    assert!(overview.contains("often since 5.4.0"));
    // Days noted as broken are no evidence: it ends, and comes back with them.
    let today = calendar::day_of_ms(now().as_millisecond());
    let noted = NewBreak {
        from: Day(today.0 - i32::try_from(RELEASED).unwrap()),
        to: today,
        feed: String::new(),
        reason: "the server was moved".to_owned(),
    };
    let who = (&Actor::CommandLine, now());
    let id = site.meta().add_break("one", &noted, who).unwrap();
    look(&site);
    let atom = page(&site, "/findings.atom", &manager).await.body;
    assert!(atom.contains("Over: update fails 3."), "{atom}");
    assert!(atom.contains("Over: Page views nearly stopped"), "{atom}");
    let overview = page(&site, "", &manager).await.body;
    assert!(!overview.contains("often since 5.4.0"));
    assert!(overview.contains("gap: the server was moved"), "{overview}");
    for path in [TASK, "/retention"] {
        let body = page(&site, path, &manager).await.body;
        assert!(
            path != TASK || body.contains("gap: the server was moved"),
            "{path}"
        );
    }
    site.meta().remove_break("one", id, who).unwrap();
    look(&site);
    let atom = page(&site, "/findings.atom", &manager).await.body;
    assert!(atom.contains("Back: update fails 3."), "{atom}");
    let overview = page(&site, "", &manager).await.body;
    assert!(overview.contains("; came back "), "{overview}");
}

/// What stands worth a look on a page, each with where it leads: the strip of the overview, or the first
/// part of the page of findings.
fn told(body: &str) -> Vec<String> {
    let Some((_, rest)) = body.split_once("Worth a look</h2>") else {
        return Vec::new();
    };
    let part = rest.split("</section>").next().unwrap();
    let links = part.split("<a href=\"").skip(1);
    links
        .map(|link| link.split("</a>").next().unwrap().to_owned())
        .filter(|link| !link.contains("All findings"))
        .collect()
}

#[tokio::test]
async fn overview_and_findings_tell_the_same_at_any_moment() {
    let site = filled().await;
    let (manager, token) = signed_in(&site, "m@a.example", Role::Manager);
    let (author, _) = signed_in(&site, "own@a.example", Role::Author);
    let same = async |who: &str, moment: &str| {
        let list = page(&site, "/findings", who).await.body;
        let listed = told(&list);
        for choice in ["", "?range=7d", "?range=12m", "?filter=deployment:docker"] {
            let overview = page(&site, choice, who).await.body;
            assert_eq!(told(&overview), listed, "{moment}, {choice}");
        }
        assert_eq!(list.contains("Nothing now."), listed.is_empty(), "{moment}");
        listed
    };
    // Nothing is kept yet, as after a load: what passes is told on both.
    let before = same(&manager, "before a look").await;
    let said = before.join("\n");
    assert!(said.contains("v5.4.0 spreads"), "{said}");
    assert!(said.contains("rejected in the last hour"), "{said}");
    assert_eq!(before.len(), 2);
    look(&site);
    let after = same(&manager, "after a look").await;
    assert_eq!(after.len(), 4, "{after:?}");
    assert!(!same(&author, "an author").await.is_empty());
    let list = page(&site, "/findings", &manager).await.body;
    let action = list.split("action=\"").nth(1).unwrap();
    let action = action.split('"').next().unwrap();
    let muted = site.post(action, &manager, &format!("csrf={token}")).await;
    assert_eq!(muted.status, 303);
    assert_eq!(same(&manager, "muted").await.len(), 3);
    refuse(&site, 30).await;
    look(&site);
    let many = same(&manager, "many rejected").await.join("\n");
    assert!(many.contains("is why 35 hits") && !many.contains("last hour"));
}
