//! `GET /api/v1/projects/{project}/reports/{report}`: a report as JSON or CSV.

use axum::extract::{Path, RawQuery, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::desk::Desk;
use super::error::PageError;
use super::viewer::Asker;
use super::{Web, blocking};
use crate::reports::{self, Params, ReportError, Table, calendar};

/// Answers one report.
pub(super) async fn report(
    Asker { reader, place }: Asker,
    State(web): State<Web>,
    Path((_, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let desk = match place {
        Some(place) => Desk::of(web.collector(), &place),
        None => Desk::new(web.collector(), reader.project, &reader.slug),
    };
    let work = move || -> Result<_, PageError> {
        Ok(answer(&desk, &name, query.as_deref().unwrap_or_default()))
    };
    match blocking(work).await {
        Ok(Ok((table, csv))) if csv || wants_csv(&headers) => csv_answer(&table),
        Ok(Ok((table, _))) => json_answer(StatusCode::OK, &table.json()),
        Ok(Err(error)) => refusal(&error),
        Err(_) => refusal(&ReportError::Data("a thread ended early".to_owned())),
    }
}

fn answer(desk: &Desk, name: &str, query: &str) -> Result<(Table, bool), ReportError> {
    reports::check_name(name)?;
    let params = Params::parse(query, calendar::day_of_ms(desk.now_ms))?;
    let table = desk.ask(|source| reports::run(source, name, &params))?;
    Ok((table, params.csv))
}

/// Whether CSV is named before JSON or anything else.
fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut kinds = accept
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds.find(|kind| ["text/csv", "application/json", "*/*"].contains(kind)) == Some("text/csv")
}

pub(super) fn csv_answer(table: &Table) -> Response {
    let file = format!(
        "attachment; filename=\"{}-{}-{}-{}.csv\"",
        table.project,
        table.report,
        calendar::iso(table.from),
        calendar::iso(table.to)
    );
    // CSV has no place of its own for how many installs its figures are of.
    const BASE: HeaderName = HeaderName::from_static("headcount-base-installs");
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, file),
        (CACHE_CONTROL, "no-store".to_owned()),
        (BASE, table.base_installs.to_string()),
    ];
    (headers, table.csv()).into_response()
}

pub(super) fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.to_string()).into_response()
}

fn refusal(error: &ReportError) -> Response {
    let (status, code, parameter) = match error {
        ReportError::Unknown { .. } => (StatusCode::NOT_FOUND, "no_report", None),
        ReportError::Parameter { name, .. } => {
            (StatusCode::BAD_REQUEST, "bad_parameter", Some(name))
        }
        ReportError::NotForAuthors(_) => (StatusCode::FORBIDDEN, "not_for_authors", None),
        ReportError::Data(problem) => {
            tracing::error!(problem, "a report failed");
            let message = "something failed on our side; the server's log says what";
            let body = json!({"error": {"code": "internal", "message": message}});
            return json_answer(StatusCode::INTERNAL_SERVER_ERROR, &body);
        }
    };
    let mut body = json!({"error": {"code": code, "message": error.to_string()}});
    if let Some(name) = parameter {
        body["error"]["parameter"] = json!(name);
    }
    json_answer(status, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_for_those_who_name_it_first() {
        for (accept, csv) in [
            ("text/csv", true),
            ("text/csv; charset=utf-8, application/json", true),
            ("application/json, text/csv", false),
            ("*/*", false),
            ("text/html,*/*;q=0.8", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().expect("a header value"));
            assert_eq!(wants_csv(&headers), csv, "{accept}");
        }
    }
}
