"""Measuring several sides in turns, and the table of what came out.

Each figure is a median of many short rounds. The sides take turns and change places, so that what else the machine
does falls on all of them alike; ratios are taken within a round.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any


def block(act: Callable[[], Any], times: int) -> float:
    """Seconds of one call, over a block of calls."""
    began = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - began) / times


def typical(act: Callable[[], Any], times: int) -> float:
    """Median seconds of single calls: on a busy machine most of them are not interrupted, a block of them is."""
    return statistics.median(block(act, 1) for _ in range(times))


def in_turns(sides: Sequence[Callable[[], float]], rounds: int) -> list[list[float]]:
    """What each side answers in each round; a side that begins one round ends the next."""
    answers: list[list[float]] = [[] for _ in sides]
    order = list(range(len(sides)))
    for _ in range(rounds):
        for side in order:
            answers[side].append(sides[side]())
        order.reverse()
    return answers


def ratios(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Round by round, the first side over the second."""
    return [one / other for one, other in zip(first, second, strict=True)]


def middle(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, and the bounds between which it lies with 95 %, whatever the values' distribution."""
    ordered = sorted(values)
    count = len(ordered)
    # Order statistics of a binomial with one half, by its normal approximation.
    reach = 0.98 * count**0.5
    low = max(0, int(count / 2 - reach))
    high = min(count - 1, int(count / 2 + reach))
    return statistics.median(ordered), ordered[low], ordered[high]


class Table:
    """Lines of results, and whether all bounds held."""

    def __init__(self, *columns: str) -> None:
        self.holds = True
        print(f"\n{'':<38}" + "".join(f"{column:>11}" for column in columns), flush=True)

    def line(self, name: str, figures: Sequence[str], bound: str, holds: bool | None) -> None:
        """One result: its figures by column, what is asked, and whether that holds; None where it cannot be told."""
        self.holds = self.holds and holds is not False
        cells = "".join(f"{figure:>11}" for figure in figures)
        verdict = {True: "holds", False: "FAILS", None: "unclear"}[holds]
        print(f"{name:<38}{cells}   {bound:<46} {verdict}", flush=True)


def at_least(bound: float, ratio: float, high: float) -> bool | None:
    """Whether a ratio holds its bound; not to be told where only the upper end of its bounds does."""
    return True if ratio >= bound else None if high >= bound else False
