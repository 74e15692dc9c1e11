"""The units of a file of pairs with their flags, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.checks.pairs import CheckedPair, check_pair
from pipeline.records import SEVERITIES, Flag, Severity
from pipeline.sources.bitext import BadRow, Omitted, Place, Read

UNREADABLE = "unreadable"  # the check of a unit that cannot be read


@dataclass(slots=True)
class Totals:
    """What the units of a file came to."""

    pairs: int = 0  # checked
    flagged: int = 0  # of them
    flags: Counter[tuple[str, Severity]] = field(default_factory=Counter)  # by check and severity
    omitted: Counter[str] = field(default_factory=Counter)  # units that are no pair, by reason

    def counted(self, severity: Severity) -> int:
        """Return the number of flags of one severity; a unit that cannot be read is an error."""
        return sum(count for (_, one), count in self.flags.items() if one == severity)

    def __str__(self) -> str:
        """Return a sentence for a person."""
        said = ", ".join(_number(self.counted(one), one) for one in SEVERITIES)
        unreadable = self.flags[UNREADABLE, "error"]
        of_them = f" ({_number(unreadable, 'unit')} that cannot be read)" if unreadable else ""
        left = ", ".join(f"{count:,} ({reason})" for reason, count in self.omitted.most_common())
        return (
            f"{_number(self.pairs, 'pair')} checked, {self.flagged} flagged: {said}{of_them}"
            f"{f'; not checked: {left}' if left else ''}"
        )


@dataclass(frozen=True, slots=True)
class Result:
    """A unit with its flags, at least one."""

    place: Place
    pair: CheckedPair


def results(units: Iterable[Read], *, totals: Totals, advanced: Callable[[int], None]) -> Iterator[Result]:
    """Yield the units with flags, in order, and count all of them in `totals`."""
    for one in units:
        advanced(1)
        match one:
            case Omitted():
                totals.omitted[one.reason] += 1
                continue
            case BadRow():
                message = one.message.partition(f"{one.where}: ")[2]
                flag = Flag(check=UNREADABLE, field="", start=0, end=0, message=message, severity="error")
                result = Result(Place(one.where, one.line, ""), CheckedPair("", "", (flag,)))
            case unit:
                totals.pairs += 1
                result = Result(unit.place, check_pair(unit.source, unit.target))
                totals.flagged += bool(result.pair.flags)
        totals.flags.update((flag.check, flag.severity) for flag in result.pair.flags)
        if result.pair.flags:
            yield result


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
