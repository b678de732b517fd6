//! Public page, data and badges over HTTP: off until switched on, and nothing but what may be shown.

use headcount_protocol::{InstallId, InstalledApp, Stats};

use super::site::Site;
use crate::meta::audit::Actor;
use crate::meta::breaks::NewBreak;
use crate::meta::people::Role;
use crate::meta::publications::Publishing;
use crate::reports::calendar;
use crate::store::{Accepted, Day, Entry, EntryBody, Parcel, Wire};
use crate::web::now;

const DAY_MS: i64 = 86_400_000;

/// 52 installs in each of three weeks: 45 on one version, 7 on another; 12 have an app, 3 a rare one.
async fn fleet(site: &Site) {
    let project = site.meta().project("one").unwrap().number;
    let mut accepted = Vec::new();
    for week in 1..=3 {
        for k in 0..52_u64 {
            let at_ms = now().as_millisecond() - week * 7 * DAY_MS;
            let app = |name: &str| InstalledApp {
                name: name.to_owned(),
                version: None,
            };
            let mut apps = Vec::new();
            if k < 12 {
                apps.push(app("common<b>"));
            }
            if k < 3 {
                apps.push(app("rare"));
            }
            accepted.push(Accepted {
                project,
                wire: Wire::Native,
                received_ms: at_ms,
                install: InstallId::parse(&format!("install-{k}")).unwrap(),
                version: if k < 45 { "5.5.0" } else { "5.4.9" }.to_owned(),
                deployment: "docker".to_owned(),
                runtime: String::new(),
                entries: vec![Entry {
                    id: None,
                    at_ms,
                    body: EntryBody::Stats(Stats {
                        users: Some(15),
                        apps,
                        ..Stats::default()
                    }),
                }],
            });
        }
    }
    let parcel = Parcel {
        accepted,
        ..Parcel::default()
    };
    site.collector().writer.submit(parcel).await.unwrap();
}

fn publish(site: &Site, how: Option<&Publishing>) {
    let one = site.meta().project("one").unwrap().number;
    let done = site.meta().publish(one, how, &Actor::CommandLine, now());
    done.unwrap();
}

const ADDRESSES: [&str; 3] = [
    "/public/one",
    "/public/one/versions.csv",
    "/badge/one/installs.svg",
];

#[tokio::test]
async fn a_public_page_is_there_only_while_it_is_on() {
    let site = Site::start(None).await;
    fleet(&site).await;
    for address in ADDRESSES {
        assert_eq!(site.get(address, "").await.status, 404, "{address}");
    }
    let how = Publishing {
        embedders: vec!["https://docs.example".to_owned()],
        ..Publishing::default()
    };
    publish(&site, Some(&how));
    for address in ADDRESSES {
        assert_eq!(site.get(address, "").await.status, 200, "{address}");
    }
    let page = site.get("/public/one", "").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.ends_with("frame-ancestors https://docs.example"),
        "{policy}"
    );
    assert!(policy.contains("script-src 'self'"), "{policy}");
    publish(&site, None);
    for address in ADDRESSES {
        assert_eq!(site.get(address, "").await.status, 404, "{address}");
    }
    assert_eq!(site.get("/public/none", "").await.status, 404);
}

