//! Who gets in where: one line for each page and API call, tried as everybody there is. Fails when
//! the router has a page that is not in the table.

use std::collections::BTreeSet;

use super::site::{Answer, Site};
use crate::meta::audit::Actor;
use crate::meta::breaks::NewBreak;
use crate::meta::findings::{FindingKind, NewFinding};
use crate::meta::people::Role;
use crate::meta::people::tests::member;
use crate::meta::publications::Publishing;
use crate::meta::tests::project;
use crate::meta::tokens::{NewToken, Scope};
use crate::store::Day;
use crate::web::{PAGES, assets, now};

/// Who a page is for; everybody else is refused.
#[derive(Clone, Copy, Debug)]
enum For {
    Everybody,
    SignedIn,
    /// Every member of the project; authors see their own apps.
    Members,
    /// Authors of the project.
    Authors,
    /// Managers and viewers of the project.
    Readers,
    /// Every member, and every report token of the project.
    MembersAndTokens,
    /// Managers and viewers, and every report token of the project.
    ReadersAndTokens,
    /// Managers of the project.
    Managers,
    /// Managers of the project, and its tokens with the scope export.
    ManagersAndExportTokens,
}

/// Somebody who asks. All but the stranger belong to the project `one`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    /// Manager of another project.
    Stranger,
    TokenOfStranger,
    Author,
    Viewer,
    ReportsToken,
    ExportToken,
    Manager,
}

impl Who {
    /// The manager last: only then may a page change what the others would have met.
    const ALL: [Self; 8] = [
        Self::Nobody,
        Self::Stranger,
        Self::TokenOfStranger,
        Self::Author,
        Self::Viewer,
        Self::ReportsToken,
        Self::ExportToken,
        Self::Manager,
    ];

    fn gets_into(self, page: For) -> bool {
        match page {
            For::ManagersAndExportTokens => matches!(self, Self::Manager | Self::ExportToken),
            For::Everybody => true,
            For::SignedIn => matches!(
                self,
                Self::Stranger | Self::Author | Self::Viewer | Self::Manager
            ),
            For::Members => matches!(self, Self::Author | Self::Viewer | Self::Manager),
            For::Authors => self == Self::Author,
            For::Readers => matches!(self, Self::Viewer | Self::Manager),
            For::Managers => self == Self::Manager,
            For::ReadersAndTokens => matches!(
                self,
                Self::Viewer | Self::Manager | Self::ReportsToken | Self::ExportToken
            ),
            For::MembersAndTokens => matches!(
                self,
                Self::Author
                    | Self::Viewer
                    | Self::Manager
                    | Self::ReportsToken
                    | Self::ExportToken
            ),
        }
    }
}

