"""Verbs of invoicing: capture, match, clear, and what people decide about exceptions."""

from invoicing.services.capture import DuplicateInvoice, capture, import_file
from invoicing.services.clearing import void
from invoicing.services.ending import end_order
from invoicing.services.exceptions import (
    ACCEPT_REASONS,
    accept_refusal,
    assign,
    resolve,
    resolve_all,
)
from invoicing.services.linking import link_order
from invoicing.services.matching import (
    clear,
    match,
    rematch_cooled,
    rematch_order,
    rematch_overdue,
    rematch_vendor,
    request_match,
)
from invoicing.services.returning import RETURN_CODES, dispute, reject, return_to_vendor
from invoicing.services.tolerances import ToleranceInput, rematch_scope, set_tolerance

__all__ = [
    "ACCEPT_REASONS",
    "RETURN_CODES",
    "DuplicateInvoice",
    "ToleranceInput",
    "accept_refusal",
    "assign",
    "capture",
    "clear",
    "dispute",
    "end_order",
    "import_file",
    "link_order",
    "match",
    "reject",
    "rematch_cooled",
    "rematch_order",
    "rematch_overdue",
    "rematch_scope",
    "rematch_vendor",
    "request_match",
    "resolve",
    "resolve_all",
    "return_to_vendor",
    "set_tolerance",
    "void",
]
