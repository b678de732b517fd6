"""The form of a token: Alliance Auth's row and ours as one."""

from typing import Any

from django import forms

from headcount.allianceauth.tokens import DEFAULT_IGNORED, FEEDS, aa_tokens, as_token, has_column, settings_of
from headcount.django import words
from headcount.django.host import troubles

TYPES = [
    ("GA-V4", "Google Analytics 4 (Measurement Protocol)"),
    ("HEADCOUNT", "Headcount collector"),
    ("GA-U", "Universal Analytics (Measurement Protocol v1)"),
]

#: The same for Alliance Auth 3, where each ignored path is a row of a table.
IGNORED_ROWS = "Each is a regular expression; a page whose address or URL pattern matches is not sent."


def _model_fields() -> list[str]:
    names = ["name", "type", "token", "secret", *FEEDS, "ignore_paths"]
    return [name for name in names if has_column(name)]


class TokenForm(forms.ModelForm):
    """One token; the feeds are on unless switched off."""

    type = forms.ChoiceField(choices=TYPES)
    endpoint = forms.CharField(
        max_length=254,
        required=False,
        help_text="Base URL of the collector. Empty means Google's own host, for the two Google types.",
    )
    secret = forms.CharField(
        max_length=254,
        required=False,
        label="API secret",
        help_text="Only for Google Analytics 4. Leave it empty to keep the one that is stored.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    send_stats = forms.BooleanField(
        required=False, initial=True, help_text="Daily: numbers of users and tokens, and the community apps installed."
    )
    send_celery_tasks = forms.BooleanField(
        required=False, initial=True, help_text="How background tasks end, without their arguments or messages."
    )
    send_page_views = forms.BooleanField(
        required=False, initial=True, help_text="Which pages are opened, without who opened them."
    )

    class Meta:
        model = aa_tokens()
        fields = _model_fields()
        help_texts = {"ignore_paths": IGNORED_ROWS}

    if not has_column("ignore_paths"):
        ignore_paths = forms.CharField(
            required=False,
            initial="\n".join(DEFAULT_IGNORED),
            widget=forms.Textarea(attrs={"rows": 4}),
            help_text=words.IGNORED_PATHS,
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._chosen: dict[str, Any] = {}
        self._kept_secret = ""
        if self.instance.pk is None:
            if has_column("ignore_paths"):
                paths = self.fields["ignore_paths"].queryset
                self.initial["ignore_paths"] = paths.filter(ignore_path__in=DEFAULT_IGNORED)
            return
        more = settings_of(self.instance)
        token = as_token(self.instance, more)
        self._kept_secret = token.secret
        self.initial.update({"type": token.type, "endpoint": token.endpoint, "secret": ""})
        self.initial.update({name: getattr(token, name) for name in FEEDS})
        if not has_column("ignore_paths"):
            self.initial["ignore_paths"] = more.ignore_paths

    def clean(self) -> dict[str, Any]:
        """Checks what cannot work, and splits the choices between Alliance Auth's table and ours."""
        data = super().clean() or self.cleaned_data
        data["secret"] = data.get("secret") or self._kept_secret
        endpoint = data.get("endpoint") or ""
        for name, trouble in troubles(data.get("type") or "", endpoint, data["secret"], self._patterns(data)):
            self.add_error(name, trouble)
        self._chosen = dict(data)
        if data.get("type") == "HEADCOUNT":
            # What Alliance Auth's own code would send nothing for, on any version, when this app is gone.
            data["type"] = "GA-U"
            data.update(dict.fromkeys(FEEDS, False))
        return data

    @staticmethod
    def _patterns(data: dict[str, Any]) -> list[str]:
        paths = data.get("ignore_paths") or ""
        if isinstance(paths, str):
            return [line.strip() for line in paths.splitlines() if line.strip()]
        return [path.ignore_path for path in paths]

    def lacking(self) -> dict[str, Any]:
        """What Alliance Auth's table has no place for. Saving the page is the administrator's word: nothing is held."""
        paths = self._chosen.get("ignore_paths")
        return {
            "is_headcount": self._chosen["type"] == "HEADCOUNT",
            "endpoint": self._chosen.get("endpoint", "").rstrip("/"),
            "secret": "" if has_column("secret") else self._chosen["secret"],
            **{name: self._chosen[name] for name in FEEDS},
            "ignore_paths": paths if isinstance(paths, str) else "",
            "is_held": False,
            "note": "",
        }
