"""Whose turn it is to look at the tables, and what they said last. Asks no database.

Processes of one machine share the file `looked` in the state folder: its time says when one of them looked, its text
what the tables said. Whoever looked last goes on, on one connection; the others step in when it is late.
"""

import time
from contextlib import suppress
from pathlib import Path

#: The tables are looked at about this often, so that a switch counts everywhere within 2 seconds.
LOOK_EVERY = 1.0
#: Each process asks this often whether it is its turn.
ASK_EVERY = 0.5
#: After this long another process steps in.
PATIENCE = 1.25
#: What was said last is believed this long; then the state folder follows the tables whatever they say.
BELIEVED_FOR = 10.0


class Turns:
    """This process's part in it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        #: When this process looked, in nanoseconds; 0 when another one did since.
        self._touched = 0
        self._believe_until = 0.0

    def is_mine(self) -> bool:
        """Whether nobody looked lately; then this process is to."""
        try:
            looked = self._file.stat().st_mtime_ns
            if looked != self._touched:
                self._touched = 0
            patience = LOOK_EVERY - ASK_EVERY / 4 if self.is_again() else PATIENCE
            # A clock that was set back makes the time lie in the future: then it says nothing.
            if 0 <= time.time() - looked / 1e9 < patience:
                return False
        except OSError:
            pass
        with suppress(OSError):
            self._file.touch()
            self._touched = self._file.stat().st_mtime_ns
        return True

    def is_again(self) -> bool:
        """Whether the last turn was this process's too: it keeps its connection for the next."""
        return self._touched != 0

    def is_news(self, told: str) -> bool:
        """Whether the tables say something else than last time, or it has been believed for long enough."""
        if time.monotonic() < self._believe_until:
            with suppress(OSError):
                return self._file.read_text() != told
        return True

    def note(self, told: str) -> None:
        """The state folder says now what the tables say."""
        with suppress(OSError):
            self._file.write_text(told)
            self._touched = self._file.stat().st_mtime_ns
        self._believe_until = time.monotonic() + BELIEVED_FOR

    def forget(self) -> None:
        """The state folder was made to follow by somebody else: the next look believes nothing."""
        with suppress(OSError):
            if self._file.stat().st_size:
                self._file.write_text("")
