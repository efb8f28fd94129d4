"""What may be done to rules, allocations and the lines of statements."""

from chargeback.services.consumption import ImportReport, import_consumption
from chargeback.services.disputes import correct, dispute, keep
from chargeback.services.reversing import reverse
from chargeback.services.rules import create_rule, revise_rule
from chargeback.services.running import Preview, perform_run, preview, request_run

__all__ = [
    "ImportReport",
    "Preview",
    "correct",
    "create_rule",
    "dispute",
    "import_consumption",
    "keep",
    "perform_run",
    "preview",
    "request_run",
    "reverse",
    "revise_rule",
]
