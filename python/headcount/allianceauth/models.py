"""What Alliance Auth's table of tokens lacks. Its own tables are left as they are."""

import secrets
import uuid

from django.db import models


class Note(models.TextChoices):
    """Why a feed is off although nobody switched it off here; the token's page tells it in words."""

    NONE = "", ""
    EXISTING = "existing", "installed beside an Alliance Auth that has no such switches"
    DOCUMENTED_PAGE = "documented-page", "the token that the documentation points at is off"
    DELETED = "deleted", "an upgrade put the team's token back after it was deleted"
    UNIVERSAL = "universal", "Universal Analytics is gone"
    LOADED = "loaded", "loaded from a file that switches statistics off"


class TokenSettings(models.Model):
    """The rest of one of Alliance Auth's tokens."""

    # Without a constraint in the database Alliance Auth can delete its rows after this app is gone.
    token = models.OneToOneField(
        "analytics.AnalyticsTokens",
        on_delete=models.CASCADE,
        primary_key=True,
        db_constraint=False,
        related_name="headcount",
    )
    # Alliance Auth's own types are GA-U and GA-V4; its row of such a token says GA-U and has every switch off.
    is_headcount = models.BooleanField(default=False)
    endpoint = models.CharField(max_length=254, blank=True, default="")
    secret = models.CharField(max_length=254, blank=True, default="")
    send_stats = models.BooleanField(default=False)
    send_celery_tasks = models.BooleanField(default=False)
    send_page_views = models.BooleanField(default=False)
    ignore_paths = models.TextField(blank=True, default="")
    # Nothing is sent, whatever Alliance Auth's row says, until an administrator saves the token's page.
    is_held = models.BooleanField(default=False)
    note = models.CharField(max_length=32, blank=True, default="", choices=Note.choices)

    class Meta:
        verbose_name = "token settings"
        verbose_name_plural = "token settings"

    def __str__(self) -> str:
        return f"settings of token {self.pk}"


def new_secret() -> str:
    """64 hexadecimal digits."""
    return secrets.token_hex(32)


class InstallSettings(models.Model):
    """The rest of the install's identity, and the operator's big switch; there is one row."""

    # Stands in where Alliance Auth's own identifier is that of its fixture.
    identifier = models.UUIDField(default=uuid.uuid4, editable=False)
    secret = models.CharField(max_length=64, default=new_secret, editable=False)
    off = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = "install settings"
        verbose_name_plural = "install settings"

    def __str__(self) -> str:
        return "settings of this install"

    @classmethod
    def load(cls) -> "InstallSettings":
        """The one row, made if there is none."""
        return cls.objects.get_or_create(pk=1)[0]
