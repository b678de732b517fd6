"""The admin pages of tokens and of the install's identifier."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

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


class TokenForm(forms.ModelForm):
    """A token; its secret is never shown again, an empty field keeps it."""

    secret = forms.CharField(
        label=_("API secret"),
        required=False,
        max_length=254,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "vTextField"}),
        help_text=_("Only for Google Analytics 4. It is not shown again; an empty field keeps it."),
    )

    class Meta:
        model = AnalyticsTokens
        exclude: tuple[str, ...] = ()

    def clean_secret(self) -> str:
        return self.cleaned_data["secret"] or self.instance.secret


@admin.register(AnalyticsTokens)
class AnalyticsTokensAdmin(PanelsMixin, admin.ModelAdmin):
    """Where what is sent, with preview, ledger and delivery status below."""

    form = TokenForm
    list_display = ["name", "type", "endpoint", "send_stats", "send_celery_tasks", "send_page_views"]
    fieldsets = [
        (None, {"fields": ["name", "type", "endpoint", "token", "secret"]}),
        (_("What is sent"), {"fields": ["send_stats", "send_celery_tasks", "send_page_views", "ignore_paths"]}),
    ]
