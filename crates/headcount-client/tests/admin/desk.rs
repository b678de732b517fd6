//! The pages of a fresh state folder, and a browser that keeps their cookie.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use headcount_client::{ADMIN_PATH, Access, Admin, Feeds, NewToken, State, TokenKind};
use tower::ServiceExt as _;

pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) state: State,
    pub(crate) router: Router,
    pub(crate) cookie: Option<String>,
}

pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) policy: String,
    pub(crate) body: Vec<u8>,
}

impl Shown {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn form_token(&self) -> String {
        let text = self.text();
        let rest = text.split_once("name=\"csrf\" value=\"").unwrap().1;
        rest.split_once('"').unwrap().0.to_owned()
    }
}

impl Desk {
    pub(crate) fn new(router: impl FnOnce(State) -> Router) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        let router = router(state.clone());
        Self {
            folder,
            state,
            router,
            cookie: None,
        }
    }

    pub(crate) fn open() -> Self {
        let mut desk = Self::new(|state| {
            let allow = |_: &_| async { Access::Administrator("ann".into()) };
            Admin::new(state).allow(allow).router()
        });
        desk.token("Team", Feeds::ALL);
        desk.state.make_install().unwrap();
        desk
    }

    pub(crate) fn token(&mut self, name: &str, feeds: Feeds) -> u32 {
        let new = NewToken {
            name: name.into(),
            kind: TokenKind::Headcount,
            endpoint: "http://127.0.0.1:9".into(),
            token: "hc_key".into(),
            secret: None,
            feeds,
        };
        self.state.change(|settings| settings.add(new)).unwrap()
    }

    pub(crate) async fn ask(&mut self, method: Method, path: &str, form: Option<String>) -> Shown {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        if form.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.body(Body::from(form.unwrap_or_default())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header = |name| {
            let value = response.headers().get(name);
            value.map_or_else(String::new, |value: &axum::http::HeaderValue| {
                value.to_str().unwrap().to_owned()
            })
        };
        let (location, policy) = (header(LOCATION), header(CONTENT_SECURITY_POLICY));
        if let Some(set) = response.headers().get(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned());
        }
        Shown {
            status: response.status(),
            location,
            policy,
            body: to_bytes(response.into_body(), usize::MAX)
                .await
                .unwrap()
                .to_vec(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Shown {
        self.ask(Method::GET, path, None).await
    }

    /// Loads the list for its form token, then sends a form.
    pub(crate) async fn send(&mut self, path: &str, fields: &str) -> Shown {
        let token = self.get(ADMIN_PATH).await.form_token();
        let form = format!("csrf={token}&{fields}");
        self.ask(Method::POST, path, Some(form)).await
    }

    pub(crate) fn at(&self, rest: &str) -> String {
        format!("{ADMIN_PATH}{rest}")
    }
}
