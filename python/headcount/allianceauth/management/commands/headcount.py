"""`manage.py headcount`, under the one app that Alliance Auth has."""

from headcount.django.management.commands.headcount import Command

__all__ = ["Command"]
