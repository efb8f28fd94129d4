"""Why a file is not taken in as an invoice."""

from core.xml import UnsafeXML

__all__ = ["NotAnInvoice", "UnsafeXML"]


class NotAnInvoice(Exception):
    """Well-formed, but no invoice or credit note that can be read. `code` names the reason."""

    def __init__(self, message: str, code: str = "not-an-invoice"):
        super().__init__(message)
        self.message = message
        self.code = code
