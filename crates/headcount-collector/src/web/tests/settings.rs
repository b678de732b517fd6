//! The settings pages as managers use them: each change shows, is written down, and can be undone
//! by nobody else.

use super::site::{Answer, Site};
use crate::meta::people::Role;

pub(super) struct Desk {
    pub(super) site: Site,
    cookie: String,
    form_token: String,
}

impl Desk {
    pub(super) async fn start() -> Self {
        Self::at(Site::start(None).await)
    }

    /// The manager Mara at the settings of `one`.
    pub(super) fn at(site: Site) -> Self {
        let mara = site.member("mara@a.example", Role::Manager, None);
        let (cookie, form_token) = site.session(&mara);
        Self {
            site,
            cookie,
            form_token,
        }
    }

    pub(super) async fn get(&self, leaf: &str) -> Answer {
        let path = format!("/projects/one/settings{leaf}");
        self.site.get(&path, &self.cookie).await
    }

    pub(super) async fn post(&self, leaf: &str, form: &str) -> Answer {
        let path = format!("/projects/one/settings{leaf}");
        let form = format!("csrf={}&{form}", self.form_token);
        self.site.post(&path, &self.cookie, &form).await
    }

    pub(super) fn actions(&self) -> Vec<String> {
        let log = self.site.meta().audit_log(None, 100).unwrap();
        let mut actions: Vec<String> = log
            .into_iter()
            .filter(|line| line.actor == "mara@a.example")
            .map(|line| line.action)
            .collect();
        actions.reverse();
        actions
    }
}

#[tokio::test]
async fn keys_are_shown_made_and_revoked() {
    let desk = Desk::start().await;
    let project = desk.site.meta().project("one").unwrap();
    let page = desk.get("").await;
    for key in [
        &project.tracking_id,
        &project.measurement_id,
        &project.ingest_key,
    ] {
        assert!(page.body.contains(key.as_str()));
    }
    assert!(!page.body.contains(&project.api_secret));
    assert!(desk.get("?show=2").await.body.contains(&project.api_secret));
    let made = desk.post("/keys", "kind=tracking_id&given=UA-42-1").await;
    assert_eq!(
        made.header("location"),
        Some("/projects/one/settings?done=key")
    );
    assert_eq!(
        desk.site.meta().tracking_id("UA-42-1"),
        Some(project.number)
    );
    let taken = desk.post("/keys", "kind=tracking_id&given=UA-42-1").await;
    assert_eq!(taken.status, 400);
    assert!(taken.body.contains("is in use by the project one"));
    let asked = desk.get("/keys/4/revoke").await;
    assert!(asked.body.contains("UA-42-1") && asked.body.contains("btn dng"));
    assert_eq!(desk.post("/keys/4/revoke", "").await.status, 303);
    assert_eq!(desk.get("/keys/4/revoke").await.status, 404);
    assert_eq!(desk.post("/keys/2/secret", "").await.status, 303);
    assert_ne!(
        desk.site.meta().project("one").unwrap().api_secret,
        project.api_secret
    );
    assert_eq!(desk.actions(), ["key.make", "key.revoke", "secret.replace"]);
}

#[tokio::test]
async fn a_token_is_shown_once_and_opens_the_reports_until_it_is_revoked() {
    let desk = Desk::start().await;
    let made = desk.post("/tokens", "name=Nightly&scope=reports").await;
    let at = made.body.find("hcr_").unwrap();
    let token = &made.body[at..at + 36];
    assert!(!desk.get("/tokens").await.body.contains(token));
    let header = format!("Authorization: Bearer {token}");
    let api = "/api/v1/projects/one/reports/totals";
    assert_eq!(desk.site.get(api, &header).await.status, 200);
    assert!(desk.get("/tokens/1/revoke").await.body.contains("Nightly"));
    assert_eq!(desk.post("/tokens/1/revoke", "").await.status, 303);
    assert_eq!(desk.site.get(api, &header).await.status, 401);
    assert_eq!(
        desk.post("/tokens", "name=&scope=reports").await.status,
        400
    );
    assert_eq!(desk.actions(), ["token.create", "token.revoke"]);
}

#[tokio::test]
async fn a_member_comes_by_link_changes_role_and_goes() {
    let desk = Desk::start().await;
    let form = "email=erik%40b.example&role=author&namespaces=memberaudit%2C+srp";
    let invited = desk.post("/members", form).await;
    let at = invited.body.find("/login/link/").unwrap();
    let end = invited.body[at..].find('<').unwrap();
    let link = invited.body[at..at + end].to_owned();
    assert!(
        desk.site
            .get(&link, "")
            .await
            .body
            .contains("erik@b.example")
    );
    let list = desk.get("/members").await;
    assert!(list.body.contains("memberaudit, srp only") && !list.body.contains(&link));
    let changed = desk
        .post("/members/2", "role=viewer&namespaces=left+over")
        .await;
    assert_eq!(changed.status, 303);
    let place = desk
        .site
        .meta()
        .members_of(crate::store::ProjectNumber(1))
        .unwrap();
    assert_eq!(place[0].membership.role, Role::Viewer);
    let erik = place[0].user.clone();
    let (cookie, _) = desk.site.session(&erik);
    assert_eq!(
        desk.site.get("/projects/one/live", &cookie).await.status,
        200
    );
    assert!(
        desk.post("/members/2/link", "")
            .await
            .body
            .contains("/login/link/")
    );
    assert_eq!(desk.post("/members/2/sessions/end", "").await.status, 303);
    assert_eq!(
        desk.site.get("/projects/one/live", &cookie).await.status,
        303
    );
    assert_eq!(desk.get("/members/2/remove").await.status, 200);
    let (cookie, _) = desk.site.session(&erik);
    assert_eq!(desk.post("/members/2/remove", "").await.status, 303);
    assert_eq!(
        desk.site.get("/projects/one/live", &cookie).await.status,
        404
    );
    let last = desk.post("/members/1/remove", "").await;
    assert_eq!(last.status, 400);
    assert!(last.body.contains("at least one manager"));
    let expected = [
        "member.invite",
        "member.set",
        "link.issue",
        "session.end_all",
        "member.remove",
    ];
    assert_eq!(desk.actions(), expected);
}

