//! What everybody may see of a project that publishes: its page, its data, its badges. Everything
//! comes from weeks that went through `privacy`.

mod badge;
mod data;
mod page;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Extract};
use axum::http::HeaderValue;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HeaderName,
};
use axum::response::Response;

use super::desk::Desk;
use super::error::PageError;
use super::{Web, blocking, headers};
use crate::app::Collector;
use crate::meta::MetaError;
use crate::meta::publications::Publishing;
use crate::privacy::Grid;
use crate::publication::{self, Point, Week};
use crate::reports::calendar;

/// Publications change once a week; a page may be a few minutes old.
const KEPT_BY_CACHES: &str = "public, max-age=600";
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// A project as everybody may see it.
struct Public {
    slug: String,
    name: String,
    publishing: Publishing,
    /// Oldest first.
    weeks: Vec<Week>,
    /// All weeks from the first to the last, with the gaps among them.
    line: Vec<Point>,
}

impl Public {
    /// Publishes what is due first. A project that publishes nothing is not found, like one that is
    /// not there.
    async fn open(web: &Web, slug: String) -> Result<Self, PageError> {
        let collector = Arc::clone(web.collector());
        blocking(move || Self::read(&collector, &slug)).await
    }

    fn read(collector: &Arc<Collector>, slug: &str) -> Result<Self, PageError> {
        let project = match collector.meta.project(slug) {
            Err(MetaError::Unknown { .. }) => return Err(PageError::NotFound),
            found => found?,
        };
        let number = project.number;
        let publishing = collector.meta.publishing(number)?;
        let publishing = publishing.ok_or(PageError::NotFound)?;
        let grid = Grid::new(publishing.k).ok_or(PageError::NotFound)?;
        let desk = Desk::new(collector, number, slug);
        let mut kept = collector.meta.published_weeks(number)?;
        if let Some(first) = desk.first_day() {
            let due = publication::due(first, calendar::day_of_ms(desk.now_ms), &kept);
            if !due.is_empty() {
                let fresh = desk.ask(|source| publication::publish(source, grid, first, &due))?;
                collector.meta.keep_weeks(number, &fresh)?;
                // Another reader may have been first: what is kept counts.
                kept = collector.meta.published_weeks(number)?;
            }
        }
        let weeks = publication::shown(&kept, publishing.k);
        Ok(Self {
            slug: project.slug,
            name: project.name,
            line: publication::line(&weeks, &collector.meta.breaks(number)?),
            weeks,
            publishing,
        })
    }

    fn latest(&self) -> Option<&Week> {
        self.weeks.last()
    }
}

/// `GET /public/{project}`.
pub(super) async fn show(
    Extract(web): Extract<Web>,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let public = Public::open(&web, slug).await?;
    let mut response = page::show(&public);
    let policy = headers::policy_framed_by(&public.publishing.embedders);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    set(&mut response, CACHE_CONTROL, KEPT_BY_CACHES);
    Ok(response)
}

/// `GET /public/{project}/{data}`: `installs.csv`, `versions.json` and so on.
pub(super) async fn file(
    Extract(web): Extract<Web>,
    Path((slug, file)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let public = Public::open(&web, slug).await?;
    let (kind, text) = data::file(&public, &file).ok_or(PageError::NotFound)?;
    let mut response = free(kind, text);
    let newest = public
        .latest()
        .map_or_else(String::new, |week| calendar::iso(week.last_day));
    let name = format!("attachment; filename=\"{}-{newest}-{file}\"", public.slug);
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// `GET /badge/{project}/{badge}`: `installs.svg`, `version.svg`, `app-NAME.svg`.
pub(super) async fn badge(
    Extract(web): Extract<Web>,
    Path((slug, file)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let public = Public::open(&web, slug).await?;
    let svg = badge::draw(&public, &file).ok_or(PageError::NotFound)?;
    Ok(free("image/svg+xml", svg))
}

/// An answer that pages of other sites may use.
fn free(kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    set(&mut response, CONTENT_TYPE, kind);
    set(&mut response, CACHE_CONTROL, KEPT_BY_CACHES);
    set(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(&mut response, RESOURCE_POLICY, "cross-origin");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}
