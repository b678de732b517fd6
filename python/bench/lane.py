"""One Alliance Auth in a process of its own, which `alliance_auth.py` asks line by line; each answer is one number.

`page N`: median seconds of N page views. `event N`: seconds of a call of `analytics_event`, over N. `queries`: SQL
queries of one page. `flush`: delivers what our module holds.
"""

import sys
from collections.abc import Callable

import django

django.setup()

from allianceauth.analytics.tasks import analytics_event
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import path
from figures import block, typical

BODY = (
    "<!doctype html><html><head><title>Dashboard - myauth</title></head><body>" + "<p>row</p>" * 1200 + "</body></html>"
)


def page(request: HttpRequest) -> HttpResponse:
    """12 kB, made in no time: what the middleware costs is not hidden behind what the page costs."""
    return HttpResponse(BODY)


def visitor() -> Callable[[], None]:
    """Opens the page once a call, through the site's middleware."""
    __import__(settings.ROOT_URLCONF, fromlist=["urlpatterns"]).urlpatterns.append(path("bench/", page))
    handler = WSGIHandler()
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
    make = RequestFactory().get("/bench/", HTTP_USER_AGENT=agent).environ

    def visit() -> None:
        response = handler(dict(make), lambda *_: None)
        assert len(response.content) > 12_000
        response.close()

    return visit


def call_old() -> None:
    """As apps call it up to 3.x."""
    analytics_event(category="memberaudit", action="update", label="Success", value=1, event_type="Celery")


def call_new() -> None:
    """As apps call it from 4.x on, with the type that the original does not drop."""
    analytics_event(namespace="memberaudit", task="update", label="", result="Success", value=1, event_type="Stats")


def main() -> None:
    visit = visitor()
    call = call_old if sys.argv[1].startswith("3.") else call_new
    for line in sys.stdin:
        word, *rest = line.split()
        answer: float = 0
        match word:
            case "page":
                answer = typical(visit, int(rest[0]))
            case "event":
                answer = block(call, int(rest[0]))
            case "queries":
                with CaptureQueriesContext(connection) as queries:
                    visit()
                answer = len(queries)
            case "flush":
                import headcount

                answer = headcount.default.flush()["waiting"]
        print(f"ANSWER {answer}", flush=True)


if __name__ == "__main__":
    main()
