"""Reading XML that came from outside: every file is taken for hostile until it parsed here.

No DTD, no entities, no XInclude, no network, bounded size, depth and number of elements. Comments
and processing instructions are dropped before the tree is built, so that none can split a figure.
"""

import re
from io import BytesIO

from lxml import etree

MAX_BYTES = 20 * 1024 * 1024
MAX_ELEMENTS = 300_000
MAX_DEPTH = 100
MAX_ATTRIBUTES = 100

XINCLUDE = "{http://www.w3.org/2001/XInclude}"
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
ENCODINGS = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
DECLARATION = re.compile(r"<\?xml\s[^>]*?\?>")
DECLARED_ENCODING = re.compile(
    rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)
PROLOG = re.compile(r"\A(?:\s++|<!--.*?-->|<\?.*?\?>)*+", re.DOTALL)


class UnsafeXML(Exception):
    """The bytes are not XML that may be read. `code` names the reason in one word or two."""

    def __init__(self, message: str, code: str):
        super().__init__(message)
        self.message = message
        self.code = code


def parse(data: bytes) -> etree._Element:
    """Root element of a document without DTD and entities.

    Tolerates a byte-order mark and blank lines before the declaration. Raises UnsafeXML with code
    empty, too-large, encoding, nul, doctype, entity, xinclude, too-deep, too-many-elements or
    not-well-formed.
    """
    if not data or not data.strip():
        raise UnsafeXML("The file is empty.", "empty")
    if len(data) > MAX_BYTES:
        raise UnsafeXML(f"The file is larger than {MAX_BYTES // 1024**2} MB.", "too-large")
    text = _decoded(data).lstrip()
    if "\x00" in text:
        raise UnsafeXML("The file contains NUL characters.", "nul")
    if text.startswith("<?xml"):
        text = DECLARATION.sub("", text, count=1)
    if PROLOG.sub("", text, count=1).startswith("<!DOCTYPE"):
        raise UnsafeXML("Documents with a DTD or entities are not accepted.", "doctype")
    if text.count("<") > 2 * MAX_ELEMENTS + 1000:
        raise UnsafeXML(f"More than {MAX_ELEMENTS} elements.", "too-many-elements")
    return _tree(text.encode("utf-8"))


def _decoded(data: bytes) -> str:
    encoding = _encoding(data)
    if encoding not in ENCODINGS:
        raise UnsafeXML(f"The encoding {encoding} is not accepted; use UTF-8.", "encoding")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnsafeXML(
            f"The file is not the {encoding.upper()} it says it is.", "encoding"
        ) from error
    return text.removeprefix("\ufeff")


def _encoding(data: bytes) -> str:
    """By byte-order mark, then by declaration, else UTF-8. Both must agree."""
    declared = DECLARED_ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    name = declared.group(1).decode("ascii").lower() if declared else ""
    name = {"utf8": "utf-8", "ascii": "us-ascii", "latin1": "iso-8859-1"}.get(name, name)
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            if name and not name.startswith(encoding):
                raise UnsafeXML(f"Byte-order mark and encoding {name} disagree.", "encoding")
            return encoding
    return name or "utf-8"


def _tree(data: bytes) -> etree._Element:
    events = etree.iterparse(
        BytesIO(data),
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    elements = depth = 0
    try:
        for event, element in events:
            if event == "end":
                depth -= 1
                continue
            elements += 1
            depth += 1
            _check_start(element, elements, depth)
    except etree.XMLSyntaxError as error:
        raise UnsafeXML(
            f"The file is not well-formed XML: {_plain(error)}", "not-well-formed"
        ) from error
    root = events.root
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnsafeXML("Documents with a DTD or entities are not accepted.", "doctype")
    if next(root.iter(etree.Entity), None) is not None:
        raise UnsafeXML("Documents with a DTD or entities are not accepted.", "entity")
    return root


def _check_start(element: etree._Element, elements: int, depth: int) -> None:
    if elements > MAX_ELEMENTS:
        raise UnsafeXML(f"More than {MAX_ELEMENTS} elements.", "too-many-elements")
    if depth > MAX_DEPTH:
        raise UnsafeXML(f"Elements nested deeper than {MAX_DEPTH}.", "too-deep")
    if len(element.attrib) > MAX_ATTRIBUTES:
        raise UnsafeXML("An element has too many attributes.", "too-many-elements")
    if element.tag.startswith(XINCLUDE):
        raise UnsafeXML("XInclude is not accepted.", "xinclude")


def _plain(error: etree.XMLSyntaxError) -> str:
    return str(error.msg or "it ends too early").replace("<string>", "the file")[:200]