#[tokio::test]
async fn a_project_is_closed_by_its_name_only() {
    let desk = Desk::start().await;
    let key = desk.site.meta().project("one").unwrap().tracking_id;
    let renamed = desk.post("/project", "name=Alliance+Auth").await;
    assert_eq!(renamed.status, 303);
    assert!(
        desk.get("/project")
            .await
            .body
            .contains("Close Alliance Auth")
    );
    assert_eq!(desk.post("/close", "typed=two").await.status, 400);
    assert_eq!(desk.post("/close", "typed=one").await.status, 303);
    assert_eq!(desk.get("").await.status, 404);
    let since = std::time::Instant::now();
    while desk.site.meta().tracking_id(&key).is_some() {
        assert!(since.elapsed() < std::time::Duration::from_secs(2));
        std::thread::yield_now();
    }
    assert_eq!(desk.actions(), ["project.rename", "project.close"]);
}

#[tokio::test]
async fn the_log_and_every_set_up_are_there_to_read() {
    let desk = Desk::start().await;
    desk.post("/project", "name=%3Cscript%3E").await;
    let log = desk.get("/audit?text=RENAME").await;
    assert!(log.body.contains("project.rename") && log.body.contains("&#60;script&#62;"));
    assert!(!log.body.contains("project.create"));
    assert_eq!(desk.get("/audit?before=x").await.status, 400);
    let set_up = desk.get("/setup").await;
    let project = desk.site.meta().project("one").unwrap();
    for part in [
        "/mp/collect",
        "headcount.allianceauth",
        "headcount.django",
        "headcount agent",
        project.ingest_key.as_str(),
        project.api_secret.as_str(),
    ] {
        assert!(set_up.body.contains(part), "{part}");
    }
}

#[tokio::test]
async fn an_author_asks_for_an_app_and_a_manager_decides() {
    let desk = Desk::start().await;
    let erik = desk.site.member("erik@b.example", Role::Author, None);
    let (cookie, form_token) = desk.site.session(&erik);
    let form = format!("csrf={form_token}&app=corptools&place=https%3A%2F%2Fb.example%2Freadme");
    let asked = desk.site.post("/projects/one/apps", &cookie, &form).await;
    assert_eq!(
        asked.header("location"),
        Some("/projects/one/apps?done=asked")
    );
    let own = desk.site.get("/projects/one/apps", &cookie).await;
    let at = own.body.find("headcount-app-").unwrap();
    let token = &own.body[at..at + 46];
    let members = desk.get("/members").await;
    assert!(members.body.contains(token) && members.body.contains("https://b.example/readme"));
    assert_eq!(desk.post("/claims/1/grant", "").await.status, 303);
    assert_eq!(desk.post("/claims/1/refuse", "").await.status, 404);
    let own = desk.site.get("/projects/one/apps", &cookie).await;
    assert!(own.body.contains("<li><code>corptools</code>") && own.body.contains("granted"));
    assert_eq!(desk.actions(), ["app.grant"]);
}

#[tokio::test]
async fn a_view_is_saved_for_its_project_and_found_in_the_menu() {
    let desk = Desk::start().await;
    let save = async |address: &str| {
        let form = format!("csrf={}&name=Weekly&address={address}", desk.form_token);
        desk.site
            .post("/projects/one/views", &desk.cookie, &form)
            .await
    };
    for elsewhere in [
        "%2F%2Fevil.example",
        "%2Fprojects%2Fonetwo",
        "%2Faccount",
        "",
    ] {
        assert_eq!(save(elsewhere).await.status, 400, "{elsewhere}");
    }
    let saved = save("%2Fprojects%2Fone%3Frange%3D7d").await;
    assert_eq!(saved.header("location"), Some("/projects/one?range=7d"));
    let list = desk.site.get("/projects/one/views", &desk.cookie).await;
    assert!(
        list.body
            .contains(r#"<a href="/projects/one?range=7d">Weekly</a>"#),
        "{}",
        list.body
    );
    let remove = "/projects/one/views/1/remove";
    assert!(list.body.contains(&format!(r#"href="{remove}""#)));
    assert_eq!(
        list.body.matches("<form").count(),
        0,
        "nothing goes at once"
    );
    let asked = desk.site.get(remove, &desk.cookie).await;
    assert_eq!(asked.status, 200);
    assert!(
        asked.body.contains("“Weekly” goes from your menu") && asked.body.contains("btn dng"),
        "{}",
        asked.body
    );
    let form = format!("csrf={}", desk.form_token);
    desk.site.post(remove, &desk.cookie, &form).await;
    let list = desk.site.get("/projects/one/views", &desk.cookie).await;
    assert!(!list.body.contains("Weekly"));
    let gone = desk.site.get(remove, &desk.cookie).await;
    assert_eq!(gone.header("location"), Some("/projects/one/views"));
}
