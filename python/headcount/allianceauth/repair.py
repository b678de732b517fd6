"""Repairs a page of Alliance Auth 5 that its own admin cannot show."""

from django.apps import apps
from django.utils.translation import gettext_lazy as _


def identifier_page() -> None:
    """`AnalyticsIdentifier.__str__` answers a lazy translation, which is no text: the page of the row is a 500."""
    model = apps.get_model("analytics", "AnalyticsIdentifier")
    if "__str__" in vars(model):
        model.__str__ = lambda self: str(_("Analytics Identifier"))
