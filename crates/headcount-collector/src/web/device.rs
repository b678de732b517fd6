//! What the list of sessions says about a browser: family and system, nothing finer.

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use headcount_protocol::user_agent::reduce;

/// Family and system of the browser that sent the request.
pub(super) fn of(headers: &HeaderMap) -> String {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let agent = reduce(agent.unwrap_or_default());
    let system = agent.os.map(|system| system.as_str());
    match (agent.family.as_str(), system) {
        ("", None) => "Unknown browser".to_owned(),
        ("", Some(system)) => system.to_owned(),
        (family, None) => family.to_owned(),
        (family, Some(system)) => format!("{family}, {system}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_browser_is_named_by_family_and_system() {
        let cases = [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
                "Firefox, Linux",
            ),
            ("curl/8.1", "curl"),
            ("", "Unknown browser"),
        ];
        for (agent, device) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, HeaderValue::from_static(agent));
            assert_eq!(of(&headers), device);
        }
    }
}
