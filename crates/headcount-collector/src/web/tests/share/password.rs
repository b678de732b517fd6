//! Passwords of share links: each opens its own, and guessing is slowed down.

use super::{fleet, link};
use crate::meta::shares;
use crate::store::ProjectNumber;
use crate::web::tests::site::PASSWORD;

#[tokio::test]
async fn a_password_opens_its_link_and_no_other() {
    let site = fleet(false).await;
    let locked = |password: &str| {
        let hash = shares::hash_password(password).unwrap();
        link(&site, ProjectNumber(1), |new| {
            new.password_hash = Some(hash);
        })
    };
    let (one, two) = (locked(PASSWORD), locked("another long password"));
    let at = |secret: &str| format!("/share/{secret}");
    let asked = site.get(&at(&one), "").await;
    assert!(asked.body.contains("Password") && !asked.body.contains("One"));
    let file = site.get(&format!("{}/apps.csv", at(&one)), "").await;
    assert_eq!(
        (file.status, file.header("location")),
        (303, Some(at(&one).as_str()))
    );
    assert!(file.body.is_empty());
    let bare = site
        .post(&at(&one), "", &format!("password={PASSWORD}"))
        .await;
    assert_eq!(bare.status, 403, "a form of another site");
    let wrong = site.post_open(&at(&one), "", "password=wrong").await;
    assert_eq!((wrong.status, wrong.cookies().len()), (401, 0));
    let form = format!("password={}", PASSWORD.replace(' ', "+"));
    let right = site
        .post_open(&format!("{}?show=apps", at(&one)), "", &form)
        .await;
    assert_eq!(
        (right.status, right.header("location")),
        (303, Some(format!("{}?show=apps", at(&one)).as_str()))
    );
    let cookie = right.cookie();
    assert!(!cookie.contains(&one));
    assert_eq!(
        site.get(&format!("{}/apps.csv", at(&one)), &cookie)
            .await
            .status,
        200
    );
    assert!(site.get(&at(&two), &cookie).await.body.contains("Password"));
    // A cookie of one link in place of the other's opens nothing; both together do.
    let both = site
        .post_open(&at(&two), &cookie, "password=another+long+password")
        .await
        .cookie();
    for secret in [&one, &two] {
        let page = site.get(&at(secret), &both).await.body;
        assert!(page.contains("<h1>One</h1>"), "{page}");
    }
    let guessed = format!("Cookie: headcount-share={}", "0".repeat(64));
    assert!(
        site.get(&at(&one), &guessed)
            .await
            .body
            .contains("Password")
    );
}

#[tokio::test]
async fn guessing_at_a_password_is_slowed_down() {
    let site = fleet(false).await;
    let locked = || {
        let hash = shares::hash_password(PASSWORD).unwrap();
        link(&site, ProjectNumber(1), |new| {
            new.password_hash = Some(hash);
        })
    };
    let (one, two) = (
        format!("/share/{}", locked()),
        format!("/share/{}", locked()),
    );
    for _ in 0..10 {
        let tried = site.post_open(&one, "", "password=wrong").await;
        assert_eq!(tried.status, 401);
    }
    let form = format!("password={}", PASSWORD.replace(' ', "+"));
    let late = site.post_open(&one, "", &form).await;
    assert_eq!((late.status, late.cookies().len()), (429, 0));
    assert!(late.header("retry-after").is_some());
    assert_eq!(late.header("x-robots-tag"), Some("noindex, nofollow"));
    assert_eq!(site.post_open(&two, "", &form).await.status, 303);
}
