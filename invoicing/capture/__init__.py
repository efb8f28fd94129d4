"""Capture: a file from a vendor → a CapturedInvoice and the rules it breaks.

`read(data)` reads, `check(captured)` names broken rules. Nothing is booked here.
"""

from lxml import etree

from core.xml import parse

from . import ubl
from .documents import CapturedInvoice
from .errors import NotAnInvoice, UnsafeXML

MOST_LINES = 10_000

__all__ = ["CapturedInvoice", "NotAnInvoice", "UnsafeXML", "read"]


def read(data: bytes) -> CapturedInvoice:
    """What an invoice file says, with every figure as written.

    Raises UnsafeXML where the bytes are no XML that may be read, NotAnInvoice where the document is
    something else. A document that breaks rules is read all the same: ask `rules.check`.
    """
    root = parse(data)
    if not ubl.is_invoice(root):
        name = etree.QName(root).localname
        raise NotAnInvoice(f"This is no invoice or credit note in UBL, but: {name[:60]}.")
    captured = ubl.read(root)
    if len(captured.lines) > MOST_LINES:
        raise NotAnInvoice(f"It has more than {MOST_LINES} lines.", "too-many-lines")
    return captured
