"""Answers for modules of `allianceauth.analytics` with ours, from the first import on. Replaces no file."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_OLD = "allianceauth.analytics."
_OURS = "headcount.allianceauth."
# Alliance Auth 4 and later have only the first; nobody asks for the others there.
_NAMES = {_OLD + name: _OURS + name for name in ("tasks", "middleware", "signals")}


class _Loader(importlib.abc.Loader):
    """Gives the module that stands in, under its old name."""

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._spec: importlib.machinery.ModuleSpec | None = None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._ours)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # It was run under its own name; the import machinery has just given it the old one's spec.
        module.__spec__ = self._spec


class Finder(importlib.abc.MetaPathFinder):
    """Finds our modules where Alliance Auth's own are asked for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        ours = _NAMES.get(fullname)
        if ours is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Loader(ours))


def put_in() -> None:
    """Puts the finder before the others, once. What was imported before keeps what it has."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


def came_first() -> list[str]:
    """Old names that something imported before the finder was there: those go on with the original."""
    loaded = ((old, sys.modules.get(old)) for old in _NAMES)
    return [old for old, module in loaded if module is not None and module is not sys.modules.get(_NAMES[old])]
