//! What managers note about their data, how long they keep it, and where their members are signed in.

use headcount_protocol::InstallId;

use super::settings::Desk;
use crate::meta::people::Role;
use crate::store::{Accepted, Entry, EntryBody, Parcel, Wire};
use crate::web::now;

const DAY_MS: i64 = 86_400_000;

/// One page view, so many days ago.
async fn view(desk: &Desk, days_ago: i64) {
    let collector = desk.site.collector();
    let at_ms = now().as_millisecond() - days_ago * DAY_MS;
    let page = EntryBody::Page {
        path: "/".to_owned(),
        title: String::new(),
        locale: String::new(),
        browser: "Firefox".into(),
        os: "Linux".into(),
    };
    let accepted = Accepted {
        project: collector.meta.project("one").unwrap().number,
        wire: Wire::Native,
        received_ms: at_ms,
        install: InstallId::parse("install-1").unwrap(),
        version: String::new(),
        deployment: String::new(),
        runtime: String::new(),
        entries: vec![Entry {
            id: None,
            at_ms,
            body: page,
        }],
    };
    let parcel = Parcel {
        accepted: vec![accepted],
        ..Parcel::default()
    };
    collector.writer.submit(parcel).await.unwrap();
}

#[tokio::test]
async fn breaks_are_noted_listed_and_taken_back() {
    let desk = Desk::start().await;
    assert!(desk.get("/breaks").await.body.contains("None is noted"));
    let form = "from=2026-08-01&to=2026-08-03&feed=tasks&reason=a+%3Cbad%3E+release";
    let noted = desk.post("/breaks", form).await;
    assert_eq!(
        noted.header("location"),
        Some("/projects/one/settings/breaks?done=break")
    );
    let page = desk.get("/breaks").await;
    assert!(page.body.contains("1 Aug 2026 to 3 Aug 2026"));
    assert!(page.body.contains("a &#60;bad&#62; release"));
    for (form, why) in [
        ("from=2026-08-05&to=2026-08-03&reason=x", "after the last"),
        ("from=yesterday&reason=x", "no day such as"),
        ("from=2026-08-05&reason=+", "1 to 200 characters"),
        ("from=2026-08-05&feed=money&reason=x", "no feed money"),
    ] {
        let refused = desk.post("/breaks", form).await;
        assert_eq!(refused.status, 400, "{form}");
        assert!(refused.body.contains(why), "{form}: {}", refused.body);
    }
    assert!(desk.get("/breaks/1/remove").await.body.contains("btn dng"));
    assert_eq!(desk.post("/breaks/1/remove", "").await.status, 303);
    assert_eq!(desk.get("/breaks/1/remove").await.status, 404);
    assert_eq!(desk.actions(), ["break.add", "break.remove"]);
}

#[tokio::test]
async fn raw_events_are_deleted_only_by_who_types_the_name() {
    let desk = Desk::start().await;
    for days_ago in [0, 50, 60] {
        view(&desk, days_ago).await;
    }
    let page = desk.get("/raw").await;
    assert!(page.body.contains("800 days"), "{}", page.body);
    assert!(page.body.contains("raw events of 3 days"), "{}", page.body);
    // Nothing is as old: no question is asked.
    let saved = desk.post("/raw", "whose=own&days=400").await;
    let done = Some("/projects/one/settings/raw?done=raw");
    assert_eq!(saved.header("location"), done);
    let asked = desk.post("/raw", "whose=own&days=30").await;
    let confirm = "/projects/one/settings/raw/30";
    assert_eq!(asked.header("location"), Some(confirm));
    let kept = || desk.site.meta().retention_days("one").unwrap();
    assert_eq!(kept(), Some(400), "not before it was confirmed");
    let question = desk.get("/raw/30").await;
    assert!(question.body.contains("raw events of 2 days"));
    for slip in ["", "typed=two"] {
        assert_eq!(desk.post("/raw/30", slip).await.status, 400);
        assert_eq!(kept(), Some(400));
    }
    let meant = desk.post("/raw/30", "typed=one").await;
    assert_eq!(meant.header("location"), done);
    assert_eq!(kept(), Some(30));
    // Longer again deletes nothing.
    assert_eq!(
        desk.post("/raw", "whose=server").await.header("location"),
        done
    );
    assert_eq!(kept(), None);
    for days in ["1", "x", "", "99999"] {
        let refused = desk.post("/raw", &format!("whose=own&days={days}")).await;
        assert_eq!(refused.status, 400, "{days}");
    }
    assert_eq!(desk.get("/raw/1").await.status, 404);
    assert_eq!(desk.actions(), ["project.retention"; 3]);
}

#[tokio::test]
async fn a_manager_ends_one_session_of_a_member() {
    let desk = Desk::start().await;
    let ines = desk.site.member("ines@a.example", Role::Viewer, None);
    let lost = desk.site.session(&ines).0;
    let here = desk.site.session(&ines).0;
    let sessions = desk.site.meta().sessions_of(ines.id, now()).unwrap();
    let oldest = sessions.iter().map(|line| line.id).min().unwrap();
    let path = format!("/members/{}/sessions/{oldest}/end", ines.id.0);
    let page = desk.get(&format!("/members/{}", ines.id.0)).await;
    assert!(page.body.contains(&path), "{}", page.body);
    assert_eq!(desk.post(&path, "").await.status, 303);
    assert_eq!(desk.site.get("/account", &lost).await.status, 303);
    assert_eq!(desk.site.get("/account", &here).await.status, 200);
    assert_eq!(desk.actions(), ["session.end"]);
}
