"""The table of keys."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.CreateModel(
            "Key", [("id", models.AutoField(primary_key=True)), ("name", models.CharField(max_length=20))]
        )
    ]
