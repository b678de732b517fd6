"""Makes the table for what Alliance Auth's tokens lack."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import headcount.allianceauth.models

NOTES = [
    ("", ""),
    ("existing", "installed beside an Alliance Auth that has no such switches"),
    ("documented-page", "the token that the documentation points at is off"),
    ("deleted", "an upgrade put the team's token back after it was deleted"),
    ("universal", "Universal Analytics is gone"),
    ("loaded", "loaded from a file that switches statistics off"),
]


class Migration(migrations.Migration):
    """The first."""

    initial = True
    dependencies = [("analytics", "__first__")]
    operations = [
        migrations.CreateModel(
            name="TokenSettings",
            fields=[
                (
                    "token",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="headcount",
                        serialize=False,
                        to="analytics.analyticstokens",
                    ),
                ),
                ("is_headcount", models.BooleanField(default=False)),
                ("endpoint", models.CharField(blank=True, default="", max_length=254)),
                ("secret", models.CharField(blank=True, default="", max_length=254)),
                ("send_stats", models.BooleanField(default=False)),
                ("send_celery_tasks", models.BooleanField(default=False)),
                ("send_page_views", models.BooleanField(default=False)),
                ("ignore_paths", models.TextField(blank=True, default="")),
                ("is_held", models.BooleanField(default=False)),
                ("note", models.CharField(blank=True, choices=NOTES, default="", max_length=32)),
            ],
            options={"verbose_name": "token settings", "verbose_name_plural": "token settings"},
        ),
        migrations.CreateModel(
            name="InstallSettings",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("identifier", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "secret",
                    models.CharField(default=headcount.allianceauth.models.new_secret, editable=False, max_length=64),
                ),
                ("off", models.BooleanField(default=False, editable=False)),
            ],
            options={"verbose_name": "install settings", "verbose_name_plural": "install settings"},
        ),
    ]
