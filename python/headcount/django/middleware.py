"""Counts page views, after the response is made: never changes it, never raises, asks no database."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, TypeAlias

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import get_language

from headcount import _native
from headcount.django import engine

Answer: TypeAlias = HttpResponseBase | Awaitable[HttpResponseBase]

#: Longer pages are looked at this far for their title.
TITLE_WITHIN = 16 * 1024


class AnalyticsMiddleware:
    """Records a page view for each HTML page that a visitor opened."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        if self.is_async:
            return self._later(request)
        response: Any = self.get_response(request)
        record(request, response)
        return response

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        answer: Any = self.get_response(request)
        response: HttpResponseBase = await answer
        record(request, response)
        return response


def record(request: HttpRequest, response: Any) -> None:
    """Records the page view, if this is one and somebody wants it."""
    try:
        module = engine.current()
        if module is None or not module.counts_pages or not module.client.wants("pages"):
            return
        if request.method != "GET" or response.status_code != 200:
            return
        headers = response.headers
        if not headers.get("Content-Type", "").startswith("text/html"):
            return
        asked = request.META
        if asked.get("HTTP_X_REQUESTED_WITH") == "XMLHttpRequest" or "HTTP_HX_REQUEST" in asked:
            return
        module.client.record_page(
            page_path(request),
            "" if names_a_thing(request) else title(response, module.site_names),
            getattr(request, "LANGUAGE_CODE", None) or get_language() or "",
            asked.get("HTTP_USER_AGENT", ""),
            request.path,
        )
    except Exception as error:
        engine.log.debug("page view: %s", error, exc_info=True)


def title(response: Any, sites: list[str]) -> str:
    """The page's title; empty for streams, which are not touched, and for bodies that are packed already."""
    if response.streaming or response.headers.get("Content-Encoding"):
        return ""
    content: bytes = response.content[:TITLE_WITHIN]
    charset = response.charset
    if charset and charset.lower() not in ("utf-8", "utf8"):
        content = content.decode(charset, "replace").encode()
    return _native.page_title(content, sites)


def names_a_thing(request: HttpRequest) -> bool:
    """Whether this is the admin's page of one object: its title is what the object is called, often a person."""
    match = request.resolver_match
    return match is not None and "admin" in match.app_names and bool(match.kwargs or match.args)


def page_path(request: HttpRequest) -> str:
    """The URL pattern that answered, so that ids and names in the path stay here; the path where none is known."""
    match = request.resolver_match
    return pattern(match.route) if match is not None and match.route else request.path


@lru_cache(maxsize=4096)
def pattern(route: str) -> str:
    """A route of `path()` or `re_path()` as `/users/<pk>/`."""
    return simplify_regex(route)
