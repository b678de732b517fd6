//! The page where managers make, list and revoke share links.

use super::fleet;
use crate::meta::people::Role;
use crate::store::ProjectNumber;
use crate::web::now;
use crate::web::tests::site::{Answer, Site};

const AT: &str = "/projects/one/settings/shares";

struct Desk {
    site: Site,
    cookie: String,
    form_token: String,
}

impl Desk {
    async fn start() -> Self {
        let site = fleet(false).await;
        let mara = site.member("mara@a.example", Role::Manager, None);
        let (cookie, form_token) = site.session(&mara);
        Self {
            site,
            cookie,
            form_token,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.site.get(path, &self.cookie).await
    }

    async fn post(&self, path: &str, fields: &str) -> Answer {
        let form = format!("csrf={}&{fields}", self.form_token);
        self.site.post(path, &self.cookie, &form).await
    }

    fn in_use(&self) -> usize {
        let links = self.site.meta().shares_of(ProjectNumber(1), now());
        links.unwrap().len()
    }
}

/// A form that makes a link, with one field changed.
fn form(change: &str) -> String {
    let ends = now() + jiff::SignedDuration::from_hours(72);
    let all = format!(
        "name=partners&filter=filter%3Dversion%3A5.5.0&range=last&days=14&from=&to=&expires={}&password=&installs=on&apps=on",
        ends.strftime("%Y-%m-%d")
    );
    let (name, _) = change.split_once('=').unwrap();
    let kept = all.split('&');
    let kept = kept.filter(|field| !field.starts_with(&format!("{name}=")));
    let kept: Vec<&str> = kept.collect();
    format!("{}&{change}", kept.join("&"))
}

#[tokio::test]
async fn the_form_takes_filter_and_days_from_the_overview() {
    let desk = Desk::start().await;
    let overview = desk.get("/projects/one?range=30d&filter=app:x").await;
    let href = "/projects/one/settings/shares?range=30d&#38;filter=app:x";
    assert!(overview.body.contains(href), "{}", overview.body);
    let page = desk.get(&format!("{AT}?range=30d&filter=app:x")).await;
    for text in [
        r#"name="filter" value="filter=app:x""#,
        r#"name="days" min="1" max="1103" value="30""#,
        "App <b>x</b>",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let added = desk
        .get(&format!("{AT}?range=30d&dimension=app&value=y"))
        .await;
    let to = format!("{AT}?range=30d&filter=app:y");
    assert_eq!(added.header("location"), Some(to.as_str()));
}

#[tokio::test]
async fn what_cannot_be_is_said_and_nothing_typed_is_lost() {
    let desk = Desk::start().await;
    for (change, problem) in [
        ("name=", "1 to 100 characters"),
        ("days=0", "the first day is not after the last"),
        ("days=x", "is no number"),
        ("days=2000", "at most 1103 days"),
        ("range=fixed", "the first day is no day"),
        ("expires=2020-01-01", "is over"),
        ("expires=2999-01-01", "at most a year"),
        ("password=short", "at least 10 characters"),
    ] {
        let answer = desk.post(AT, &form(change)).await;
        assert_eq!(answer.status, 400, "{change}: {}", answer.body);
        assert!(answer.body.contains(problem), "{change}: {}", answer.body);
        assert!(answer.body.contains("Version <b>5.5.0</b>"), "{change}");
        assert!(!answer.body.contains("value=\"short\""));
    }
    assert_eq!(desk.in_use(), 0);
}

#[tokio::test]
async fn a_link_is_shown_once_listed_and_revoked() {
    let desk = Desk::start().await;
    let made = desk.post(AT, &form("password=correct+horse+battery")).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let start = made.body.find("hcs_").unwrap();
    let secret = &made.body[start..start + 36];
    let opened = desk.site.get(&format!("/share/{secret}"), "").await;
    assert!(opened.body.contains("Password"));
    let list = desk.get(AT).await.body;
    assert!(!list.contains(secret) && list.contains("partners"));
    assert!(list.contains("by mara@a.example") && list.contains("Version 5.5.0, last 14 days"));
    let asked = desk.get(&format!("{AT}/1/revoke")).await;
    assert!(asked.body.contains("partners") && asked.body.contains("btn dng"));
    let revoked = desk.post(&format!("{AT}/1/revoke"), "").await;
    assert_eq!(revoked.status, 303);
    let gone = desk.site.get(&format!("/share/{secret}"), "").await;
    assert_eq!((gone.status, desk.in_use()), (404, 0));
    assert_eq!(desk.get(&format!("{AT}/1/revoke")).await.status, 404);
    let log = desk.site.meta().audit_log(None, 100).unwrap();
    let lines: Vec<_> = log
        .iter()
        .filter(|line| line.action.starts_with("share."))
        .collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.actor == "mara@a.example"));
    assert!(lines.iter().all(|line| !line.subject.contains("hcs_")));
}
