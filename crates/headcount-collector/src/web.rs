//! The pages: router, shared state and what every answer has in common. Computes no report.

pub mod csrf;
pub mod error;
pub mod shell;
pub mod viewer;

mod account;
mod api;
mod apps;
mod asked;
mod assets;
mod compress;
mod cookie;
mod desk;
mod device;
mod export;
mod factor;
mod feed;
mod findings;
mod forms;
mod headers;
mod known;
mod link;
mod live;
mod login;
#[cfg(feature = "oidc")]
mod oidc;
pub mod overview;
mod projects;
mod public;
mod retention;
mod settings;
mod share;
mod surroundings;
mod tasks;
#[cfg(test)]
mod tests;
mod throttle;
mod views;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::app::Collector;
use crate::meta::Meta;

use error::PageError;
use throttle::SignInThrottle;

/// Password hashes computed at once: each takes 19 MiB and a core for some hundredths of a second.
const HASHES_AT_ONCE: usize = 2;

/// Exports that run at once: each holds a thread and reads whole days.
const EXPORTS_AT_ONCE: usize = 4;

/// Sign-ins that wait for the provider at once: each holds a thread for up to some seconds.
#[cfg(feature = "oidc")]
const PROVIDER_CALLS_AT_ONCE: usize = 8;

/// What every page can use; cheap to clone. The axum state of the pages.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    collector: Arc<Collector>,
    /// Scheme and host that browsers see, where it is known.
    public_origin: Option<String>,
    sign_ins: SignInThrottle,
    hashes: Semaphore,
    exports: Arc<Semaphore>,
    #[cfg(feature = "oidc")]
    provider: Option<Arc<crate::oidc::Provider>>,
    #[cfg(feature = "oidc")]
    provider_calls: Semaphore,
}

/// All pages of a collector, with the answers for addresses that nobody else takes.
pub fn router(collector: Arc<Collector>) -> Router {
    with_layers(pages(), Web::new(collector))
}

