//! `/api/v1/forget`: an install that proves who it is has itself erased, and gets a receipt.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use headcount_protocol::{InstallId, RefusalCode};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::{self, RETRY};
use super::{auth, body};
use crate::app::Collector;
use crate::config::Limits;
use crate::erase::BY_INSTALL;
use crate::store::Forget;

/// A name, a proof and the JSON around them.
const BODY_BYTES: usize = 4 * 1024;

/// What an install sends.
#[derive(Deserialize)]
struct Wish {
    install: String,
    /// 32 bytes in hexadecimal digits, of which the name is the hash.
    proof: String,
}

/// What it gets, and may show to its operator.
#[derive(Serialize)]
struct Receipt {
    receipt: String,
    erased_events: u64,
    erased_at: String,
}

/// The one who asks is who it says, or why not.
enum Asked {
    For(InstallId),
    Unreadable(&'static str),
    NotProven,
}

pub(super) async fn forget(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(project) = auth::ingest_key(&collector, &parts.headers) else {
        return answer::unknown_key("no project goes by this ingest key");
    };
    let network = collector.ingest.network(&parts);
    if let Err(wait) = collector.ingest.forgets.check(project, network) {
        collector.metrics.unavailable("rate_limited");
        let message = "too many requests to be forgotten from this network";
        return answer::later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message, wait);
    }
    let limits = Limits {
        body_bytes: BODY_BYTES,
        ..collector.config.limits.clone()
    };
    let received = match body::read(body, &parts.headers, &limits, &collector.ingest.bodies).await {
        Ok(received) => received,
        Err(error) => return answer::not_read(error, &collector.metrics),
    };
    let install = match asked(&received) {
        Asked::For(install) => install,
        Asked::Unreadable(message) => {
            let code = RefusalCode::Unreadable.as_str();
            return answer::failure(StatusCode::BAD_REQUEST, code, message);
        }
        Asked::NotProven => {
            let message = "the proof is not that of this install";
            return answer::failure(StatusCode::FORBIDDEN, "wrong_proof", message);
        }
    };
    drop(received);
    match collector
        .erase_install(project, install.as_str(), BY_INSTALL)
        .await
    {
        Ok(forget) => receipt(&forget),
        Err(error) => {
            tracing::error!(%error, "an install could not be forgotten");
            collector.metrics.unavailable("not_forgotten");
            let message = "this could not be written down";
            later(message)
        }
    }
}

fn asked(body: &[u8]) -> Asked {
    let Ok(wish) = serde_json::from_slice::<Wish>(body) else {
        return Asked::Unreadable("the body is not {\"install\": \"...\", \"proof\": \"...\"}");
    };
    let Some(install) = InstallId::parse(&wish.install) else {
        return Asked::Unreadable("install is no name of an install");
    };
    let mut proof = [0; 32];
    if !from_hex(&wish.proof, &mut proof) {
        return Asked::Unreadable("proof has not 64 hexadecimal digits");
    }
    if pseudonym(&proof) == install.as_str() {
        Asked::For(install)
    } else {
        Asked::NotProven
    }
}

/// The name that a proof opens, as docs/decisions/016-pseudonyms.md has it. The name is as public as
/// any answer here, so comparing needs no constant time.
fn pseudonym(proof: &[u8; 32]) -> String {
    let hash = blake3::hash(proof);
    let mut name = [0; 16];
    name.copy_from_slice(&hash.as_bytes()[..16]);
    let name = uuid::Builder::from_custom_bytes(name).into_uuid();
    name.hyphenated().to_string()
}

fn from_hex(text: &str, bytes: &mut [u8; 32]) -> bool {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let digits = text.as_bytes();
    if digits.len() != 2 * bytes.len() {
        return false;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            return false;
        };
        *byte = (high << 4 | low) as u8;
    }
    true
}

fn receipt(forget: &Forget) -> Response {
    let moment = forget.done_ms.map(Timestamp::from_millisecond);
    let Some(Ok(moment)) = moment else {
        return later("this install is being erased; ask again for the receipt");
    };
    let receipt = Receipt {
        receipt: forget.receipt.clone(),
        erased_events: forget.events,
        erased_at: moment.to_string(),
    };
    // Numbers and strings can always be written as JSON.
    let body = serde_json::to_vec(&receipt).unwrap_or_default();
    answer::json(StatusCode::OK, body)
}

fn later(message: &str) -> Response {
    answer::later(StatusCode::SERVICE_UNAVAILABLE, "not_yet", message, RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_opens_one_name() {
        let proof = "00".repeat(32);
        let name = pseudonym(&[0; 32]);
        assert_eq!(name, "2ada83c1-819a-8372-9ae1-238fc1ded123");
        let body = |install: &str, proof: &str| {
            serde_json::json!({ "install": install, "proof": proof }).to_string()
        };
        assert!(matches!(
            asked(body(&name, &proof).as_bytes()),
            Asked::For(_)
        ));
        for (install, proof) in [
            (name.as_str(), "01".repeat(32)),
            ("3f0e0000-0000-4000-8000-000000000000", proof.clone()),
            (&name.to_uppercase(), proof.clone()),
        ] {
            let asked = asked(body(install, &proof).as_bytes());
            assert!(matches!(asked, Asked::NotProven), "{install} {proof}");
        }
        let short = "0".repeat(63);
        let foreign = "\u{fc}".repeat(32);
        for body in [
            body(&name, &short),
            body(&name, &foreign),
            body("", &proof),
            "{}".to_owned(),
            String::new(),
        ] {
            assert!(
                matches!(asked(body.as_bytes()), Asked::Unreadable(_)),
                "{body}"
            );
        }
    }
}