/// Method, path as the router has it, and for whom. `asked` says with which values it is tried.
const TABLE: &[(&str, &str, For)] = &[
    ("GET", "/", For::SignedIn),
    ("GET", "/login", For::Everybody),
    ("POST", "/login", For::Everybody),
    ("GET", "/login/code", For::Everybody),
    ("POST", "/login/code", For::Everybody),
    ("GET", "/login/link/{token}", For::Everybody),
    ("POST", "/login/link/{token}", For::Everybody),
    #[cfg(feature = "oidc")]
    ("GET", "/login/oidc", For::Everybody),
    #[cfg(feature = "oidc")]
    ("GET", "/login/oidc/callback", For::Everybody),
    ("POST", "/logout", For::SignedIn),
    ("GET", "/account", For::SignedIn),
    ("POST", "/account/email", For::SignedIn),
    ("POST", "/account/password", For::SignedIn),
    ("POST", "/account/sessions/{id}/end", For::SignedIn),
    ("GET", "/projects/{project}/apps", For::Authors),
    ("POST", "/projects/{project}/apps", For::Authors),
    ("GET", "/projects/{project}/views", For::Members),
    ("POST", "/projects/{project}/views", For::Members),
    ("GET", "/projects/{project}/views/{id}/remove", For::Members),
    (
        "POST",
        "/projects/{project}/views/{id}/remove",
        For::Members,
    ),
    (
        "POST",
        "/projects/{project}/settings/claims/{id}/grant",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/claims/{id}/refuse",
        For::Managers,
    ),
    ("GET", "/account/factor", For::SignedIn),
    ("POST", "/account/factor", For::SignedIn),
    ("POST", "/account/factor/off", For::SignedIn),
    ("GET", "/projects/{project}", For::Members),
    ("GET", "/projects/{project}/tasks", For::Members),
    ("GET", "/projects/{project}/retention", For::Readers),
    (
        "GET",
        "/projects/{project}/findings.atom",
        For::ReadersAndTokens,
    ),
    ("GET", "/projects/{project}/findings", For::Members),
    (
        "POST",
        "/projects/{project}/findings/{id}/mute",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/findings/{id}/unmute",
        For::Managers,
    ),
    ("GET", "/projects/{project}/live", For::Readers),
    ("GET", "/projects/{project}/settings", For::Managers),
    ("POST", "/projects/{project}/settings/keys", For::Managers),
    (
        "GET",
        "/projects/{project}/settings/keys/{id}/revoke",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/keys/{id}/revoke",
        For::Managers,
    ),
    (
        "GET",
        "/projects/{project}/settings/keys/{id}/secret",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/keys/{id}/secret",
        For::Managers,
    ),
    ("GET", "/projects/{project}/settings/setup", For::Managers),
    ("GET", "/projects/{project}/settings/tokens", For::Managers),
    ("POST", "/projects/{project}/settings/tokens", For::Managers),
    (
        "GET",
        "/projects/{project}/settings/tokens/{id}/revoke",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/tokens/{id}/revoke",
        For::Managers,
    ),
    ("GET", "/projects/{project}/settings/members", For::Managers),
    (
        "POST",
        "/projects/{project}/settings/members",
        For::Managers,
    ),
    (
        "GET",
        "/projects/{project}/settings/members/{id}",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/members/{id}",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/members/{id}/link",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/members/{id}/sessions/end",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/members/{id}/sessions/{session}/end",
        For::Managers,
    ),
    (
        "GET",
        "/projects/{project}/settings/members/{id}/remove",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/members/{id}/remove",
        For::Managers,
    ),
    ("GET", "/projects/{project}/settings/audit", For::Managers),
    ("GET", "/projects/{project}/settings/breaks", For::Managers),
    ("POST", "/projects/{project}/settings/breaks", For::Managers),
    (
        "GET",
        "/projects/{project}/settings/breaks/{id}/remove",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/breaks/{id}/remove",
        For::Managers,
    ),
    ("GET", "/projects/{project}/settings/raw", For::Managers),
    ("POST", "/projects/{project}/settings/raw", For::Managers),
    (
        "GET",
        "/projects/{project}/settings/raw/{days}",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/raw/{days}",
        For::Managers,
    ),
    ("GET", "/projects/{project}/settings/webhook", For::Managers),
    (
        "POST",
        "/projects/{project}/settings/webhook",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/webhook/test",
        For::Managers,
    ),
    (
        "GET",
        "/projects/{project}/settings/webhook/remove",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/webhook/remove",
        For::Managers,
    ),
    ("GET", "/projects/{project}/settings/project", For::Managers),
    (
        "POST",
        "/projects/{project}/settings/project",
        For::Managers,
    ),
    ("GET", "/projects/{project}/settings/close", For::Managers),
    ("POST", "/projects/{project}/settings/close", For::Managers),
    (
        "GET",
        "/api/v1/projects/{project}/reports/{report}",
        For::MembersAndTokens,
    ),
    ("GET", "/projects/{project}/settings/public", For::Managers),
    ("POST", "/projects/{project}/settings/public", For::Managers),
    (
        "GET",
        "/projects/{project}/settings/public/off",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/public/off",
        For::Managers,
    ),
    ("GET", "/projects/{project}/settings/shares", For::Managers),
    ("POST", "/projects/{project}/settings/shares", For::Managers),
    (
        "GET",
        "/projects/{project}/settings/shares/{id}/revoke",
        For::Managers,
    ),
    (
        "POST",
        "/projects/{project}/settings/shares/{id}/revoke",
        For::Managers,
    ),
    // Who has the link, whoever that is; tests/share.rs says what it opens.
    ("GET", "/share/{secret}", For::Everybody),
    ("POST", "/share/{secret}", For::Everybody),
    ("GET", "/share/{secret}/{file}", For::Everybody),
    ("GET", "/public/{project}", For::Everybody),
    ("GET", "/public/{project}/{data}", For::Everybody),
    ("GET", "/badge/{project}/{badge}", For::Everybody),
    (
        "GET",
        "/api/v1/projects/{project}/export",
        For::ManagersAndExportTokens,
    ),
    ("GET", "/static/{file}", For::Everybody),
];

/// Stands for the secret of a share link until there is one.
const SECRET: &str = "hcs_none";

pub(super) fn asked(path: &str) -> String {
    let style = assets::css().trim_start_matches("/static/");
    let values = [
        ("{project}", "one"),
        ("{report}", "totals"),
        ("{token}", "none"),
        ("{secret}/{file}", "{secret}/installs.csv"),
        ("{secret}", SECRET),
        ("/keys/{id}", "/keys/2"),
        ("/tokens/{id}", "/tokens/2"),
        ("/members/{id}", "/members/1"),
        ("{id}", "1"),
        ("{file}", style),
        ("{data}", "installs.csv"),
        ("{days}", "30"),
        ("{session}", "1"),
        ("{badge}", "installs.svg"),
    ];
    let filled = values.iter().fold(path.to_owned(), |path, (name, value)| {
        path.replace(name, value)
    });
    assert!(!filled.contains('{'), "say a value for {filled}");
    filled
}

