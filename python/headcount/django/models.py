"""The operator's tables: who the install is, and where what is sent."""

import secrets
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from headcount.django import words
from headcount.django.host import troubles


def new_secret() -> str:
    """64 hexadecimal digits."""
    return secrets.token_hex(32)


class AnalyticsIdentifier(models.Model):
    """Who this install is; there is one row."""

    identifier = models.UUIDField(default=uuid.uuid4, editable=False)
    secret = models.CharField(max_length=64, default=new_secret, editable=False)
    off = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("install identifier")
        verbose_name_plural = _("install identifier")

    def __str__(self) -> str:
        return str(self.identifier)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def get_solo(cls) -> "AnalyticsIdentifier":
        """The one row, made if there is none."""
        return cls.objects.get_or_create(pk=1)[0]


class AnalyticsTokens(models.Model):
    """A destination, and what is sent there."""

    class Type(models.TextChoices):
        """Protocols."""

        GA_U = "GA-U", _("Universal Analytics (Measurement Protocol v1)")
        GA_V4 = "GA-V4", _("Google Analytics 4 (Measurement Protocol)")
        HEADCOUNT = "HEADCOUNT", _("Headcount collector")

    name = models.CharField(_("name"), max_length=254)
    type = models.CharField(_("type"), max_length=16, choices=Type.choices, default=Type.HEADCOUNT)
    endpoint = models.CharField(
        _("endpoint"),
        max_length=254,
        blank=True,
        help_text=_("Base URL of the collector. Empty means Google's own host, for the two Google types."),
    )
    token = models.CharField(
        _("token"), max_length=254, help_text=_("Ingest key, measurement ID (G-...) or tracking ID (UA-...).")
    )
    secret = models.CharField(_("API secret"), max_length=254, blank=True, help_text=_("Only for Google Analytics 4."))
    send_stats = models.BooleanField(
        _("send daily statistics"), default=True, help_text=_("Numbers of users and tokens, and installed apps.")
    )
    send_celery_tasks = models.BooleanField(
        _("send task events"), default=True, help_text=_("How background tasks end, without their arguments.")
    )
    send_page_views = models.BooleanField(
        _("send page views"), default=True, help_text=_("Which pages are opened, without who opened them.")
    )
    ignore_paths = models.TextField(_("ignored paths"), blank=True, help_text=words.IGNORED_PATHS)

    class Meta:
        verbose_name = _("analytics token")
        verbose_name_plural = _("analytics tokens")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name

    def patterns(self) -> tuple[str, ...]:
        """The ignored paths."""
        return tuple(line.strip() for line in self.ignore_paths.splitlines() if line.strip())

    def clean(self) -> None:
        errors: dict[str, list[Any]] = {}
        for field, trouble in troubles(self.type, self.endpoint, self.secret, self.patterns()):
            errors.setdefault(field, []).append(trouble)
        if errors:
            raise ValidationError(errors)
