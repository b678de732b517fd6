//! One post as it goes out: what it says, its signature, and the request itself.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use headcount_protocol::retry::parse_retry_after;
use jiff::Timestamp;
use ring::hmac;
use serde::Serialize;

use super::retry::Reply;
use crate::meta::findings::KeptFinding;
use crate::meta::webhooks::DuePost;

/// What a receiver reads.
#[derive(Serialize)]
struct Body<'a> {
    /// `finding`, or `test`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same in every repeat, and in the header `webhook-id`.
    id: &'a str,
    timestamp: String,
    project: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Finding {
        kind: &'static str,
        text: String,
        evidence: &'a str,
        found_at: String,
        url: String,
    },
    Test {
        text: &'static str,
    },
}

/// What a post says; `base` is the address of our pages, without a slash at its end.
pub(super) fn body(post: &DuePost, base: &str) -> String {
    let project = &post.project;
    let data = match &post.finding {
        Some(KeptFinding {
            finding, found_at, ..
        }) => Data::Finding {
            kind: finding.kind.word(),
            text: format!("{} {}", finding.strong, finding.text)
                .trim()
                .to_owned(),
            evidence: &finding.evidence,
            found_at: found_at.to_string(),
            url: format!("{base}/projects/{project}{}", finding.target),
        },
        None => Data::Test {
            text: "A test: the webhook works.",
        },
    };
    let body = Body {
        kind: match post.finding {
            Some(_) => "finding",
            None => "test",
        },
        id: &post.key,
        timestamp: Timestamp::from_millisecond(post.queued_ms)
            .unwrap_or_default()
            .to_string(),
        project,
        data,
    };
    // Texts, a moment and no map: there is nothing in it that could fail.
    serde_json::to_string(&body).unwrap_or_default()
}

/// The value of `webhook-signature` by the rules of Standard Webhooks: `v1,` and the base64 of
/// HMAC-SHA256 over id, seconds and body with dots between.
pub(super) fn signature(secret: &str, key: &str, seconds: i64, body: &str) -> String {
    let secret = secret.strip_prefix("whsec_").unwrap_or(secret);
    // Secrets are made by us in base64; another one signs with its letters.
    let bytes = BASE64_STANDARD.decode(secret);
    let bytes = bytes.unwrap_or_else(|_| secret.as_bytes().to_vec());
    let signed = format!("{key}.{seconds}.{body}");
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        signed.as_bytes(),
    );
    format!("v1,{}", BASE64_STANDARD.encode(tag.as_ref()))
}

/// Sends it and waits for the answer: what it means, and how the settings page says it.
pub(super) fn send(
    agent: &ureq::Agent,
    post: &DuePost,
    body: &str,
    now_ms: i64,
) -> (Reply, String) {
    let seconds = now_ms.div_euclid(1_000);
    let sent = agent
        .post(&post.url)
        .header("content-type", "application/json")
        .header("webhook-id", &post.key)
        .header("webhook-timestamp", seconds.to_string())
        .header(
            "webhook-signature",
            signature(&post.secret, &post.key, seconds, body),
        )
        .send(body);
    match sent {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let retry_after = answer.headers().get("retry-after");
            let retry_after = retry_after
                .and_then(|value| value.to_str().ok())
                .and_then(|value| parse_retry_after(value, now_ms));
            let moved = (300..400).contains(&status);
            let said = if moved {
                format!("{status}: it leads elsewhere, and redirects are not followed")
            } else {
                status.to_string()
            };
            let reply = Reply::Status {
                status,
                retry_after,
            };
            (reply, said)
        }
        Err(error) => (Reply::Nothing, format!("no answer: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::findings::{FindingKind, NewFinding};
    use crate::store::Day;

    fn post(finding: Option<KeptFinding>) -> DuePost {
        DuePost {
            id: 1,
            project: "one".to_owned(),
            url: "https://a.example/".to_owned(),
            secret: String::new(),
            key: "post_x".to_owned(),
            queued_ms: 1_800_000_000_000,
            tries: 0,
            body: None,
            finding,
        }
    }

    #[test]
    fn a_body_says_what_was_found_and_where_it_is_shown() {
        let found_at = Timestamp::from_second(1_799_999_000).unwrap();
        let finding = NewFinding {
            subject: "spread\n5.5.0".to_owned(),
            kind: FindingKind::Spread,
            strong: String::new(),
            text: "v5.5.0 spreads \"fast\"".to_owned(),
            evidence: "40% after 3 days".to_owned(),
            target: "/retention".to_owned(),
            since: String::new(),
            since_day: Day(0),
            strength: 1.0,
        };
        let kept = KeptFinding {
            id: 4,
            finding,
            first_at: found_at,
            found_at,
            seen_at: found_at,
            ended_at: None,
            muted: None,
        };
        assert_eq!(
            body(&post(Some(kept)), "https://stats.example"),
            r#"{"type":"finding","id":"post_x","timestamp":"2027-01-15T08:00:00Z","project":"one","data":{"kind":"spread","text":"v5.5.0 spreads \"fast\"","evidence":"40% after 3 days","found_at":"2027-01-15T07:43:20Z","url":"https://stats.example/projects/one/retention"}}"#
        );
        assert!(body(&post(None), "").contains(r#""type":"test""#));
    }

    /// The example of the Standard Webhooks specification.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let found = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(found, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
