"""The admin pages of tokens and of the install's identifier."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest
from headcount.django.models import AnalyticsIdentifier, AnalyticsTokens
from headcount.django.panels import PanelsMixin


@admin.register(AnalyticsIdentifier)
class AnalyticsIdentifierAdmin(admin.ModelAdmin):
    """Shows who this install is; nothing of it can be edited, and none added or deleted."""

    readonly_fields = ["identifier"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AnalyticsTokens)
class AnalyticsTokensAdmin(PanelsMixin, admin.ModelAdmin):
    """Where what is sent, with preview, ledger and delivery status below."""

    list_display = ["name", "type", "endpoint", "send_stats", "send_celery_tasks", "send_page_views"]
    fieldsets = [
        (None, {"fields": ["name", "type", "endpoint", "token", "secret"]}),
        ("What is sent", {"fields": ["send_stats", "send_celery_tasks", "send_page_views", "ignore_paths"]}),
    ]

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "secret":
            # Shown as dots, and kept when the form comes back.
            kwargs["widget"] = forms.PasswordInput(render_value=True, attrs={"autocomplete": "off"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)
