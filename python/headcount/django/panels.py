"""What the admin shows below a token, and the operator's buttons. For our own admin and for Alliance Auth's."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

import headcount
from headcount.django import engine, words

#: Entries of the ledger that a page shows.
SHOWN_ENTRIES = 20
#: Characters of a body that a page shows; the command line shows all.
SHOWN_BODY = 20_000
#: Name of the tick that confirms "forget this install", and what is said without it.
CONFIRMED = "confirmed"
UNCONFIRMED = _("Nothing was forgotten: tick the box beside the button first, since this cannot be undone.")


class PanelsMixin:
    """For a ModelAdmin of tokens: adds delivery status, preview, ledger, and the buttons to its change page."""

    change_form_template = "admin/analytics/token_change_form.html"

    def get_urls(self) -> list[Any]:
        """The admin's own pages and the addresses of the buttons."""
        info = self.opts.app_label, self.opts.model_name  # type: ignore[attr-defined]
        name = "{}_{}_".format(*info)
        site = self.admin_site  # type: ignore[attr-defined]
        own = [
            path("<path:object_id>/" + act + "/", site.admin_view(view), name=name + act)
            for act, view in (("stop", self.stop), ("resume", self.resume), ("forget", self.forget))
        ]
        return own + super().get_urls()  # type: ignore[misc]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The change page with the panels below."""
        context = {**(extra_context or {}), "headcount": panels(object_id)}
        return super().change_view(request, object_id, form_url, context)  # type: ignore[misc]

    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stops everything."""

        def act(module: engine.Engine) -> str:
            module.stop()
            return words.told("stop", {}, module)

        return self._act(request, object_id, act)

    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Allows sending again."""

        def act(module: engine.Engine) -> str:
            module.resume()
            return words.told("resume", {}, module)

        return self._act(request, object_id, act)

    def forget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Has this install erased everywhere; without the tick that confirms it, nothing is done."""

        def act(module: engine.Engine) -> str:
            if CONFIRMED not in request.POST:
                raise ValidationError(UNCONFIRMED)
            return words.forgotten(module.forget())

        return self._act(request, object_id, act)

    def _act(self, request: HttpRequest, object_id: str, act: Callable[[engine.Engine], str]) -> HttpResponse:
        if request.method != "POST" or not self.has_change_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        module = engine.current()
        if module is not None:
            try:
                told = act(module)
                messages.success(request, told)
                self._note(request, object_id, told)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            except headcount.Error as error:
                messages.error(request, str(error))
        info = self.opts.app_label, self.opts.model_name  # type: ignore[attr-defined]
        return HttpResponseRedirect(reverse("admin:{}_{}_change".format(*info), args=[object_id]))

    def _note(self, request: HttpRequest, object_id: str, told: str) -> None:
        """Who stopped or forgot stands in the token's history."""
        token = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if token is not None:
            self.log_change(request, token, told)  # type: ignore[attr-defined]


def panels(object_id: str) -> dict[str, Any] | None:
    """What the template shows of a token; None where no engine runs."""
    module = engine.current()
    if module is None or not object_id.isdecimal():
        return None
    token = int(object_id)
    if module.disabled:
        return {"disabled": True, "doctor": [words.doctor(module.client.doctor())[0]]}
    try:
        module.follow()
        answer = module.doctor()
        previews = [one for one in module.client.preview() if one["token"] == token]
        ledger = module.client.ledger()
        status = module.client.status()
    except headcount.Error as error:
        return {"disabled": False, "doctor": [str(error)]}
    entries = [entry for entry in ledger["entries"] if entry["token"] == token]
    return {
        "disabled": False,
        "doctor": words.doctor(answer),
        "off": "off" in answer["switches"],
        "trouble": module.client.trouble(),
        "losses": words.losses(status),
        "status": next((one for one in status["destinations"] if one["token"] == token), None),
        "preview": shortened(previews[0]) if previews else None,
        "daily": json.dumps(module.host.daily_stats(), indent=2),
        "entries": [shortened(entry) for entry in reversed(entries[-SHOWN_ENTRIES:])],
        "entry_count": len(entries),
        "broken_at": ledger["broken_at"],
    }


def shortened(request: dict[str, Any]) -> dict[str, Any]:
    """A request with as much of its body as a page shows."""
    return request | {"body": request["body"][:SHOWN_BODY], "is_cut": len(request["body"]) > SHOWN_BODY}
