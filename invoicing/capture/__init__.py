"""Capture: a file from a vendor → a CapturedInvoice and the rules it breaks.

`read(data)` reads, `check(captured)` names broken rules. Nothing is booked here.
"""

from lxml import etree

from core.xml import parse

from . import ubl
from .documents import CapturedInvoice
from .errors import NotAnInvoice, UnsafeXML

MOST_LINES = 10_000
# What people drop instead, by its first bytes.
_MARKS = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "an archive or office file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_CII = ("CrossIndustryInvoice", "CrossIndustryDocument")
_INSTEAD = "Ask the vendor for the invoice as a UBL file, or key it in."

__all__ = ["CapturedInvoice", "NotAnInvoice", "UnsafeXML", "read"]


def read(data: bytes) -> CapturedInvoice:
    """What an invoice file says, with every figure as written.

    Raises UnsafeXML where the bytes are no XML that may be read, NotAnInvoice where the document is
    something else. A document that breaks rules is read all the same: ask `rules.check`.
    """
    if kind := next((name for mark, name in _MARKS.items() if data.startswith(mark)), ""):
        raise UnsafeXML(f"This is {kind}, no XML. {_INSTEAD}", "not-well-formed")
    root = parse(data)
    if not ubl.is_invoice(root):
        name = etree.QName(root).localname
        kind = (
            "an invoice in CII" if name in _CII else f"no invoice or credit note, but: {name[:60]}"
        )
        raise NotAnInvoice(f"This is {kind}. {_INSTEAD}")
    captured = ubl.read(root)
    if len(captured.lines) > MOST_LINES:
        raise NotAnInvoice(f"It has more than {MOST_LINES} lines.", "too-many-lines")
    return captured
