"""Page views: what counts, what is sent of it, and what is left alone."""

import asyncio
from typing import Any

from conftest import Project, add_token
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext


def opened(client: Client, path: str, **headers: str) -> Any:
    return client.get(path, **headers)


def test_reports_show_exactly_the_pages_that_were_opened(module: Any, project: Project) -> None:
    add_token(project, ignore_paths="^/late/\n")
    client = Client(raise_request_exception=False)
    for path in ("/", "/", "/users/5/", "/users/6/", "/names/anna/", "/latin/", "/late/"):
        assert client.get(path).status_code == 200
    for path, status in (("/missing/", 404), ("/broken/", 500), ("/moved/", 302), ("/data/", 200)):
        assert client.get(path).status_code == status
    client.post("/")
    client.get("/", headers={"x-requested-with": "XMLHttpRequest"})
    assert module.client.flush()["waiting"] == 0
    assert project.pages() == {
        ("/", "Home"): 2,
        ("/users/<int:pk>/", "User"): 2,
        ("/names/<name>/", "Named"): 1,
        ("/latin/", "Café"): 1,
    }


def test_an_ignored_path_is_the_address_or_the_url_pattern_as_the_admin_says(module: Any, project: Project) -> None:
    user = get_user_model().objects.create_superuser("operator")
    token = add_token(project, ignore_paths="^/admin/\n^/names/anna/\n^/users/<int:pk>/")
    client = Client()
    client.force_login(user)
    page = client.get(f"/admin/analytics/analyticstokens/{token.pk}/change/").content.decode()
    assert "a page whose address or URL pattern matches is not sent" in page
    for path in ("/names/anna/", "/names/ben/", "/users/5/", "/soon/"):
        assert client.get(path).status_code == 200
    module.client.flush()
    assert project.pages() == {("/names/<name>/", "Named"): 1, ("/soon/", "Soon"): 1}


def test_languages_and_browsers_are_told_apart(module: Any, project: Project) -> None:
    add_token(project)
    client = Client()
    for language in ("en", "de", "de"):
        client.get("/", headers={"accept-language": language, "user-agent": "Mozilla/5.0 Firefox/132.0"})
    module.client.flush()
    assert {row["locale"]: row["views"] for row in project.report("locales")} == {"de": 2, "en": 1}
    assert [row["views"] for row in project.report("browsers")] == [3]


def test_async_pages_count_like_others(module: Any, project: Project) -> None:
    add_token(project)

    async def visit() -> list[bytes]:
        client = AsyncClient()
        answers = [await client.get(path) for path in ("/", "/soon/", "/soon/")]
        return [answer.content for answer in answers]

    bodies = asyncio.run(visit())
    assert b"<title>Soon</title>" in bodies[1]
    module.client.flush()
    assert project.pages() == {("/", "Home"): 1, ("/soon/", "Soon"): 2}


def test_streams_pass_untouched_and_count_without_a_title(module: Any, project: Project) -> None:
    add_token(project)
    response = Client().get("/stream/")
    assert response.streaming
    assert b"".join(response.streaming_content) == b"<title>Stream</title>rest"
    module.client.flush()
    assert project.pages() == {("/stream/", ""): 1}


def test_a_title_beyond_16_kilobytes_is_not_looked_for(module: Any, project: Project) -> None:
    add_token(project)
    Client().get("/late/")
    module.client.flush()
    assert project.pages() == {("/late/", ""): 1}


def test_no_query_is_added_to_a_page(module: Any) -> None:
    add_token(endpoint="http://127.0.0.1:9")
    client = Client()
    client.get("/")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(50):
            client.get("/users/1/")
    assert len(queries) == 0


def test_the_admin_names_no_person_and_no_site(module: Any, project: Project) -> None:
    user = get_user_model().objects.create_superuser("anna")
    add_token(project)
    client = Client()
    client.force_login(user)
    client.get(f"/admin/auth/user/{user.pk}/change/")
    client.get("/admin/auth/user/")
    module.client.flush()
    assert project.pages() == {
        ("/admin/auth/user/<path:object_id>/change/", ""): 1,
        ("/admin/auth/user/", "Select user to change"): 1,
    }


def test_an_async_stream_passes_untouched(module: Any, project: Project) -> None:
    add_token(project)

    async def visit() -> bytes:
        response: Any = await AsyncClient().get("/stream/")
        return b"".join([part async for part in response.streaming_content])

    assert asyncio.run(visit()) == b"<title>Stream</title>rest"
    module.client.flush()
    assert project.pages() == {("/stream/", ""): 1}
