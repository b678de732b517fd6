//! Signing in through a provider, as a browser does it: who gets in, and that nobody else does.

use headcount_testkit::oidc::{CLIENT, Lie, Provider};

use super::site::{Answer, Site};
use crate::meta::people::Role;
use crate::oidc::{Admission, OidcConfig};
use crate::outgoing::{self, Reach};

async fn site(provider: &Provider) -> Site {
    let (client, secret) = CLIENT;
    let rule = Admission {
        domain: "corp.example".to_owned(),
        project: "one".to_owned(),
    };
    let config = OidcConfig::new(&provider.issuer(), client, Some(secret.to_owned()));
    let config = config.unwrap().label("Example SSO").admitting(vec![rule]);
    Site::with(|settings| settings.oidc = Some(config)).await
}

/// Begins here, signs in there, and comes back with the cookie of the beginning.
async fn visit(site: &Site, next: &str) -> (String, Answer) {
    let begun = site.get(&format!("/login/oidc?next={next}"), "").await;
    assert_eq!(begun.status, 303, "{}", begun.body);
    let cookie = begun.cookie();
    let address = begun.header("location").unwrap().to_owned();
    let there = tokio::task::spawn_blocking(move || {
        let answer = outgoing::agent(Reach::Everything).get(address).call();
        let location = answer.unwrap().headers()["location"].clone();
        location.to_str().unwrap().to_owned()
    });
    let back = there.await.unwrap();
    let (_, path) = back.split_once("//").unwrap();
    let path = format!("/{}", path.split_once('/').unwrap().1);
    let answer = site.get(&path, &cookie).await;
    (path, answer)
}

fn session(answer: &Answer) -> Option<String> {
    let cookies = answer.cookies();
    let cookie = cookies.iter().find(|pair| pair.starts_with("headcount="));
    cookie.map(|pair| format!("Cookie: {pair}"))
}

#[tokio::test]
async fn an_invited_address_comes_in_with_the_role_it_has() {
    let provider = Provider::start("ines@a.example").unwrap();
    let site = site(&provider).await;
    let login = site.get("/login?next=/projects/one/live", "").await;
    assert!(login.body.contains("Sign in with Example SSO"));
    site.member("ines@a.example", Role::Viewer, None);
    let (path, arrived) = visit(&site, "/projects/one/live").await;
    assert_eq!(arrived.header("location"), Some("/projects/one/live"));
    let cookie = session(&arrived).unwrap();
    assert_eq!(site.get("/projects/one/live", &cookie).await.status, 200);
    let settings = site.get("/projects/one/settings", &cookie).await;
    assert_eq!(settings.status, 403, "a viewer stays one");
    let replayed = site.get(&path, &arrived.cookie()).await;
    assert_eq!((replayed.status, session(&replayed)), (400, None));
}

#[tokio::test]
async fn nobody_comes_in_uninvited_but_by_the_rule() {
    let provider = Provider::start("eve@a.example").unwrap();
    let site = site(&provider).await;
    let (_, refused) = visit(&site, "/").await;
    assert_eq!((refused.status, session(&refused)), (403, None));
    assert!(refused.body.contains("eve@a.example is not let in here"));
    for (lie, status) in [
        (Lie::Unverified, 401),
        (Lie::Unsigned, 401),
        (Lie::Audience, 401),
    ] {
        provider.set_email("new@corp.example");
        provider.lie(lie);
        let (_, refused) = visit(&site, "/").await;
        assert_eq!(
            (refused.status, session(&refused)),
            (status, None),
            "{lie:?}"
        );
    }
    provider.lie(Lie::Nothing);
    let (_, admitted) = visit(&site, "https://evil.example").await;
    assert_eq!(admitted.header("location"), Some("/"));
    let cookie = session(&admitted).unwrap();
    assert_eq!(site.get("/projects/one/live", &cookie).await.status, 200);
    let log = site.meta().audit_log(None, 1).unwrap();
    assert_eq!(log[0].action, "member.admit");
}

#[tokio::test]
async fn without_a_provider_there_is_neither_button_nor_page() {
    let site = Site::start(None).await;
    assert!(!site.get("/login", "").await.body.contains("Sign in with"));
    for path in ["/login/oidc", "/login/oidc/callback?code=a&state=b"] {
        assert_eq!(site.get(path, "").await.status, 404, "{path}");
    }
}
