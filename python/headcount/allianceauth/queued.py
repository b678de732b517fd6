"""Reads messages that the original queued, one for each token, and records each event once."""

from dataclasses import dataclass
from typing import Any

from headcount.django import engine

#: What the original's tasks returned where Google took the hit.
TAKEN = 200

_NEW = ("measurement_id", "secret", "namespace", "task", "label", "result", "value")
_OLD = ("tracking_id", "client_id", "category", "action", "label", "value")
_PAGE = ("tracking_id", "client_id", "page", "title", "locale", "useragent")
_DAILY = {"send_install_stats", "send_extension_stats"}


@dataclass(frozen=True)
class Queued:
    """A message: for which of the original's tokens, for which feed, and the event."""

    token: str
    switch: str
    values: dict[str, Any]


def event(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Queued:
    """An event in the form of 4.0 and later, or in that of 3.x."""
    is_old = bool(kwargs.keys() & {"tracking_id", "category", "action"}) or (not kwargs and len(args) == len(_OLD))
    values = dict(zip(_OLD if is_old else _NEW, args)) | kwargs
    token = str(values.pop("tracking_id" if is_old else "measurement_id", ""))
    values.pop("client_id", None)
    values.pop("secret", None)
    own = values.get("category") == "allianceauth.analytics" and values.get("action") in _DAILY
    # 4.0 and later queued statistics only; in 3.x the message does not tell, but those of its own are known.
    is_stats = own or not is_old
    values["event_type"] = "Stats" if is_stats else "Celery"
    return Queued(token, "send_stats" if is_stats else "send_celery_tasks", values)


def page(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Queued:
    """A page view, as 3.x queued it."""
    values = dict(zip(_PAGE, args)) | kwargs
    return Queued(str(values.pop("tracking_id", "")), "send_page_views", values)


def take(message: Queued) -> int:
    """Records the event if the message is the one of its first token: the others carry the same event."""
    module = engine.current()
    if module is None or module.disabled:
        return TAKEN
    tokens = module.host.tokens()
    wanting = [token.token for token in tokens if getattr(token, message.switch)]
    if message.token not in wanting:
        engine.log.info("a queued event of a token that is gone or switched off is not sent")
        return TAKEN
    google = [token.token for token in tokens if token.type != "HEADCOUNT"]
    first = next(token for token in google if token in wanting)
    if message.token != first:
        return TAKEN
    module.follow()
    if message.switch == "send_page_views":
        values = message.values
        module.client.record_page(
            values.get("page", ""), values.get("title", ""), values.get("locale", ""), values.get("useragent", "")
        )
    else:
        module.client.analytics_event(**message.values)
    return TAKEN