/// Header and form token of somebody.
fn identity(site: &Site, who: Who) -> (String, String) {
    let token = |slug: &str, scope| {
        let new = NewToken {
            project: slug.to_owned(),
            name: "t".to_owned(),
            scope,
        };
        let token = site.meta().create_token(&new, &Actor::CommandLine, now());
        let header = format!("Authorization: Bearer {}", token.unwrap());
        (header, String::new())
    };
    let member = |email: &str, slug: &str, role| {
        let user = member(site.meta(), email, slug, role);
        site.session(&user)
    };
    match who {
        Who::Nobody => (String::new(), String::new()),
        Who::Stranger => member("stranger@a.example", "two", Role::Manager),
        Who::TokenOfStranger => token("two", Scope::Export),
        Who::Author => member("author@a.example", "one", Role::Author),
        Who::Viewer => member("viewer@a.example", "one", Role::Viewer),
        Who::ReportsToken => token("one", Scope::Reports),
        Who::ExportToken => token("one", Scope::Export),
        Who::Manager => member("manager@a.example", "one", Role::Manager),
    }
}

/// Lets everybody see the public page of `one`.
fn publish(site: &Site) {
    let one = site.meta().project("one").unwrap().number;
    let how = Publishing::default();
    let done = site
        .meta()
        .publish(one, Some(&how), &Actor::CommandLine, now());
    done.unwrap();
}

/// The secret of a link to `one`.
fn share(site: &Site) -> String {
    let one = site.meta().project("one").unwrap().number;
    super::share::link(site, one, |_| {})
}

/// Gives the project `one` something of everything that pages are about: an author with a request, a
/// break, a webhook, a public page.
pub(super) fn furnish(site: &Site) {
    publish(site);
    let erik = member(site.meta(), "author@a.example", "one", Role::Author);
    let one = site.meta().project("one").unwrap().number;
    let known = NewBreak {
        from: Day(20_000),
        to: Day(20_000),
        feed: String::new(),
        reason: "moved".to_owned(),
    };
    let by = (&Actor::CommandLine, now());
    site.meta().add_break("one", &known, by).unwrap();
    let hook = site
        .meta()
        .set_webhook(one, "https://127.0.0.1:9/", &Actor::CommandLine, now());
    hook.unwrap();
    let claim = site.meta().ask_for_app(one, &erik, ("srp", "x"), now());
    claim.unwrap();
    let finding = NewFinding {
        subject: NewFinding::task_subject("srp", "pay"),
        kind: FindingKind::Task,
        strong: "pay".to_owned(),
        text: "fails more".to_owned(),
        evidence: String::new(),
        target: "/tasks".to_owned(),
        since: "5.4.0".to_owned(),
        since_day: Day(0),
        strength: 2.0,
    };
    site.meta().keep_findings(one, &[finding], now()).unwrap();
}

/// Whether an answer keeps somebody out: sent to sign in, told no, or told of nothing.
fn refuses(answer: &Answer) -> bool {
    let to_sign_in = answer
        .header("location")
        .is_some_and(|location| location.starts_with("/login"));
    matches!(answer.status, 401 | 403 | 404) || (answer.status == 303 && to_sign_in)
}

#[tokio::test]
async fn every_page_lets_in_whom_it_is_for_and_nobody_else() {
    for (method, path, page) in TABLE {
        let site = Site::start(None).await;
        project(site.meta(), "Two");
        furnish(&site);
        let address = asked(path).replace(SECRET, &share(&site));
        for who in Who::ALL {
            let (header, form_token) = identity(&site, who);
            let form = format!("csrf={form_token}");
            let form = if *method == "POST" { form.as_str() } else { "" };
            let answer = site.send(method, &address, &[&header], form).await;
            assert!(
                answer.status < 500,
                "{method} {path} as {who:?}: {answer:?}"
            );
            // Signing out and wrong passwords lead to the sign-in page, too; forms of nobody lack
            // their cookie here.
            let open_form =
                path.starts_with("/log") || (*method, *path) == ("POST", "/share/{secret}");
            let in_vain = refuses(&answer) && !open_form;
            let out = path == &"/logout" && answer.header("set-cookie").is_none();
            assert_eq!(
                !(in_vain || out),
                who.gets_into(*page),
                "{method} {path} is {page:?}, but {who:?} got {}",
                answer.status
            );
        }
    }
}

/// The methods are asked from the router itself: it names them where it refuses another one.
#[tokio::test]
async fn no_page_is_missing_in_the_table() {
    let site = Site::start(None).await;
    let mut found = BTreeSet::new();
    for (path, _) in PAGES {
        let refused = site.send("TRACE", &asked(path), &[], "").await;
        assert_eq!(refused.status, 405, "{path}");
        let methods = refused.header("allow").unwrap_or_default();
        for method in methods.split(',').filter(|method| *method != "HEAD") {
            found.insert((method.to_owned(), (*path).to_owned()));
        }
    }
    let table = TABLE.iter();
    let table: BTreeSet<_> = table
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(table.len(), TABLE.len(), "a line comes twice");
    let missing: Vec<_> = found.difference(&table).collect();
    let gone: Vec<_> = table.difference(&found).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "say in TABLE who gets into {missing:?}; not there any more: {gone:?}"
    );
}
