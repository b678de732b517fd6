//! Whatever changes something is written down: every form that the router takes is sent, and the audit log
//! must have grown by the entry named here. Fails when the router has a form that is not in the table.

use std::collections::BTreeSet;

use super::access::{asked, furnish};
use super::site::{PASSWORD, Site};
use crate::meta::audit::Actor;
use crate::meta::people::Role;
use crate::meta::people::tests::member;
use crate::meta::tests::project;
use crate::meta::tokens::{NewToken, Scope};
use crate::meta::totp;
use crate::reports::calendar;
use crate::store::Day;
use crate::web::{PAGES, now};

/// What a form leaves behind.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// An entry of this action.
    Entry(&'static str),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

use Leaves::{Entry, Nothing};

/// Path as the router has it, fields of the form, what it leaves. Managers send it but where authors are
/// the only ones who may.
const FORMS: &[(&str, &str, Leaves)] = &[
    ("/login", "", Nothing("signing in changes no setting")),
    ("/login/code", "", Nothing("signing in changes no setting")),
    (
        "/login/link/{token}",
        "",
        Nothing("signing in changes no setting; the link's making is an entry"),
    ),
    ("/logout", "", Entry("session.end")),
    (
        "/account/email",
        "email=new%40a.example",
        Entry("email.change"),
    ),
    (
        "/account/password",
        "password=another+long+one",
        Entry("password.change"),
    ),
    ("/account/sessions/{id}/end", "", Entry("session.end")),
    ("/account/factor", "code=CODE", Entry("second_factor.on")),
    (
        "/account/factor/off",
        "code=RECOVERY",
        Entry("second_factor.off"),
    ),
    (
        "/projects/{project}/apps",
        "app=corptools&place=README",
        Entry("app.ask"),
    ),
    (
        "/projects/{project}/views",
        "name=mine&address=%2Fprojects%2Fone",
        Nothing("a bookmark of one's own, that nobody else sees"),
    ),
    (
        "/projects/{project}/views/{id}/remove",
        "",
        Nothing("a bookmark of one's own, that nobody else sees"),
    ),
    (
        "/projects/{project}/settings/claims/{id}/grant",
        "",
        Entry("app.grant"),
    ),
    (
        "/projects/{project}/settings/claims/{id}/refuse",
        "",
        Entry("app.refuse"),
    ),
    (
        "/projects/{project}/settings/keys",
        "kind=ingest_key",
        Entry("key.make"),
    ),
    (
        "/projects/{project}/settings/keys/{id}/revoke",
        "",
        Entry("key.revoke"),
    ),
    (
        "/projects/{project}/settings/keys/{id}/secret",
        "",
        Entry("secret.replace"),
    ),
    (
        "/projects/{project}/settings/tokens",
        "name=t&scope=reports",
        Entry("token.create"),
    ),
    (
        "/projects/{project}/settings/tokens/{id}/revoke",
        "",
        Entry("token.revoke"),
    ),
    (
        "/projects/{project}/settings/members",
        "email=x%40a.example&role=viewer",
        Entry("member.invite"),
    ),
    (
        "/projects/{project}/settings/members/{id}",
        "role=viewer",
        Entry("member.set"),
    ),
    (
        "/projects/{project}/settings/members/{id}/link",
        "",
        Entry("link.issue"),
    ),
    (
        "/projects/{project}/settings/members/{id}/sessions/end",
        "",
        Entry("session.end_all"),
    ),
    (
        "/projects/{project}/settings/members/{id}/sessions/{session}/end",
        "",
        Entry("session.end"),
    ),
    (
        "/projects/{project}/settings/members/{id}/remove",
        "",
        Entry("member.remove"),
    ),
    (
        "/projects/{project}/settings/breaks",
        "from=2026-08-01&reason=moved",
        Entry("break.add"),
    ),
    (
        "/projects/{project}/settings/breaks/{id}/remove",
        "",
        Entry("break.remove"),
    ),
    (
        "/projects/{project}/settings/raw",
        "whose=own&days=400",
        Entry("project.retention"),
    ),
    (
        "/projects/{project}/settings/raw/{days}",
        "typed=one",
        Entry("project.retention"),
    ),
    // The other one of these two is not taken while there is a webhook.
    (
        "/projects/{project}/settings/webhook",
        "url=http%3A%2F%2F127.0.0.1%3A9%2F",
        Entry("webhook.set"),
    ),
    (
        "/projects/{project}/settings/webhook/test",
        "",
        Entry("webhook.test"),
    ),
    (
        "/projects/{project}/settings/webhook/remove",
        "",
        Entry("webhook.remove"),
    ),
    (
        "/projects/{project}/settings/project",
        "name=Other",
        Entry("project.rename"),
    ),
    (
        "/projects/{project}/settings/close",
        "typed=one",
        Entry("project.close"),
    ),
    (
        "/projects/{project}/settings/public",
        "k=10&licence=CC0-1.0",
        Entry("public.on"),
    ),
    (
        "/projects/{project}/findings/{id}/mute",
        "",
        Entry("finding.mute"),
    ),
    (
        "/projects/{project}/findings/{id}/unmute",
        "",
        Entry("finding.unmute"),
    ),
    (
        "/projects/{project}/settings/shares",
        "name=board&filter=&range=last&days=30&expires=SOON&versions=on",
        Entry("share.create"),
    ),
    (
        "/projects/{project}/settings/shares/{id}/revoke",
        "",
        Entry("share.revoke"),
    ),
    (
        "/share/{secret}",
        "",
        Nothing("a password opens a link to read, and changes nothing"),
    ),
    (
        "/projects/{project}/settings/public/off",
        "",
        Entry("public.off"),
    ),
];

/// A site where each form has what it is about, and the one who sends it.
async fn sender(path: &str) -> (Site, String, String) {
    let site = Site::with(|config| config.private_webhooks = true).await;
    project(site.meta(), "Two");
    furnish(&site);
    let token = NewToken {
        project: "one".to_owned(),
        name: "t".to_owned(),
        scope: Scope::Reports,
    };
    for _ in 0..2 {
        let made = site.meta().create_token(&token, &Actor::CommandLine, now());
        made.unwrap();
    }
    if path.ends_with("/settings/webhook") {
        let one = site.meta().project("one").unwrap().number;
        let removed = site.meta().remove_webhook(one, &Actor::CommandLine, now());
        removed.unwrap();
    }
    let one = site.meta().project("one").unwrap().number;
    super::share::link(&site, one, |_| {});
    // The first account is the author's, whose session is the first, too.
    let author = member(site.meta(), "author@a.example", "one", Role::Author);
    let of_author = site.session(&author);
    let mara = site.member("mara@a.example", Role::Manager, None);
    let of_mara = site.session(&mara);
    let (cookie, form_token) = if path == "/projects/{project}/apps" {
        of_author
    } else {
        of_mara
    };
    (site, cookie, form_token)
}

/// The form with codes of a second factor, which is switched on first where that is needed.
async fn with_codes(site: &Site, form: &str, (cookie, token): (&str, &str)) -> String {
    if !form.contains("code=") {
        return form.to_owned();
    }
    let log = site.meta().credentials("mara@a.example").unwrap();
    let (mara, _) = log.unwrap();
    let secret = site.meta().secret_to_set_up(mara.id).unwrap();
    let code = totp::code_at(&secret, now());
    if form.contains("CODE") && !form.contains("RECOVERY") {
        return form.replace("CODE", &code);
    }
    let on = format!("csrf={token}&code={code}");
    let page = site.post("/account/factor", cookie, &on).await;
    let at = page.body.find("<pre tabindex=\"0\">").unwrap() + 18;
    form.replace("RECOVERY", &page.body[at..at + 23])
}

#[tokio::test]
async fn every_form_leaves_its_entry() {
    for (path, form, leaves) in FORMS {
        let Entry(action) = leaves else { continue };
        let (site, cookie, token) = sender(path).await;
        let soon = calendar::day_of_ms(now().as_millisecond()).0 + 5;
        let form = form.replace("SOON", &calendar::iso(Day(soon)));
        let form = with_codes(&site, &form, (&cookie, &token)).await;
        let mut address = asked(path);
        if path.starts_with("/account/sessions") {
            // Of the sender's own sessions there is only the second.
            address = "/account/sessions/2/end".to_owned();
        }
        let before = site.meta().audit_log(None, 1_000).unwrap().len();
        let answer = site
            .post(&address, &cookie, &format!("csrf={token}&{form}"))
            .await;
        assert!(
            answer.status < 400,
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        let log = site.meta().audit_log(None, 1_000).unwrap();
        let fresh = &log[..log.len() - before];
        let who = ["mara@a.example", "author@a.example"];
        assert!(
            fresh
                .iter()
                .any(|line| line.action == *action && who.contains(&line.actor.as_str())),
            "{path} should leave {action}, but left {fresh:?}"
        );
        for line in fresh {
            assert!(!line.subject.contains(PASSWORD) && !line.subject.contains("another long one"));
        }
    }
}

/// The forms are asked from the router itself, as the pages are.
#[tokio::test]
async fn no_form_is_missing_in_the_table() {
    let site = Site::start(None).await;
    let mut found = BTreeSet::new();
    for (path, _) in PAGES {
        let refused = site.send("TRACE", &asked(path), &[], "").await;
        let methods = refused.header("allow").unwrap_or_default();
        for method in methods.split(',') {
            match method {
                "POST" => {
                    found.insert(*path);
                }
                "GET" | "HEAD" => {}
                other => panic!("{path} takes {other}: what does it leave?"),
            }
        }
    }
    let table: BTreeSet<_> = FORMS.iter().map(|(path, _, _)| *path).collect();
    assert_eq!(found, table);
    let reasons = FORMS.iter().filter_map(|(_, _, leaves)| match leaves {
        Nothing(why) => Some(why),
        Entry(_) => None,
    });
    assert!(reasons.clone().count() <= 6 && reasons.into_iter().all(|why| why.len() > 20));
}
