"""What differs between hosts: where tokens and identity are kept, what the program is called, what it counts.

Everything else is in `engine.py` and is the same for plain Django (`models_host.py`) and for Alliance Auth. A host
is added by a subclass of `Host`; nothing here imports models, so it may be imported while apps load.
"""

import os
import platform
import secrets
import sys
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from headcount import _native

#: The types an operator chooses, and what the module calls them.
TYPES = {"GA-U": "ga-u", "GA-V4": "ga4", "HEADCOUNT": "headcount"}


@dataclass(frozen=True)
class Token:
    """A destination: one row of the operator's table."""

    id: int
    name: str
    type: str
    endpoint: str
    token: str
    secret: str
    send_stats: bool
    send_celery_tasks: bool
    send_page_views: bool
    ignore_paths: tuple[str, ...] = field(default=())

    def as_truth(self) -> dict[str, Any]:
        """As `Client.mirror` takes it."""
        return {
            "id": self.id,
            "name": self.name,
            "type": TYPES[self.type],
            "endpoint": self.endpoint,
            "token": self.token,
            "secret": self.secret,
            "feeds": {
                "stats": self.send_stats,
                "tasks": self.send_celery_tasks,
                "pages": self.send_page_views,
            },
            "ignore_paths": list(self.ignore_paths),
        }


