"""The tables as first made."""

import uuid

from django.db import migrations, models

import headcount.django.models


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="AnalyticsIdentifier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("identifier", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("secret", models.CharField(default=headcount.django.models.new_secret, editable=False, max_length=64)),
                ("off", models.BooleanField(default=False, editable=False)),
            ],
            options={
                "verbose_name": "install identifier",
                "verbose_name_plural": "install identifier",
            },
        ),
        migrations.CreateModel(
            name="AnalyticsTokens",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=254, verbose_name="name")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("GA-U", "Universal Analytics (Measurement Protocol v1)"),
                            ("GA-V4", "Google Analytics 4 (Measurement Protocol)"),
                            ("HEADCOUNT", "Headcount collector"),
                        ],
                        default="HEADCOUNT",
                        max_length=16,
                        verbose_name="type",
                    ),
                ),
                (
                    "endpoint",
                    models.CharField(
                        blank=True,
                        help_text="Base URL of the collector. Empty means Google's own host, for the two Google types.",
                        max_length=254,
                        verbose_name="endpoint",
                    ),
                ),
                (
                    "token",
                    models.CharField(
                        help_text="Ingest key, measurement ID (G-...) or tracking ID (UA-...).",
                        max_length=254,
                        verbose_name="token",
                    ),
                ),
                (
                    "secret",
                    models.CharField(
                        blank=True, help_text="Only for Google Analytics 4.", max_length=254, verbose_name="API secret"
                    ),
                ),
                (
                    "send_stats",
                    models.BooleanField(
                        default=True,
                        help_text="Numbers of users and tokens, and installed apps.",
                        verbose_name="send daily statistics",
                    ),
                ),
                (
                    "send_celery_tasks",
                    models.BooleanField(
                        default=True,
                        help_text="How background tasks end, without their arguments.",
                        verbose_name="send task events",
                    ),
                ),
                (
                    "send_page_views",
                    models.BooleanField(
                        default=True,
                        help_text="Which pages are opened, without who opened them.",
                        verbose_name="send page views",
                    ),
                ),
                (
                    "ignore_paths",
                    models.TextField(
                        blank=True,
                        help_text=(
                            "One regular expression a line; a page whose address or URL pattern matches is not sent."
                        ),
                        verbose_name="ignored paths",
                    ),
                ),
            ],
            options={
                "verbose_name": "analytics token",
                "verbose_name_plural": "analytics tokens",
                "ordering": ["pk"],
            },
        ),
    ]
