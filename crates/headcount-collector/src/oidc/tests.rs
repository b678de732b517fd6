//! Sign-ins through a real provider process on loopback: the right way, and every lie.

use headcount_testkit::oidc::{CLIENT, Lie, Provider as Other, Signing};

use super::*;
use crate::ingest::writer::now_ms;

const BACK: &str = "http://127.0.0.1:1/login/oidc/callback";

fn ours(other: &Other) -> Provider {
    let (client, secret) = CLIENT;
    let config = OidcConfig::new(&other.issuer(), client, Some(secret.to_owned()));
    Provider::new(config.unwrap())
}

/// What a browser brings back that goes where it is sent.
fn visit(start: &Start) -> Callback {
    let answer = outgoing::agent(Reach::Everything)
        .get(&start.address)
        .call();
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 302);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let (back, query) = location.split_once('?').unwrap();
    assert_eq!(back, BACK);
    let field = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.to_owned())
    };
    Callback {
        code: field("code").unwrap(),
        state: field("state").unwrap(),
        iss: field("iss"),
        error: field("error"),
    }
}

fn sign_in(ours: &Provider) -> Result<Arrived, Trouble> {
    let start = ours.begin(BACK, "/projects/one", now_ms())?;
    ours.finish(&visit(&start), (&start.state, BACK), now_ms())
}

#[test]
fn a_verified_address_arrives_by_either_signature() {
    let other = Other::start("mara@a.example").unwrap();
    let ours = ours(&other);
    for signing in [Signing::Rs256, Signing::Es256] {
        other.sign_with(signing);
        let arrived = sign_in(&ours).unwrap();
        assert_eq!(arrived.email, "mara@a.example", "{signing:?}");
        assert_eq!(arrived.next, "/projects/one");
    }
    let requests = other.requests();
    let count = |line: &str| requests.iter().filter(|found| *found == line).count();
    assert_eq!(count("GET /.well-known/openid-configuration"), 1);
    assert_eq!(count("GET /jwks"), 1);
    assert_eq!(count("POST /token"), 2);
}

#[test]
fn every_lie_is_refused_with_its_reason() {
    let other = Other::start("mara@a.example").unwrap();
    let ours = ours(&other);
    sign_in(&ours).unwrap();
    for (lie, why) in [
        (Lie::Nonce, "belongs to another sign-in"),
        (Lie::NoNonce, "belongs to another sign-in"),
        (Lie::Audience, "for another client"),
        (Lie::Audiences, "for another client"),
        (Lie::Party, "made for another client"),
        (Lie::Issuer, "of another issuer"),
        (Lie::Expired, "expired"),
        (Lie::Future, "not valid yet"),
        (Lie::Unsigned, "not signed with RS256 or ES256"),
        (Lie::PublicKeyAsSecret, "not signed with RS256 or ES256"),
        (Lie::ForeignKey, "signature is wrong"),
        (Lie::Altered, "signature is wrong"),
        (Lie::Unverified, "does not vouch"),
        (Lie::NoEmail, "does not vouch"),
        (Lie::MixUp, "another provider"),
    ] {
        other.lie(lie);
        let trouble = sign_in(&ours).unwrap_err().to_string();
        assert!(trouble.contains(why), "{lie:?}: {trouble}");
    }
    other.lie(Lie::Nothing);
    sign_in(&ours).unwrap();
}

#[test]
fn a_state_is_good_once_for_the_browser_that_began() {
    let other = Other::start("mara@a.example").unwrap();
    let ours = ours(&other);
    let begin = || ours.begin(BACK, "/", now_ms()).unwrap();
    let (mine, theirs) = (begin(), begin());
    let callback = visit(&theirs);
    // Somebody has my browser come back with their sign-in.
    let forged = ours.finish(&callback, (&mine.state, BACK), now_ms());
    assert_eq!(forged, Err(Trouble::Stale));
    let none = ours.finish(&callback, ("", BACK), now_ms());
    assert_eq!(none, Err(Trouble::Stale));
    let finish = |now_ms| ours.finish(&callback, (&theirs.state, BACK), now_ms);
    assert!(finish(now_ms()).is_ok());
    assert_eq!(finish(now_ms()), Err(Trouble::Stale), "replayed");
    let late = begin();
    let callback = visit(&late);
    let much_later = now_ms() + 3_600_000;
    let late = ours.finish(&callback, (&late.state, BACK), much_later);
    assert_eq!(late, Err(Trouble::Stale));
}

#[test]
fn a_code_is_bound_to_who_began() {
    let other = Other::start("mara@a.example").unwrap();
    let ours = ours(&other);
    let (mine, theirs) = (
        ours.begin(BACK, "/", now_ms()).unwrap(),
        ours.begin(BACK, "/", now_ms()).unwrap(),
    );
    // A stolen code under another sign-in: the verifier does not fit.
    let mut callback = visit(&mine);
    callback.code = visit(&theirs).code;
    let injected = ours.finish(&callback, (&mine.state, BACK), now_ms());
    assert_eq!(injected, Err(Trouble::Refused("invalid_grant".to_owned())));
}

#[test]
fn changed_keys_are_found_and_unknown_ones_do_not_make_us_ask_in_a_loop() {
    let other = Other::start("mara@a.example").unwrap();
    let ours = ours(&other);
    sign_in(&ours).unwrap();
    other.rename_keys();
    let again = |later_ms: i64| {
        let now = now_ms();
        let start = ours.begin(BACK, "/", now).unwrap();
        let callback = visit(&start);
        ours.finish(&callback, (&start.state, BACK), now + later_ms)
    };
    let asked = || {
        other
            .requests()
            .iter()
            .filter(|r| *r == "GET /jwks")
            .count()
    };
    assert_eq!(again(0), Err(Trouble::Token(token::UNKNOWN_KEY)));
    assert_eq!(
        asked(),
        1,
        "keys fetched a moment ago are not fetched again"
    );
    assert!(again(120_000).is_ok());
    assert_eq!(asked(), 2);
}

#[test]
fn a_provider_that_is_no_good_is_told_so() {
    let other = Other::start("mara@a.example").unwrap();
    let config = OidcConfig::new(&format!("{}/", other.issuer()), "x", None).unwrap();
    let trouble = Provider::new(config).begin(BACK, "/", 0).err().unwrap();
    assert!(trouble.to_string().contains("it calls itself"), "{trouble}");
    let wrong = OidcConfig::new(&other.issuer(), CLIENT.0, Some("guess".to_owned())).unwrap();
    let trouble = sign_in(&Provider::new(wrong)).unwrap_err();
    assert_eq!(trouble, Trouble::Refused("invalid_client".to_owned()));
    for issuer in ["", "http://sso.example.org", "ftp://a", "https://a/?b"] {
        assert!(OidcConfig::new(issuer, "x", None).is_err(), "{issuer}");
    }
}
