//! The operator's pages as an axum router: what this install sends, where to, and every switch. Knows no accounts
//! of its own: the host says who is an administrator.

mod answer;
mod assets;
mod change;
mod door;
mod example;
mod figures;
mod forget;
mod form;
mod guard;
mod ledger;
mod list;
mod switch;
mod words;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::gate::Switch;
use crate::state::State;
use answer::PageError;
pub use door::Door;

/// Where the pages begin: the list of tokens.
pub const ADMIN_PATH: &str = "/admin/analytics/analyticstokens/";

/// What the host says about who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// An administrator, by the name that the pages greet.
    Administrator(String),
    /// Nobody yet: pages send them to this address to sign in, changes are refused.
    SignIn(String),
    /// Somebody who may not see this.
    Refused,
}

type Asked = Pin<Box<dyn Future<Output = Access> + Send>>;
type Check = Arc<dyn Fn(&Parts) -> Asked + Send + Sync>;

/// The operator's pages of one install, to be merged into a host's router.
///
/// Every request is refused until [`Admin::allow`] or [`Admin::door`] says who is an administrator.
#[derive(Clone)]
pub struct Admin {
    desk: Desk,
    door: Option<Door>,
}

/// What every page needs.
#[derive(Clone)]
struct Desk {
    state: State,
    check: Check,
    host: Option<Switch>,
    program: Option<String>,
    site: Option<String>,
    sign_out: Option<&'static str>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Admin")
            .field("state", &self.desk.state)
            .finish_non_exhaustive()
    }
}

impl Admin {
    /// Pages on a state folder, closed for everyone.
    #[must_use]
    pub fn new(state: State) -> Self {
        let desk = Desk {
            state,
            check: Arc::new(|_| Box::pin(async { Access::Refused })),
            host: None,
            program: None,
            site: None,
            sign_out: None,
        };
        Self { desk, door: None }
    }

    /// Asks the host, for every request, who sent it. What the future needs it takes out of the request's head
    /// (headers, extensions) before it is returned.
    #[must_use]
    pub fn allow<F, R>(mut self, check: F) -> Self
    where
        F: Fn(&Parts) -> R + Send + Sync + 'static,
        R: Future<Output = Access> + Send + 'static,
    {
        self.desk.check = Arc::new(move |parts| Box::pin(check(parts)));
        self
    }

    /// Lets in those who know a token that the program printed, for programs without accounts.
    #[must_use]
    pub fn door(mut self, door: Door) -> Self {
        let check = door.clone();
        self.door = Some(door);
        self.desk.sign_out = Some(door::SIGN_OUT_PATH);
        self.allow(move |parts| {
            let access = check.access(&parts.headers, parts.uri.path());
            async move { access }
        })
    }

    /// Says that the host's own setting switches analytics off, as `Config::disabled_by_host` does.
    #[must_use]
    pub fn disabled_by_host(mut self) -> Self {
        self.desk.host = Some(Switch::Host);
        self
    }

    /// The program's name as people know it; without one the pages use the name in the settings.
    #[must_use]
    pub fn program(mut self, name: &str) -> Self {
        self.desk.program = Some(name.to_owned());
        self
    }

    /// Where the link to the program itself leads.
    #[must_use]
    pub fn site(mut self, url: &str) -> Self {
        self.desk.site = Some(url.to_owned());
        self
    }

    /// The routes, all under [`ADMIN_PATH`] but for the sign-in page of a door.
    pub fn router(self) -> Router {
        let pages = Router::new()
            .route(ADMIN_PATH, get(list::show).post(list::save))
            .route(&below("add/"), get(change::blank).post(change::add))
            .route(&below("{id}/change/"), get(change::show).post(change::save))
            .route(
                &below("{id}/delete/"),
                get(change::ask).post(change::delete),
            )
            .route(&below("switch/"), post(switch::turn))
            .route(&below("forget/"), get(forget::ask).post(forget::forget))
            .route(&below("ledger/"), get(ledger::show))
            .route(&below("ledger/all.json"), get(ledger::all))
            .route(&below("ledger/{seq}/body"), get(ledger::body))
            .layer(from_fn_with_state(self.desk.clone(), guard::admit))
            .with_state(self.desk);
        let open = Router::new().route(&below("static/{file}"), get(assets::file));
        let open = match self.door {
            Some(door) => open.merge(door::routes(door)),
            None => open,
        };
        pages.merge(open).layer(from_fn(guard::headers))
    }
}

impl Desk {
    /// Does what touches files off the runtime's threads.
    async fn work<T, W>(&self, work: W) -> Result<T, PageError>
    where
        T: Send + 'static,
        W: FnOnce(&Self) -> Result<T, PageError> + Send + 'static,
    {
        let desk = self.clone();
        match tokio::task::spawn_blocking(move || work(&desk)).await {
            Ok(done) => done,
            Err(broken) => Err(PageError::Trouble(format!("the work broke off: {broken}"))),
        }
    }
}

/// An address of the pages.
fn below(rest: &str) -> String {
    format!("{ADMIN_PATH}{rest}")
}
