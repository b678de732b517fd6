"""The tokens that Alliance Auth's own team ships, as the installed package names them."""

import re
from functools import cache
from importlib import resources

_TOKEN = re.compile(r"""token\.token = ['"]([^'"]+)['"]""")


@cache
def tokens() -> frozenset[str]:
    """Tracking and measurement ids that migrations of the installed Alliance Auth put into the table."""
    folder = resources.files("allianceauth.analytics") / "migrations"
    texts = (entry.read_text() for entry in folder.iterdir() if entry.name.endswith(".py"))
    return frozenset(found for text in texts for found in _TOKEN.findall(text))
