"""What the project counts as its tokens."""

from django.db import models


class Key(models.Model):
    """A key of a user."""

    name = models.CharField(max_length=20)
