"""HTML to PDF with WeasyPrint. Importing this needs Pango, so `purchase_orders.pdf` does it late.

The document may fetch nothing. The letter's own fonts are known by name and cut from the portal's
variable font once per process; every other URL, whatever its scheme, is refused unopened.
"""

from functools import cache
from io import BytesIO
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
    """One weight of the variable font as a static one; its time stamp stays, so bytes repeat."""
    path, weight = FONTS[url]
    font = TTFont(settings.BASE_DIR / path, recalcTimestamp=False)
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
