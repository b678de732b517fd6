//! Second factors and forms of nobody in particular, over HTTP.

use super::site::{Answer, PASSWORD, Site};
use crate::meta::audit::Actor;
use crate::meta::people::Role;
use crate::meta::totp;
use crate::web::now;

/// Signs in with the password; the cookies with which the code page is reached.
async fn first_step(site: &Site) -> (Answer, String) {
    let done = site.sign_in("mara@a.example", PASSWORD, "/account").await;
    let cookies = done.cookie();
    (done, cookies)
}

#[tokio::test]
async fn signing_in_asks_for_the_factor_and_a_code_counts_once() {
    let site = Site::start(None).await;
    let user = site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let (cookie, form_token) = site.session(&user);
    let page = site.get("/account/factor", &cookie).await;
    let secret = site.meta().secret_to_set_up(user.id).unwrap();
    assert!(
        page.body.contains(&totp::typed(&secret)) && page.body.contains("<path class=\"qr-fg\"")
    );
    let post = async |path: &str, code: &str| {
        let form = format!("csrf={form_token}&code={code}");
        site.post(path, &cookie, &form).await
    };
    assert_eq!(post("/account/factor", "123").await.status, 400);
    let used = totp::code_at(&secret, now());
    let on = post("/account/factor", &used).await;
    assert!(on.status == 200 && on.body.contains("recovery codes"));
    let at = on.body.find("<pre tabindex=\"0\">").unwrap() + 18;
    let recovery = on.body[at..at + 23].to_owned();

    let (step, cookies) = first_step(&site).await;
    assert_eq!(step.header("location"), Some("/login/code?next=%2Faccount"));
    assert_eq!(
        site.get("/account", &cookies).await.status,
        303,
        "half signed in is not in"
    );
    let replayed = site
        .post_open("/login/code", &cookies, &format!("code={used}"))
        .await;
    assert_eq!(replayed.status, 401);
    let form = format!("code={recovery}&next=%2Faccount");
    let done = site.post_open("/login/code", &cookies, &form).await;
    assert_eq!(done.header("location"), Some("/account"));
    let account = site.get("/account", &done.cookie()).await;
    assert!(account.body.contains("Recovery codes left: 9"));
    let over = site.get("/login/code", &cookies).await;
    assert_eq!(over.header("location"), Some("/login"));

    let (_, cookies) = first_step(&site).await;
    let again = site.post_open("/login/code", &cookies, &form).await;
    assert_eq!(again.status, 401, "a recovery code counts once");
    // A link stands for the password, not for the device.
    let link = site
        .meta()
        .issue_link(&user, &Actor::CommandLine, now())
        .unwrap();
    let by_link = site.post_open(&format!("/login/link/{link}"), "", "").await;
    assert!(
        by_link
            .header("location")
            .unwrap()
            .starts_with("/login/code")
    );
}

#[tokio::test]
async fn nobody_is_signed_in_by_a_form_from_elsewhere() {
    let site = Site::start(None).await;
    let user = site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let form = format!(
        "email=mara%40a.example&password={}",
        PASSWORD.replace(' ', "+")
    );
    let page = site.get("/login", "").await;
    let other = site.get("/login", "").await;
    let token = page.form_token();
    let link = site
        .meta()
        .issue_link(&user, &Actor::CommandLine, now())
        .unwrap();
    for path in ["/login".to_owned(), format!("/login/link/{link}")] {
        for (cookie, body) in [
            ("", form.clone()),
            ("", format!("csrf={token}&{form}")),
            (other.cookie().as_str(), format!("csrf={token}&{form}")),
            (page.cookie().as_str(), form.clone()),
        ] {
            let answer = site.post(&path, cookie, &body).await;
            assert_eq!(answer.status, 403, "{path} {cookie}");
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    let own = site
        .post("/login", &page.cookie(), &format!("csrf={token}&{form}"))
        .await;
    assert_eq!(own.status, 303);
}

#[tokio::test]
async fn a_stranger_who_guesses_does_not_keep_a_known_browser_out() {
    let site = Site::start(None).await;
    site.member("mara@a.example", Role::Viewer, Some(PASSWORD));
    let here = site.sign_in("mara@a.example", PASSWORD, "/").await;
    let device = here
        .cookies()
        .into_iter()
        .find(|pair| pair.starts_with("headcount-device="));
    for _ in 0..12 {
        site.sign_in("mara@a.example", "guess guess", "/").await;
    }
    assert_eq!(
        site.sign_in("mara@a.example", PASSWORD, "/").await.status,
        429
    );
    let form = format!(
        "email=mara%40a.example&password={}",
        PASSWORD.replace(' ', "+")
    );
    let known = format!("Cookie: {}", device.unwrap());
    assert_eq!(site.post_open("/login", &known, &form).await.status, 303);
    let forged = "Cookie: headcount-device=1.00";
    assert_eq!(site.post_open("/login", forged, &form).await.status, 429);
}
