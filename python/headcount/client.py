"""The client as Python programs see it: the compiled one, with its JSON answers as objects."""

import json
from typing import Any

from headcount import _native


class Client(_native.Client):
    """The module in one process.

    `open` it on a state folder that all processes of the install share; the `record_*` functions then return at
    once and never raise. The other functions manage the install and raise `headcount.Error`.
    """

    def tokens(self) -> list[dict[str, Any]]:
        """The destinations, without their secrets."""
        return self._list(self._tokens())

    def mirror(self, truth: dict[str, Any]) -> dict[str, Any]:
        """Makes the state folder say what a host's own tables say.

        `truth` has `tokens` (dicts with id, name, type, endpoint, token, secret, feeds, ignore_paths), and may have
        `identity` (install, secret), `off` and `google_endpoint`. Answers `changed` and `refused`: pairs of the
        number of a token that cannot work and the reason.
        """
        return self._dict(self._mirror(json.dumps(truth)))

    def doctor(self) -> dict[str, Any]:
        """Which switch is on, which one won, and what is wrong."""
        return self._dict(self._doctor())

    def status(self) -> dict[str, Any]:
        """What waits, how the last deliveries went, what was lost and why."""
        nothing = {"last_daily_day": None, "forgets_waiting": 0, "replaced_damaged_at_ms": None}
        empty: dict[str, Any] = {"waiting": 0, "bytes": 0, "destinations": [], "lost": {}, **nothing}
        return self.doctor()["status"] or empty

    def preview(self) -> list[dict[str, Any]]:
        """The next request to each destination, as it would leave now."""
        return self._list(self._preview())

    def ledger(self) -> dict[str, Any]:
        """What left in the last 24 hours, byte for byte: `entries`, and `broken_at` if someone changed them."""
        return self._dict(self._ledger())

    def flush(self) -> dict[str, Any]:
        """Delivers now. Answers `requests`, `delivered`, what is still `waiting` and the `troubles`."""
        return self._dict(self._flush())

    def forget(self) -> dict[str, Any]:
        """Takes a new identity and asks every native destination to erase the old one, until each has done it.

        Answers how many were `asked` now, how many have not acknowledged (`waiting`), and their `troubles`.
        """
        self.take_new_identity()
        return self.ask_to_forget()

    def take_new_identity(self, identity: dict[str, str | None] | None = None) -> int:
        """The first half of `forget`, without the network: notes whom to ask, takes the new identity (or this)."""
        return self._forget(None if identity is None else json.dumps(identity))

    def ask_to_forget(self) -> dict[str, Any]:
        """The second half: asks those who have not acknowledged. Delivery does it too, when its time comes."""
        return self._dict(self._ask_to_forget())

    @staticmethod
    def _dict(text: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(text)
        return answer

    @staticmethod
    def _list(text: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = json.loads(text)
        return answer
