"""Opt-out, anonymous install analytics.

A program opens one `Client` a process and records through it. Frameworks do that for it: see `headcount.django`.
"""

import atexit
import os

from headcount._native import VERSION as __version__
from headcount._native import Error
from headcount.client import Client

__all__ = ["Client", "Error", "__version__", "analytics_event", "default"]

#: The client of this process. Closed until a framework or the program opens it; then nothing else need be passed on.
default = Client()

#: Records an event of an add-on app; never raises. Keywords `namespace, task, label, result, value, event_type`, or
#: the older `category, action, label, value, event_type`.
analytics_event = default.analytics_event

os.register_at_fork(after_in_child=default.after_fork)
atexit.register(default.shutdown)
