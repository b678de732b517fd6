//! Somebody at the pages: signs in by a one-time link as a browser does, and sends their forms.

use std::net::SocketAddr;
use std::path::Path;

use super::{http, process};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A manager who is signed in; stays so over restarts of the server.
pub(crate) struct Visitor {
    cookie: String,
}

impl Visitor {
    pub(crate) fn sign_in(data: &Path, address: SocketAddr, project: &str) -> Self {
        let create = ["user", "create", "mara@a.example", "--role", "manager"];
        let made = process::json(data, &[&create[..], &["--project", project]].concat());
        let link = made["link"].as_str().unwrap();
        let path = &link[link.find("/login/").unwrap()..];
        let page = http::get(address, path, &[]);
        let form = format!("csrf={}", token(&page.text()));
        let headers = [FORM, ("Cookie", &cookie(&page))];
        let arrived = http::post(address, path, &headers, form.as_bytes());
        assert_eq!(arrived.status, 303, "{}", arrived.text());
        Self {
            cookie: cookie(&arrived),
        }
    }

    pub(crate) fn page(&self, address: SocketAddr, path: &str) -> String {
        let page = http::get(address, path, &[("Cookie", &self.cookie)]);
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        page.text()
    }

    /// Sends a form of a page, to an address of its own; its answer's body.
    pub(crate) fn send(
        &self,
        address: SocketAddr,
        (page, to): (&str, &str),
        fields: &str,
    ) -> String {
        let token = token(&self.page(address, page));
        let form = format!("csrf={token}&{fields}");
        let headers = [FORM, ("Cookie", &self.cookie)];
        let answer = http::post(address, to, &headers, form.as_bytes());
        assert!(answer.status < 400, "{to}: {}", answer.text());
        answer.text()
    }
}

fn token(page: &str) -> String {
    let (_, rest) = page.split_once(r#"name="csrf" value=""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// The cookies that an answer set, as a browser sends them back.
fn cookie(answer: &http::Response) -> String {
    let set = answer.headers.iter();
    let set = set.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let pairs: Vec<&str> = set
        .filter_map(|(_, value)| value.split(';').next())
        .filter(|pair| !pair.ends_with('='))
        .collect();
    pairs.join("; ")
}
