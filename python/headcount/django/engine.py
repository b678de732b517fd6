"""Joins the host with the module's client: settings follow the tables, the daily report is made, the operator asks.

One `Engine` a process. It starts no thread and writes no file until something is to be recorded.
"""

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property, wraps
from itertools import product
from typing import Any, ParamSpec

from django.conf import settings
from django.core.signals import request_started
from django.db import DatabaseError, InterfaceError, connections, router, transaction
from django.db.models.signals import post_delete, post_save

import headcount
from headcount.django.host import Host
from headcount.django.turns import ASK_EVERY, LOOK_EVERY, Turns

log = logging.getLogger("headcount")

#: The own timer looks this often whether the daily report is due.
DAILY_EVERY = 60.0

P = ParamSpec("P")


def quiet(act: Callable[P, None]) -> Callable[P, None]:
    """Logs what goes wrong instead of raising it into the host."""

    @wraps(act)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except Exception as error:
            log.debug("%s: %s", act.__name__, error, exc_info=True)

    return guarded


class Engine:
    """The module in one process of a Django host."""

    def __init__(self, host: Host, client: headcount.Client = headcount.default) -> None:
        self.host = host
        self.client = client
        in_debug = bool(settings.DEBUG) and not host.is_debug()
        self.disabled = host.is_disabled() or in_debug or host.is_testing()
        self.counts_pages = host.counts_pages()
        self.refused: list[tuple[int, str]] = []
        self._digest = b""
        #: When this process asks next, on the monotonic clock.
        self.look_at = 0.0
        self.turns = self._turns()
        #: When the own timer looks next, on the monotonic clock.
        self.daily_at = 0.0
        self._looker: threading.Thread | None = None
        self._looking = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Opens the client and listens to the host. Called once, when the apps are ready."""
        app, version = self.host.app()
        self.client.open(
            self.host.state(),
            app=app,
            app_version=version,
            deployment=self.host.deployment(),
            runtime=self.host.runtime(),
            disabled=self.disabled,
            delivery_seconds=getattr(settings, "HEADCOUNT_DELIVERY_SECONDS", None),
        )
        # The environment has a word too.
        self.disabled = self.client.is_shut()
        if self.disabled:
            return
        os.register_at_fork(after_in_child=self._after_fork)
        # Before the request, so that the first page of a fresh install counts.
        request_started.connect(self.tick)
        for signal, model in self._saves():
            signal.connect(self._saved, sender=model)
        if self.host.counts_tasks():
            from headcount.django import task_events

            task_events.connect(self)

    @cached_property
    def site_names(self) -> list[str]:
        """What is taken out of titles; asked for with the first page, when the project is loaded."""
        return list(self.host.site_names())

    def close(self, seconds: float = 1.9) -> None:
        """Listens to nothing any more and ends what runs in the background; delivers for this long."""
        self._closed = True
        request_started.disconnect(self.tick)
        for signal, model in self._saves():
            signal.disconnect(self._saved, sender=model)
        if self._looker is not None:
            self._looker.join()
        self.client.shutdown(seconds)

    def _turns(self) -> Turns:
        return Turns(self.host.state() / "looked")

    def _after_fork(self) -> None:
        self._looker = None
        self._looking = threading.Lock()
        self.turns = self._turns()
        self.look_at = 0.0

    def _saves(self) -> Iterator[tuple[Any, Any]]:
        return product((post_save, post_delete), self.host.followed())

    def _saved(self, **_: Any) -> None:
        """What is saved here counts here at once; the other processes look."""
        if self.host.is_serving():
            # After the commit, so that what they read is what is saved here.
            transaction.on_commit(self.look)

    def tick(self, **_: Any) -> None:
        """Called with each request and task: costs a comparison, unless a second has passed."""
        now = time.monotonic()
        if now < self.look_at:
            return
        self.look_at = now + LOOK_EVERY
        if self._closed or not self.host.is_serving():
            return
        if self._looker is not None and self._looker.is_alive():
            return
        if self.is_wanted():
            # From now on a thread looks, on its own database connection.
            self._looker = threading.Thread(target=self._look_on, name="headcount", daemon=True)
            self._looker.start()
        else:
            # While everything is off there is no thread: the host's own looks once a second.
            self.look()

    def is_wanted(self) -> bool:
        """Whether any destination wants anything."""
        return any(self.client.wants(feed) for feed in ("stats", "tasks", "pages"))

    @quiet
    def _look_on(self) -> None:
        """Looks while something is wanted. Should it end early, the next request or task begins it anew."""
        own_timer = not self.uses_beat()
        try:
            while self.is_wanted() and not self._closed:
                if self.turns.is_mine():
                    self._look_for_news()
                if own_timer and time.monotonic() >= self.daily_at:
                    self.daily_at = time.monotonic() + DAILY_EVERY
                    self.daily()
                self._let_go()
                time.sleep(ASK_EVERY)
        finally:
            connections.close_all()

    def _let_go(self) -> None:
        """Closes this thread's connections, unless they are for the next look: opening one costs as much as a look."""
        for connection in connections.all():
            # Without autocommit it would go on seeing what it saw first.
            if not self.turns.is_again() or not connection.autocommit or connection.errors_occurred:
                connection.close()

    @quiet
    def look(self) -> None:
        """Takes over what the tables say."""
        self._look(self.follow)

    @quiet
    def _look_for_news(self) -> None:
        """The same if their plain rows are others than last time, for a tenth of the cost."""
        self._look(self._follow_news)

    def _look(self, follow: Callable[[], Any]) -> None:
        if not self._looking.acquire(blocking=False):
            return
        try:
            follow()
        except (DatabaseError, InterfaceError):
            # Not migrated yet, or no database at the moment: what was last known counts.
            if not transaction.get_connection().in_atomic_block:
                transaction.get_connection().close_if_unusable_or_obsolete()
        finally:
            self._looking.release()

    def _follow_news(self) -> None:
        rows = self._rows()
        if self.turns.is_news(rows):
            self.follow()
            self.turns.note(rows)

    def _rows(self) -> str:
        """A digest of all that the state folder follows: it is asked for every second, so it goes past the models."""
        digest = hashlib.blake2b(repr(self.host.google_endpoint()).encode(), digest_size=16)
        for model in self.host.followed():
            connection = connections[router.db_for_read(model)]
            table = connection.ops.quote_name(model._meta.db_table)
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
                digest.update(repr(cursor.fetchall()).encode())
        return digest.hexdigest()

    def follow(self) -> dict[str, Any]:
        """Takes over what the tables say, whatever was known before; raises what goes wrong."""
        if self.disabled:
            return {"changed": False, "refused": []}
        truth = self.truth()
        digest = hashlib.blake2b(json.dumps(truth, sort_keys=True).encode()).digest()
        mirrored = self.client.mirror(truth)
        self.turns.forget()
        self.refused = [(token, reason) for token, reason in mirrored["refused"]]
        if digest != self._digest:
            self._digest = digest
            for token, reason in self.refused:
                log.warning("token %s of the analytics table cannot work: %s", token, reason)
        return mirrored

    def truth(self) -> dict[str, Any]:
        """The host's tables as the client takes them."""
        tokens = self.host.tokens()
        # Nobody is told anything: then the host need not make an identity either.
        is_wanted = any(token.send_stats or token.send_celery_tasks or token.send_page_views for token in tokens)
        identity = self.host.identity() if is_wanted else None
        return {
            "identity": identity.as_truth() if identity else None,
            "tokens": [token.as_truth() for token in tokens],
            "off": self.host.is_off(),
            "google_endpoint": self.host.google_endpoint(),
        }

    def doctor(self) -> dict[str, Any]:
        """The client's answer. What it was never told, because nothing is to be sent, is told here."""
        answer = self.client.doctor() | {"refused": self.refused}
        if answer["stopped_by"] == "off" and self.host.is_off():
            answer["why"] = "everything was stopped, here in the admin or by manage.py headcount stop"
        if answer["stopped_by"] == "no_token" and self.host.tokens():
            switches = [switch for switch in answer["switches"] if switch != "no_token"]
            why = "every feed of every token is off"
            answer |= {"stopped_by": "feeds_off", "why": why, "switches": switches}
        return answer

    def uses_beat(self) -> bool:
        """Whether Celery beat makes the daily report."""
        for name in ("CELERYBEAT_SCHEDULE", "CELERY_BEAT_SCHEDULE"):
            schedule = getattr(settings, name, None) or {}
            if any(entry.get("task") in self.host.beat_names() for entry in schedule.values()):
                return True
        return False

    @quiet
    def daily(self) -> None:
        """The own timer's turn: makes the daily report if it is due and no other process has made it."""
        self.record_daily(now=False)

    def record_daily(self, *, now: bool) -> bool:
        """Makes the daily report if it is due; with `now` from midnight UTC on, else from the install's minute on."""
        if self.disabled:
            return False
        self.follow()
        return self.client.record_daily(self.host.daily_stats, now=now)

    def stop(self) -> None:
        """The operator stops everything; what waits is deleted."""
        self.host.set_off(True)
        self.follow()

    def resume(self) -> None:
        """The operator allows sending again, wherever it was switched off."""
        self.host.set_off(False)
        if not self.disabled:
            self.client.on()
        self.follow()

    def forget(self) -> dict[str, Any]:
        """Asks every native destination to erase this install; from then on it is another one."""
        if self.disabled:
            raise headcount.Error("analytics is switched off for good, so nothing is sent, this request neither")
        self.follow()
        with transaction.atomic():
            new = self.host.new_identity()
            self.host.set_identity(new)
            self.client.take_new_identity(new.as_truth())
        # Outside the transaction: collectors may take their time.
        return self.client.ask_to_forget()


_engine: Engine | None = None


def start(host: Host) -> Engine:
    """Makes this process's engine for the host and starts it."""
    global _engine
    _engine = Engine(host)
    _engine.start()
    return _engine


def current() -> Engine | None:
    """This process's engine; None when no app of ours is installed."""
    return _engine
