"""Alliance Auth as a host: its own tables of tokens and identifier, with ours for what they lack."""

import os
from importlib import metadata
from typing import Any

import allianceauth
from django.apps import apps
from django.conf import settings
from packaging.requirements import Requirement

from headcount.allianceauth import beat
from headcount.allianceauth.models import InstallSettings
from headcount.allianceauth.tokens import all_tokens, followed_models, identifier, set_identifier
from headcount.django.host import Host, Identity, Token


class AllianceAuthHost(Host):
    """What the engine asks of Alliance Auth."""

    def tokens(self) -> list[Token]:
        return all_tokens()

    def followed(self) -> list[Any]:
        return followed_models()

    def identity(self) -> Identity:
        own = InstallSettings.load()
        found = identifier() or own.identifier
        # The spelling that the original sent: a collector must not take the install for another one.
        return Identity(found, own.secret, known_as=found.hex)

    def set_identity(self, identity: Identity) -> None:
        set_identifier(identity.identifier)
        InstallSettings.objects.filter(pk=InstallSettings.load().pk).update(secret=identity.secret)

    def is_off(self) -> bool:
        return InstallSettings.objects.filter(off=True).exists()

    def set_off(self, off: bool) -> None:
        InstallSettings.objects.filter(pk=InstallSettings.load().pk).update(off=off)

    def app(self) -> tuple[str, str]:
        return "allianceauth", str(allianceauth.__version__)

    def deployment(self) -> str:
        return "docker" if os.environ.get("AA_DOCKER_TAG") else "baremetal"

    def daily_stats(self) -> dict[str, Any]:
        ours = apps.is_installed("headcount.allianceauth")
        return {**super().daily_stats(), "addons": len(list(apps.get_app_configs())) - ours}

    def token_count(self) -> int:
        count: int = apps.get_model("esi", "Token").objects.count()
        return count

    def apps(self) -> list[tuple[str, str | None]]:
        """Community apps: neither Alliance Auth's own, nor what it is built on, nor the project itself."""
        owners = metadata.packages_distributions()
        built_on = {"allianceauth", "headcount", *_requirements()}
        project = str(settings.SETTINGS_MODULE).split(".")[0]
        found: list[tuple[str, str | None]] = []
        for config in apps.get_app_configs():
            top = config.name.split(".")[0]
            owner = owners.get(top, [None])[0]
            if top in ("allianceauth", "headcount", project) or (owner and _plain(owner) in built_on):
                continue
            found.append((config.label, metadata.version(owner) if owner else None))
        return sorted(found, key=lambda app: app[0])

    def is_own_task(self, name: str) -> bool:
        return name.startswith(("headcount.", "allianceauth.analytics."))

    def task_names(self, task: Any) -> tuple[str, str]:
        """As the original names them: the module without `.tasks`, and the function."""
        namespace, name = super().task_names(task)
        return namespace, getattr(task, "__name__", None) or name

    def beat_names(self) -> set[str]:
        return {beat.TASK}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _requirements() -> set[str]:
    """What Alliance Auth itself needs: apps of these come with every install."""
    texts = metadata.requires("allianceauth") or []
    needed = (Requirement(text) for text in texts)
    return {_plain(one.name) for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})}