def troubles(kind: str, endpoint: str, secret: str, patterns: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """What cannot work of a destination of a type of `TYPES`: each field, and why."""
    host = endpoint.partition("://")[2].split("/")[0]
    if endpoint and (not endpoint.startswith(("http://", "https://")) or not host or " " in endpoint):
        yield "endpoint", _("Give a URL that begins with https:// or http://.")
    if kind == "HEADCOUNT" and not endpoint:
        yield "endpoint", _("A Headcount collector needs its address.")
    if kind == "GA-V4" and not secret:
        yield "secret", _("Google Analytics 4 needs the API secret.")
    for pattern in patterns:
        trouble = _native.pattern_trouble(pattern)
        if trouble:
            yield "ignore_paths", f"{pattern}: {trouble}"


@dataclass(frozen=True)
class Identity:
    """Who the install is. Machines that share the database share it, so they count as one install."""

    identifier: uuid.UUID
    #: 64 hexadecimal digits that never leave the install.
    secret: str
    #: What Google types call the install, where that is not the identifier with its dashes.
    known_as: str | None = None

    @classmethod
    def random(cls) -> "Identity":
        return cls(uuid.uuid4(), secrets.token_hex(32))

    def as_truth(self) -> dict[str, str | None]:
        """As `Client.mirror` and `Client.forget` take it."""
        return {"install": str(self.identifier), "secret": self.secret, "known_as": self.known_as}


class Host:
    """The host that the module lives in. Subclass it; each function may ask the database unless it says otherwise."""

    def tokens(self) -> list[Token]:
        """The operator's table."""
        raise NotImplementedError

    def followed(self) -> list[Any]:
        """Models whose rows say all that `tokens`, `identity` and `is_off` do. Asks no database."""
        raise NotImplementedError

    def add_token(self, values: dict[str, str]) -> int:
        """Adds a destination with every feed on and answers its number; `ValidationError` says what cannot work."""
        raise NotImplementedError

    def identity(self) -> Identity | None:
        """Who the install is; made if there is none. None leaves that to the state folder."""
        raise NotImplementedError

    def new_identity(self) -> Identity:
        """The identity of an install that is to be forgotten from now on. Asks no database."""
        return Identity.random()

    def set_identity(self, identity: Identity) -> None:
        """Keeps a new identity, after `forget`."""
        raise NotImplementedError

    def is_off(self) -> bool:
        """Whether the operator stopped everything."""
        raise NotImplementedError

    def set_off(self, off: bool) -> None:
        """Keeps that choice."""
        raise NotImplementedError

    def app(self) -> tuple[str, str]:
        """Name and version of the program. Asks no database."""
        name = str(getattr(settings, "HEADCOUNT_APP", "") or "django")
        version = getattr(settings, "HEADCOUNT_APP_VERSION", None)
        if version is None:
            try:
                version = metadata.version(name)
            except metadata.PackageNotFoundError:
                version = django.get_version()
        return name, str(version)

    def runtime(self) -> dict[str, str]:
        """Other facts that are sent. Asks no database."""
        return {"python": platform.python_version(), "django": django.get_version()}

    def deployment(self) -> str:
        """How the program is run. Asks no database."""
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            return "kubernetes"
        if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
            return "docker"
        return "baremetal"

    def site_names(self) -> Iterable[str]:
        """Names that page titles carry and that would name the install; taken out of titles. Asks no database."""
        names = [getattr(settings, "SITE_NAME", "")]
        if apps.is_installed("django.contrib.admin"):
            from django.contrib.admin import site

            names += [site.site_title, site.site_header]
        return [str(name) for name in names if name]

    def daily_stats(self) -> dict[str, Any]:
        """The statistics of today, as `Client.record_stats` takes them."""
        return {
            "users": self.users(),
            "tokens": self.token_count(),
            "apps": self.apps(),
            "deployment": self.deployment(),
        }

    def users(self) -> int:
        """How many users there are."""
        from django.contrib.auth import get_user_model

        return get_user_model()._default_manager.count()

    def token_count(self) -> int | None:
        """How many rows the model named by HEADCOUNT_TOKENS_MODEL has; None where it names none."""
        label = getattr(settings, "HEADCOUNT_TOKENS_MODEL", None)
        try:
            return apps.get_model(label)._default_manager.count() if label else None
        except (LookupError, ValueError):
            # The system check says so; the other numbers are reported all the same.
            return None

    def apps(self) -> list[tuple[str, str | None]]:
        """Installed apps with the versions of their distributions.

        Apps of the project itself come with no distribution: their names could name the install, they are left out.
        """
        owners = metadata.packages_distributions()
        found: list[tuple[str, str | None]] = []
        for config in apps.get_app_configs():
            top = config.name.split(".")[0]
            if top in ("django", "headcount") or top not in owners:
                continue
            found.append((config.label, metadata.version(owners[top][0])))
        return sorted(found)

    def is_disabled(self) -> bool:
        """Whether the settings switch everything off for good: no file, no thread, no connection."""
        return bool(getattr(settings, "ANALYTICS_DISABLED", False))

    def is_debug(self) -> bool:
        """Whether anything is sent while DEBUG is on."""
        return bool(getattr(settings, "ANALYTICS_ENABLE_DEBUG", False))

    def google_endpoint(self) -> str | None:
        """What takes the place of Google's host."""
        return getattr(settings, "HEADCOUNT_ENDPOINT", None) or None

    def state(self) -> Path:
        """The folder of spool and ledger. Asks no database."""
        chosen = getattr(settings, "HEADCOUNT_STATE", None)
        if chosen:
            return Path(chosen)
        base = getattr(settings, "BASE_DIR", None)
        return Path(base or os.getcwd()) / ".headcount"

    def is_serving(self) -> bool:
        """Whether this process serves: commands such as migrate and makemigrations start nothing."""
        quiet = {"migrate", "makemigrations", "check", "collectstatic", "showmigrations", "sqlmigrate"}
        return not (len(sys.argv) > 1 and Path(sys.argv[0]).name == "manage.py" and sys.argv[1] in quiet)

    def is_testing(self) -> bool:
        """Whether this is a run of the project's own tests, which are nobody's use of it.

        Their tables are empty, but the state folder that would follow them is the real install's.
        """
        return sys.argv[1:2] == ["test"] or "pytest" in sys.modules

    def counts_pages(self) -> bool:
        """Whether the middleware counts page views at all."""
        return True

    def counts_tasks(self) -> bool:
        """Whether Celery's signals are counted at all."""
        return True

    def is_own_task(self, name: str) -> bool:
        """Whether a Celery task is part of the module itself and not to be counted."""
        return name.startswith("headcount.")

    def task_names(self, task: Any) -> tuple[str, str]:
        """Namespace and name of a Celery task."""
        module = task.__module__ or type(task).__module__
        return module.removesuffix(".tasks"), task.name.rsplit(".", 1)[-1]

    def beat_names(self) -> set[str]:
        """Names of Celery tasks that make the daily report; one of them in the beat schedule replaces the own timer."""
        return {"headcount.django.tasks.daily_stats"}

    def admin_url(self, token: int) -> str | None:
        """The admin page of a token."""
        from django.urls import NoReverseMatch, reverse

        try:
            return reverse("admin:analytics_analyticstokens_change", args=[token])
        except NoReverseMatch:
            return None
