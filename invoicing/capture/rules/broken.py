"""What a broken rule looks like, before and after it is weighed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from ..documents import CapturedInvoice

REFUSE = "refuse"
FLAG = "flag"


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule the document breaks, in a sentence for a clerk. `severity`: refuse or flag."""

    rule: str
    message: str
    location: str
    expected: Decimal | str | None = None
    actual: Decimal | str | None = None
    severity: str = REFUSE


Rule = Callable[[CapturedInvoice], Iterator[BrokenRule]]


def figure(value: Decimal | None) -> str:
    """A figure as written, or a word where there is none."""
    return "nothing" if value is None else format(value, "f")