type Page = (&'static str, fn() -> MethodRouter<Web>);

/// One line for each page. `tests/access.rs` says of each who gets in, and fails for one it lacks.
const PAGES: &[Page] = &[
    ("/", || get(projects::show)),
    ("/login", || get(login::show).post(login::sign_in)),
    ("/login/code", || get(factor::show).post(factor::sign_in)),
    ("/login/link/{token}", || {
        get(link::show).post(link::sign_in)
    }),
    #[cfg(feature = "oidc")]
    ("/login/oidc", || get(oidc::begin)),
    #[cfg(feature = "oidc")]
    ("/login/oidc/callback", || get(oidc::finish)),
    ("/logout", || post(login::sign_out)),
    ("/account", || get(account::show)),
    ("/account/email", || post(account::change_email)),
    ("/account/password", || post(account::change_password)),
    ("/account/sessions/{id}/end", || post(account::end_session)),
    ("/account/factor", || {
        get(factor::show_account).post(factor::switch_on)
    }),
    ("/account/factor/off", || post(factor::switch_off)),
    ("/projects/{project}", || get(overview::show)),
    ("/projects/{project}/tasks", || get(tasks::show)),
    ("/projects/{project}/retention", || get(retention::show)),
    ("/projects/{project}/findings.atom", || get(feed::show)),
    ("/projects/{project}/findings", || get(findings::show)),
    ("/projects/{project}/findings/{id}/mute", || {
        post(findings::mute)
    }),
    ("/projects/{project}/findings/{id}/unmute", || {
        post(findings::unmute)
    }),
    ("/projects/{project}/live", || get(live::show)),
    ("/projects/{project}/apps", || {
        get(apps::show).post(apps::ask)
    }),
    ("/projects/{project}/views", || {
        get(views::show).post(views::save)
    }),
    ("/projects/{project}/views/{id}/remove", || {
        get(views::ask_remove).post(views::remove)
    }),
    ("/projects/{project}/settings", || get(settings::keys::show)),
    ("/projects/{project}/settings/keys", || {
        post(settings::keys::make)
    }),
    ("/projects/{project}/settings/keys/{id}/revoke", || {
        get(settings::keys::ask_revoke).post(settings::keys::revoke)
    }),
    ("/projects/{project}/settings/keys/{id}/secret", || {
        get(settings::keys::ask_secret).post(settings::keys::replace_secret)
    }),
    ("/projects/{project}/settings/setup", || {
        get(settings::setup::show)
    }),
    ("/projects/{project}/settings/tokens", || {
        get(settings::tokens::show).post(settings::tokens::make)
    }),
    ("/projects/{project}/settings/tokens/{id}/revoke", || {
        get(settings::tokens::ask_revoke).post(settings::tokens::revoke)
    }),
    ("/projects/{project}/settings/members", || {
        get(settings::members::show).post(settings::members::invite)
    }),
    ("/projects/{project}/settings/members/{id}", || {
        get(settings::members::edit).post(settings::members::change)
    }),
    ("/projects/{project}/settings/members/{id}/link", || {
        post(settings::members::link)
    }),
    (
        "/projects/{project}/settings/members/{id}/sessions/end",
        || post(settings::members::end_sessions),
    ),
    (
        "/projects/{project}/settings/members/{id}/sessions/{session}/end",
        || post(settings::members::end_session),
    ),
    ("/projects/{project}/settings/members/{id}/remove", || {
        get(settings::members::ask_remove).post(settings::members::remove)
    }),
    ("/projects/{project}/settings/claims/{id}/grant", || {
        post(settings::claims::grant)
    }),
    ("/projects/{project}/settings/claims/{id}/refuse", || {
        post(settings::claims::refuse)
    }),
    ("/projects/{project}/settings/audit", || {
        get(settings::audit::show)
    }),
    ("/projects/{project}/settings/breaks", || {
        get(settings::breaks::show).post(settings::breaks::add)
    }),
    ("/projects/{project}/settings/breaks/{id}/remove", || {
        get(settings::breaks::ask_remove).post(settings::breaks::remove)
    }),
    ("/projects/{project}/settings/raw", || {
        get(settings::raw::show).post(settings::raw::change)
    }),
    ("/projects/{project}/settings/raw/{days}", || {
        get(settings::raw::ask).post(settings::raw::shorten)
    }),
    ("/projects/{project}/settings/webhook", || {
        get(settings::webhook::show).post(settings::webhook::set)
    }),
    ("/projects/{project}/settings/webhook/test", || {
        post(settings::webhook::test)
    }),
    ("/projects/{project}/settings/webhook/remove", || {
        get(settings::webhook::ask_remove).post(settings::webhook::remove)
    }),
    ("/projects/{project}/settings/project", || {
        get(settings::project::show).post(settings::project::rename)
    }),
    ("/projects/{project}/settings/close", || {
        get(settings::project::ask_close).post(settings::project::close)
    }),
    ("/api/v1/projects/{project}/reports/{report}", || {
        get(api::report)
    }),
    ("/projects/{project}/settings/shares", || {
        get(settings::shares::show).post(settings::shares::make)
    }),
    ("/projects/{project}/settings/shares/{id}/revoke", || {
        get(settings::shares::ask_revoke).post(settings::shares::revoke)
    }),
    ("/share/{secret}", || get(share::show).post(share::unlock)),
    ("/share/{secret}/{file}", || get(share::file)),
    ("/public/{project}", || get(public::show)),
    ("/public/{project}/{data}", || get(public::file)),
    ("/badge/{project}/{badge}", || get(public::badge)),
    ("/projects/{project}/settings/public", || {
        get(settings::public::show).post(settings::public::change)
    }),
    ("/projects/{project}/settings/public/off", || {
        get(settings::public::ask_off).post(settings::public::switch_off)
    }),
    ("/api/v1/projects/{project}/export", || get(export::export)),
    ("/static/{file}", || get(assets::file)),
];

fn pages() -> Router<Web> {
    let lines = PAGES.iter();
    lines.fold(Router::new(), |router, (path, page)| {
        router.route(path, page())
    })
}

fn with_layers(pages: Router<Web>, web: Web) -> Router {
    pages
        .fallback(nothing_there)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(survive_panics))
        .layer(middleware::from_fn(forms::read))
        .layer(middleware::from_fn_with_state(
            web.clone(),
            csrf::refuse_foreign,
        ))
        .layer(middleware::from_fn_with_state(
            web.clone(),
            surroundings::add,
        ))
        .layer(middleware::from_fn(compress::pages))
        .layer(middleware::from_fn(headers::add))
        .with_state(web)
}

