"""Pages."""

import os

import headcount
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

PAGES = {
    "plain": b"<html><head><title>Probe page - myauth</title></head><body>hi</body></html>",
    "untitled": b"<html><head></head><body>hi</body></html>",
    "words": "<html><head><title>\n \u00dcberblick &amp; \u65e5\u672c - myauth\n</title></head></html>".encode(),
}


def page(request: HttpRequest, kind: str) -> HttpResponseBase:
    """One page of each kind that a middleware meets."""
    if kind == "json":
        return JsonResponse({"ok": True})
    if kind == "stream":
        return StreamingHttpResponse(iter([b"<html><head><title>Streamed</title></head></html>"]))
    if kind == "boom":
        raise RuntimeError("boom")
    return HttpResponse(PAGES[kind])


def event(request: HttpRequest) -> HttpResponse:
    """Records an event from inside a request."""
    from allianceauth.analytics.tasks import analytics_event

    analytics_event(namespace="probe", task="clicked", label="button", value=2, event_type="Stats")
    return HttpResponse("recorded")


def process(request: HttpRequest) -> JsonResponse:
    """Which process answers, and which feeds it takes for wanted."""
    told = [os.getpid(), [feed for feed in ("stats", "tasks", "pages") if headcount.default.wants(feed)]]
    return JsonResponse(told, safe=False)


def marked(request: HttpRequest, number: int) -> HttpResponse:
    """A page that records an event that is told from all others."""
    from allianceauth.analytics.tasks import analytics_event

    analytics_event(namespace="probe", task="marked", label=f"page {number}", result="success")
    return HttpResponse(PAGES["plain"])


urlpatterns = [
    path("probe/event/", event),
    path("probe/process/", process),
    path("probe/marked/<int:number>/", marked),
    path("probe/<slug:kind>/", page),
]
