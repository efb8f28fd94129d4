"""HTML to PDF with WeasyPrint. Importing this needs Pango, so `core.printing` does it late.

The document may fetch nothing. The letter's own fonts are known by name and cut from the portal's
variable font once; every other URL, whatever its scheme, is refused unopened.
"""

import os
from functools import cache
from hashlib import sha256
from io import BytesIO
from threading import get_ident
from typing import Any

from django.conf import settings
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

SCHEME = "letter:"
FONTS = {
    f"{SCHEME}{name}-{weight}": (f"static/vendor/inter/inter-{name}-wght-normal.woff2", weight)
    for name in ("latin", "latin-ext")
    for weight in (400, 600)
}


class RefusedURL(ValueError):
    """A document asked for something outside itself."""


class Fetcher(URLFetcher):
    """Hands out the letter's own fonts and refuses everything else."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False)

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        if url not in FONTS:
            raise RefusedURL(url[:200])
        return URLFetcherResponse(url, _font(url))


@cache
def _font(url: str) -> bytes:
    """One weight of the variable font as a static one.

    Cutting the four of them takes seconds of a processor, so every process of the portal shares
    the first one's work, kept under the digest of the font it was cut from.
    """
    path, weight = FONTS[url]
    source = (settings.BASE_DIR / path).read_bytes()
    kept = settings.DATA_DIR / "cache" / f"{sha256(source).hexdigest()}-{weight}.ttf"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}-{get_ident()}.part")
        part.write_bytes(_cut(source, weight))
        part.replace(kept)
    return kept.read_bytes()


def _cut(source: bytes, weight: int) -> bytes:
    """The static font; its time stamp stays, so the same source gives the same bytes."""
    font = TTFont(BytesIO(source), recalcTimestamp=False)
    font = instantiateVariableFont(font, {"wght": weight}, static=True)
    font.flavor = None
    data = BytesIO()
    font.save(data)
    return data.getvalue()


def pdf(html: str, css: str) -> bytes:
    """The bytes of the PDF: the same for the same input, down to the last byte."""
    fonts, fetcher = FontConfiguration(), Fetcher()
    sheet = CSS(string=css, font_config=fonts, url_fetcher=fetcher)
    document = HTML(string=html, url_fetcher=fetcher)
    return document.write_pdf(stylesheets=[sheet], font_config=fonts)
