"""What the module says to an operator, in words."""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from headcount.django.engine import Engine

#: What a list of ignored paths may hold; the rule is that of decision 028.
IGNORED_PATHS = _("One regular expression a line; a page whose address or URL pattern matches is not sent.")

#: Why the module gave events up, by the names that `status` has.
REASONS = {
    "queue_full": "recorded faster than the disk takes them",
    "too_large": "larger than a request may be",
    "invalid": "nobody could count them",
    "ignored": "pages of ignored paths",
    "storage": "the disk took or gave nothing",
    "spool_events": "too many waited, the oldest went",
    "spool_bytes": "too much waited, the oldest went",
    "too_old": "waited for 14 days",
    "refused": "refused for good by a collector",
    "rejected": "a collector took the others of their request",
    "switched_off": "switched off while they waited",
}


def told(name: str, answer: Any, module: "Engine") -> str:
    """The answer to a command of `manage.py headcount`."""
    match name:
        case "doctor":
            return "\n".join(doctor(answer))
        case "preview":
            return requests(answer["requests"]) or "nothing would be sent now"
        case "status":
            return "\n".join(status(answer))
        case "ledger":
            return ledger(answer)
        case "flush":
            why = f" ({answer['why']})" if answer["why"] else ""
            return f"{answer['delivered']} events delivered in {answer['requests']} requests{why}"
        case "stop":
            return "off: nothing is recorded or sent, what waited is deleted"
        case "resume":
            return "on" if module.is_wanted() else "allowed again, but " + (module.client.doctor()["why"] or "off")
        case _:
            return forgotten(answer)


def doctor(answer: dict[str, Any]) -> list[str]:
    """What is on and what is wrong, a line each."""
    lines = [
        f"nothing is recorded or sent: {answer['why']}" if answer["why"] else f"sending: {', '.join(answer['feeds'])}"
    ]
    if len(answer["switches"]) > 1:
        lines.append(f"switches that are on, the first wins: {', '.join(answer['switches'])}")
    if answer["next_daily_at"]:
        lines.append(f"next daily report: {answer['next_daily_at']}")
    lines += [f"token {token} cannot work: {reason}" for token, reason in answer.get("refused", [])]
    return lines + answer["findings"]


def status(answer: dict[str, Any]) -> list[str]:
    """What waits, and how delivery to each destination stands, a line each."""
    lines = [f"{answer['waiting']} events wait, {answer['bytes']} bytes"]
    for one in answer["destinations"]:
        waiting = sum(one["waiting"].values())
        last = one["last_note"] or "no request yet"
        stopped = f"; stopped: {one['stopped']['reason']}" if one["stopped"] else ""
        lines.append(f"token {one['token']} ({one['name']}): {waiting} wait; last: {last}{stopped}")
    return lines + [f"lost: {line}" for line in losses(answer)]


def losses(status: dict[str, Any]) -> list[str]:
    """How many events were given up and why, a line each."""
    return [f"{events} ({reason}: {REASONS[reason]})" for reason, events in status["lost"].items()]


def requests(previews: list[dict[str, Any]]) -> str:
    """The next requests as they would leave."""
    return "\n\n".join(
        f"token {one['token']} ({one['name']}), {one['events']} events\n{one['head']}\n{one['body']}"
        for one in previews
    )


def ledger(answer: dict[str, Any]) -> str:
    """What left, oldest first."""
    parts = [
        f"{entry['at']} {entry['events']} events, {entry['note'] or 'no answer yet'}\n{entry['head']}\n{entry['body']}"
        for entry in answer["entries"]
    ]
    broken = answer["broken_at"]
    chain = "whole" if broken is None else f"broken at entry {broken}"
    return "\n\n".join([*parts, f"{len(parts)} requests in the last 24 hours, chain {chain}"])


def forgotten(answer: dict[str, Any]) -> str:
    """What became of a request to be forgotten."""
    if answer["waiting"]:
        troubles = "; ".join(answer["troubles"])
        return f"the install has a new identity; {answer['waiting']} collectors have not acknowledged yet ({troubles})"
    return f"{answer['asked']} collectors were asked and have erased this install; it has a new identity"
