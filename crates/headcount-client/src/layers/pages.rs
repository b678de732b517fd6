//! Records each page that is opened: GET, answered 2xx with HTML. The answer passes through byte for byte, at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{
    ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName,
    USER_AGENT,
};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::client::{Client, Page};
use crate::settings::Feed;
use crate::title::scanner::Scanner;

type PathOf = Arc<dyn Fn(&Parts) -> Option<String> + Send + Sync>;

/// A layer that records page views: path, title, locale and user agent, cleaned as every event is.
///
/// The title comes from the first 16 kB of the answer as they pass; a compressed answer has none, so put this
/// layer inside the one that compresses. With feature `axum` the path is the route's pattern (`/users/:id`), if
/// the layer is added with `Router::layer`; else it is the path of the request, without its query.
#[derive(Clone)]
pub struct PageViews {
    client: Client,
    path_of: PathOf,
}

impl std::fmt::Debug for PageViews {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("PageViews(..)")
    }
}

impl PageViews {
    /// Records with this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            path_of: Arc::new(|parts| Some(pattern(parts))),
        }
    }

    /// Names the page of a request in another way; `None` leaves it out. Not asked while nobody wants page views.
    #[must_use]
    pub fn path_by<F>(mut self, path_of: F) -> Self
    where
        F: Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    {
        self.path_of = Arc::new(path_of);
        self
    }

    fn wants<B>(&self, request: &Request<B>) -> bool {
        self.client.wants(Feed::Pages) && request.method() == Method::GET
    }

    fn view(&self, parts: &Parts) -> Option<Box<View>> {
        let view = View {
            client: self.client.clone(),
            path: (self.path_of)(parts)?,
            opened: parts.uri.path().to_owned(),
            locale: language(&parts.headers, &ACCEPT_LANGUAGE),
            user_agent: text(&parts.headers, &USER_AGENT).to_owned(),
            scanner: Scanner::new(),
        };
        Some(Box::new(view))
    }
}

/// The route's pattern where it is known, else the path.
fn pattern(parts: &Parts) -> String {
    #[cfg(feature = "axum")]
    if let Some(matched) = parts.extensions.get::<axum::extract::MatchedPath>() {
        return plain(matched.as_str());
    }
    parts.uri.path().to_owned()
}

/// `/users/{id}/{*rest}` as the module writes placeholders: `/users/:id/:rest`.
#[cfg(feature = "axum")]
fn plain(pattern: &str) -> String {
    let segments = pattern.split('/').map(|segment| {
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        name.map_or_else(
            || segment.to_owned(),
            |name| format!(":{}", name.trim_start_matches('*')),
        )
    });
    segments.collect::<Vec<_>>().join("/")
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The first language of a list: `de-DE` of `de-DE,de;q=0.9`.
fn language(headers: &HeaderMap, name: &HeaderName) -> String {
    let list = text(headers, name);
    let first = list.split([',', ';']).next().unwrap_or_default().trim();
    if first == "*" {
        String::new()
    } else {
        first.to_owned()
    }
}

impl<S> Layer<S> for PageViews {
    type Service = PageViewsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PageViewsService {
            inner,
            views: self.clone(),
        }
    }
}

/// What the layer makes of a service.
#[derive(Clone, Debug)]
pub struct PageViewsService<S> {
    inner: S,
    views: PageViews,
}

impl<S, In, Out> Service<Request<In>> for PageViewsService<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
{
    type Response = Response<Watched<Out>>;
    type Error = S::Error;
    type Future = PagesFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        if !self.views.wants(&request) {
            let inner = self.inner.call(request);
            return PagesFuture { inner, view: None };
        }
        let (parts, body) = request.into_parts();
        let view = self.views.view(&parts);
        let inner = self.inner.call(Request::from_parts(parts, body));
        PagesFuture { inner, view }
    }
}

pin_project! {
    /// Waits for the answer.
    pub struct PagesFuture<F> {
        #[pin]
        inner: F,
        view: Option<Box<View>>,
    }
}

impl<F> std::fmt::Debug for PagesFuture<F> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("PagesFuture(..)")
    }
}

impl<F, Out, E> Future for PagesFuture<F>
where
    F: Future<Output = Result<Response<Out>, E>>,
{
    type Output = Result<Response<Watched<Out>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        if this.view.is_none() {
            return Poll::Ready(Ok(response.map(|inner| Watched { inner, view: None })));
        }
        let (parts, inner) = response.into_parts();
        let mut view = this.view.take().filter(|_| is_page(&parts));
        if let Some(view) = &mut view {
            let told = language(&parts.headers, &CONTENT_LANGUAGE);
            if !told.is_empty() {
                view.locale = told;
            }
        }
        let view = match view {
            Some(view) if is_packed(&parts.headers) => {
                view.record();
                None
            }
            view => view,
        };
        Poll::Ready(Ok(Response::from_parts(parts, Watched { inner, view })))
    }
}

fn is_page(parts: &http::response::Parts) -> bool {
    let kind = text(&parts.headers, &CONTENT_TYPE);
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_html = ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|html| kind.eq_ignore_ascii_case(html));
    parts.status.is_success() && is_html
}

fn is_packed(headers: &HeaderMap) -> bool {
    let coding = text(headers, &CONTENT_ENCODING);
    !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")
}

/// A page that is being answered.
struct View {
    client: Client,
    path: String,
    opened: String,
    locale: String,
    user_agent: String,
    scanner: Scanner,
}

impl View {
    fn record(self) {
        let title = self.scanner.title();
        // Off, or full and counted: neither concerns the visitor.
        let _ = self.client.record_page(&Page {
            path: &self.path,
            opened: &self.opened,
            title: &title,
            locale: &self.locale,
            user_agent: &self.user_agent,
        });
    }
}

pin_project! {
    /// The body of an answer, passed on as it is; the title is read on the way.
    pub struct Watched<B> {
        #[pin]
        inner: B,
        view: Option<Box<View>>,
    }

    impl<B> PinnedDrop for Watched<B> {
        fn drop(this: Pin<&mut Self>) {
            // A visitor who left early has opened the page all the same.
            if let Some(view) = this.project().view.take() {
                view.record();
            }
        }
    }
}

impl<B> std::fmt::Debug for Watched<B> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Watched(..)")
    }
}

impl<B> Body for Watched<B>
where
    B: Body,
    B::Data: AsRef<[u8]>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let polled = ready!(this.inner.poll_frame(cx));
        if let Some(view) = this.view {
            let over = match &polled {
                Some(Ok(frame)) => frame
                    .data_ref()
                    .is_some_and(|data| view.scanner.read(data.as_ref())),
                Some(Err(_)) | None => true,
            };
            if over && let Some(view) = this.view.take() {
                view.record();
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "axum")]
    #[test]
    fn patterns_become_placeholders() {
        for (pattern, path) in [
            ("/users/{id}/", "/users/:id/"),
            ("/files/{*rest}", "/files/:rest"),
            ("/", "/"),
            ("/a{b", "/a{b"),
        ] {
            assert_eq!(plain(pattern), path);
        }
    }

    #[test]
    fn the_first_language_is_taken() {
        for (list, first) in [
            ("de-DE,de;q=0.9", "de-DE"),
            ("en;q=1", "en"),
            ("*", ""),
            ("", ""),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, list.parse().unwrap());
            assert_eq!(language(&headers, &ACCEPT_LANGUAGE), first);
        }
    }
}
