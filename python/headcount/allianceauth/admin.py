"""Alliance Auth's own admin page of a token, with the switches and panels that it lacks."""

from functools import cache
from importlib import resources
from typing import Any

# First, whatever the order of INSTALLED_APPS: it registers the page that is replaced here.
import allianceauth.analytics.admin  # noqa: F401
from django.contrib import admin
from django.http import HttpRequest
from django.template import engines

from headcount.allianceauth.forms import TokenForm
from headcount.allianceauth.models import Note, TokenSettings
from headcount.allianceauth.tokens import FEEDS, aa_tokens, as_token, settings_of
from headcount.django.panels import PanelsMixin

#: How the page of headcount.django asks for its style.
STYLESHEET = '<link rel="stylesheet" href="{% static "headcount/admin.css" %}">'

#: What the page says about a feed that nobody switched off here.
REASONS = {
    Note.EXISTING: (
        "This Alliance Auth had no switches for page views and task events, and sets its token up with daily "
        "statistics off. Whether you chose that cannot be told, so what was off is still off. Tick what you want to "
        "send and save."
    ),
    Note.DOCUMENTED_PAGE: (
        "The team's Universal Analytics token, which the documentation points at, has daily statistics off, but this "
        "token, which came with an upgrade, has them on. Nothing is sent here until you save this page."
    ),
    Note.DELETED: (
        "The team's first token was deleted, and an upgrade of Alliance Auth put this one in its place, switched on. "
        "Whether you meant it to go cannot be told. Nothing is sent here until you save this page."
    ),
    Note.UNIVERSAL: (
        "Google shut Universal Analytics down in July 2023, and Alliance Auth stopped sending to this type in 4.0. "
        "Nothing is sent here until you save this page."
    ),
    Note.LOADED: "A fixture with daily statistics switched off was loaded, so everything is off for this token.",
}


@cache
def change_form() -> Any:
    """The page of headcount.django, whose templates Django does not look for: that app is not installed here."""
    django = resources.files("headcount.django")
    page = (django / "templates" / "admin" / "analytics" / "token_change_form.html").read_text()
    style = (django / "static" / "headcount" / "admin.css").read_text()
    # In the page itself: Alliance Auth's storage answers 500 for a file that no collectstatic has seen.
    return engines["django"].from_string(page.replace(STYLESHEET, f"<style>{style}</style>"))


class TokensAdmin(PanelsMixin, admin.ModelAdmin):
    """The documented page, `/admin/analytics/analyticstokens/1/change/`."""

    form = TokenForm
    search_fields = ["name"]
    list_display = ["name", "kind", "is_sending_stats", "is_sending_tasks", "is_sending_pages"]

    @property
    def change_form_template(self) -> Any:  # type: ignore[override]
        return change_form()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The switches, with what is to be said about them."""
        told = REASONS.get(Note(settings_of(obj).note), "") if obj is not None else ""
        return [
            (None, {"fields": ["name", "type", "endpoint", "token", "secret"]}),
            ("What is sent", {"fields": [*FEEDS, "ignore_paths"], "description": told}),
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: TokenForm, change: bool) -> None:
        """Saves Alliance Auth's row, then what it lacks."""
        super().save_model(request, obj, form, change)
        TokenSettings.objects.update_or_create(token_id=obj.pk, defaults=form.lacking())

    @admin.display(description="type")
    def kind(self, row: Any) -> str:
        """The type as chosen."""
        return as_token(row, settings_of(row)).type

    @admin.display(description="daily statistics", boolean=True)
    def is_sending_stats(self, row: Any) -> bool:
        """Whether daily statistics leave."""
        return as_token(row, settings_of(row)).send_stats

    @admin.display(description="task events", boolean=True)
    def is_sending_tasks(self, row: Any) -> bool:
        """Whether task events leave."""
        return as_token(row, settings_of(row)).send_celery_tasks

    @admin.display(description="page views", boolean=True)
    def is_sending_pages(self, row: Any) -> bool:
        """Whether page views leave."""
        return as_token(row, settings_of(row)).send_page_views


admin.site.unregister(aa_tokens())
admin.site.register(aa_tokens(), TokensAdmin)
