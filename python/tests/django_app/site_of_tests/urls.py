"""Pages of every kind."""

from collections.abc import AsyncIterator, Iterator

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, re_path
from django.utils.translation import gettext as _


def html(title: str, rest: str = "") -> HttpResponse:
    return HttpResponse(f"<!doctype html><html><head><title>{title}</title></head><body>{rest}</body></html>")


def home(request: HttpRequest) -> HttpResponse:
    return html(_("Home") + " | myshop")


def user(request: HttpRequest, pk: int) -> HttpResponse:
    return html("User")


def named(request: HttpRequest, name: str) -> HttpResponse:
    return html("Named")


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("broken on purpose")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "<title>Stream</title>"
        yield "rest"

    async def later() -> AsyncIterator[str]:
        for part in parts():
            yield part

    return StreamingHttpResponse(parts() if not hasattr(request, "scope") else later())


def data(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"title": "<title>no</title>"})


def late(request: HttpRequest) -> HttpResponse:
    return HttpResponse(" " * 17_000 + "<title>Too late</title>")


def latin(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<title>Café</title>".encode("latin-1"), content_type="text/html; charset=latin-1")


async def soon(request: HttpRequest) -> HttpResponse:
    return html("Soon")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("", home),
    path("users/<int:pk>/", user),
    re_path(r"^names/(?P<name>[a-z]+)/$", named),
    path("broken/", broken),
    path("stream/", stream),
    path("data/", data),
    path("late/", late),
    path("latin/", latin),
    path("soon/", soon),
    path("moved/", lambda request: redirect("/")),
]