impl Web {
    fn new(collector: Arc<Collector>) -> Self {
        let inner = Inner {
            #[cfg(feature = "oidc")]
            provider: collector
                .config
                .oidc
                .clone()
                .map(|config| Arc::new(crate::oidc::Provider::new(config))),
            #[cfg(feature = "oidc")]
            provider_calls: Semaphore::new(PROVIDER_CALLS_AT_ONCE),
            public_origin: collector.config.public_url.as_deref().map(origin_of),
            collector,
            sign_ins: SignInThrottle::new(),
            hashes: Semaphore::new(HASHES_AT_ONCE),
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The collector whose pages these are.
    pub(crate) fn collector(&self) -> &Arc<Collector> {
        &self.inner.collector
    }

    /// Whether browsers come over https; sign-in cookies are then marked `Secure`.
    pub(crate) fn https(&self) -> bool {
        let origin = self.public_origin();
        origin.is_some_and(|origin| origin.starts_with("https://"))
    }

    /// What the sign-in page calls the provider that may be signed in through.
    #[cfg(feature = "oidc")]
    fn provider_label(&self) -> Option<String> {
        let provider = self.inner.provider.as_ref();
        provider.map(|provider| provider.label().to_owned())
    }

    /// None: this program is built without signing in through a provider.
    #[cfg(not(feature = "oidc"))]
    fn provider_label(&self) -> Option<String> {
        None
    }

    /// Places for exports.
    fn exports(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.exports)
    }

    pub(crate) fn public_origin(&self) -> Option<&str> {
        self.inner.public_origin.as_deref()
    }

    /// Asks or changes the meta database away from the async threads.
    ///
    /// # Errors
    /// What `work` fails with, or `Internal` when it panicked.
    pub(crate) async fn meta<T, E>(
        &self,
        work: impl FnOnce(&Meta) -> Result<T, E> + Send + 'static,
    ) -> Result<T, PageError>
    where
        T: Send + 'static,
        E: Into<PageError> + Send + 'static,
    {
        let web = self.clone();
        blocking(move || work(&web.collector().meta)).await
    }

    /// Runs a password hash, a bounded number at once.
    ///
    /// # Errors
    /// `Internal` when it panicked.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PageError> {
        let place = self.inner.hashes.acquire().await;
        let done = blocking(move || Ok::<_, PageError>(work())).await;
        drop(place);
        done
    }
}

/// The one place where pages read the clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Runs `work` where it may block.
///
/// # Errors
/// What `work` fails with, or `Internal` when it panicked.
pub(crate) async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, PageError>
where
    T: Send + 'static,
    E: Into<PageError> + Send + 'static,
{
    let done = off_the_runtime(Box::new(move || Box::new(work()))).await?;
    #[expect(clippy::expect_used, reason = "the closure above returns nothing else")]
    let done = done.downcast::<Result<T, E>>().expect("what work returned");
    done.map_err(Into::into)
}

/// Work whose type is forgotten.
type Work = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// Of one type, so that the runtime's part in it is compiled once and not for each of a hundred pages.
async fn off_the_runtime(work: Work) -> Result<Box<dyn Any + Send>, PageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| PageError::internal(&error))
}

fn origin_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{host}").to_lowercase()
}

/// A page that panics answers like one that fails, and its connection lives on.
async fn survive_panics(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => PageError::internal(&error).into_response(),
    }
}

async fn nothing_there() -> PageError {
    PageError::NotFound
}

async fn wrong_method(method: Method, uri: Uri) -> PageError {
    PageError::WrongMethod(format!("{} does not take {method}", uri.path()))
}