#[tokio::test]
async fn it_shows_groups_of_k_and_nothing_smaller() {
    let site = Site::start(None).await;
    fleet(&site).await;
    publish(&site, Some(&Publishing::default()));
    let page = site.get("/public/one", "").await.body;
    for (text, there) in [
        ("50 installs of One reported this week", true),
        ("5.5.0", true),
        ("5.4.9", false),
        ("common&#60;b&#62;", true),
        ("rare", false),
        ("install-", false),
    ] {
        assert_eq!(page.contains(text), there, "{text} in {page}");
    }
    let csv = site.get("/public/one/versions.csv", "").await.body;
    let lines: Vec<&str> = csv.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines[0], "week_ending,version,installs");
    // 45 and the 7 that cannot be shown: they are not found by subtraction.
    assert!(
        lines.len() > 1 && lines[1..].iter().all(|line| line.ends_with(",5.5.0,50")),
        "{csv}"
    );
    assert!(csv.contains("# licence: CC0-1.0"), "{csv}");
    let apps = site.get("/public/one/apps.json", "").await;
    assert_eq!(apps.header("access-control-allow-origin"), Some("*"));
    let apps: serde_json::Value = serde_json::from_str(&apps.body).unwrap();
    assert_eq!(apps["licence"], "CC0-1.0");
    assert_eq!(apps["rows"][0][1], "common<b>");
    assert_eq!(apps["rows"][0][2], 10);
    let badge = site.get("/badge/one/app-common%3Cb%3E.svg", "").await;
    assert_eq!(badge.header("content-type"), Some("image/svg+xml"));
    assert!(
        badge.body.contains("10 of 50 installs") && !badge.body.contains("<b>"),
        "{badge:?}"
    );
    assert_eq!(site.get("/badge/one/app-rare.svg", "").await.status, 404);
    assert_eq!(site.get("/public/one/nothing.csv", "").await.status, 404);
    // Later hits, and a finer wish, change nothing that was shown.
    fleet(&site).await;
    assert_eq!(site.get("/public/one/versions.csv", "").await.body, csv);
    let coarser = Publishing {
        k: 20,
        ..Publishing::default()
    };
    publish(&site, Some(&coarser));
    let page = site.get("/public/one", "").await.body;
    assert!(page.contains("nothing to show yet"), "{page}");
}

#[tokio::test]
async fn breaks_are_gaps_and_their_reason_stays_inside() {
    let site = Site::start(None).await;
    fleet(&site).await;
    publish(&site, Some(&Publishing::default()));
    let page = site.get("/public/one", "").await.body;
    assert!(!page.contains("; gap: "), "{page}");
    let today = calendar::day_of_ms(now().as_millisecond());
    let noted = NewBreak {
        from: Day(today.0 - 28),
        to: today,
        feed: String::new(),
        reason: "a secret of ours".to_owned(),
    };
    let by = (&Actor::CommandLine, now());
    let id = site.meta().add_break("one", &noted, by).unwrap();
    let page = site.get("/public/one", "").await.body;
    for text in [
        "; gap: reports are known to be wrong",
        "which is a gap in the chart: reports are known to be wrong",
        ", broken",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("secret of ours"), "{page}");
    let csv = site.get("/public/one/installs.csv", "").await.body;
    assert!(csv.contains("# weeks that are no measure: 20"), "{csv}");
    let json = site.get("/public/one/installs.json", "").await.body;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["gaps"].as_array().unwrap().len(),
        json["rows"].as_array().unwrap().len()
    );
    site.meta().remove_break("one", id, by).unwrap();
    let page = site.get("/public/one", "").await.body;
    assert!(!page.contains("; gap: "), "{page}");
}

#[tokio::test]
async fn managers_switch_it_on_and_off() {
    let site = Site::start(None).await;
    fleet(&site).await;
    let user = site.member("mara@a.example", Role::Manager, None);
    let (header, token) = site.session(&user);
    let settings = "/projects/one/settings/public";
    let send = async |fields: &str| {
        let form = format!("csrf={token}&{fields}");
        site.post(settings, &header, &form).await
    };
    let refused = send("k=9&licence=CC0&embedders=").await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.body.contains("from 10 to 1000"), "{}", refused.body);
    let refused = send("k=10&licence=CC0&embedders=https%3A%2F%2Fa.example%3B%20script-src").await;
    assert_eq!(refused.status, 400);
    assert_eq!(send("k=10&licence=CC-BY-4.0&embedders=").await.status, 303);
    let page = site.get(settings, &header).await.body;
    assert!(
        page.contains("Switch off") && page.contains("CC-BY-4.0"),
        "{page}"
    );
    assert_eq!(site.get("/public/one", "").await.status, 200);
    let off = format!("{settings}/off");
    assert!(site.get(&off, &header).await.body.contains("btn dng"));
    let form = format!("csrf={token}");
    assert_eq!(site.post(&off, &header, &form).await.status, 303);
    assert_eq!(site.get(&off, &header).await.status, 404);
    assert_eq!(site.get("/public/one", "").await.status, 404);
}
