"""The exchange rate of an invoice: that of its issue date, else of the day it is taken in."""

from datetime import date

from budgets.rates import RateMissing, rate_on
from invoicing.models import Invoice

_FLAG = "exchange-rate"


def set_rate(invoice: Invoice, *, today: date) -> None:
    """Give the invoice its rate, or none where none is known: then it cannot clear.

    An old invoice whose day has no rate takes the rate of `today`, which is said on its page.
    """
    currency, base = invoice.currency, invoice.entity.currency
    invoice.flags = [flag for flag in invoice.flags if flag["rule"] != _FLAG]
    try:
        invoice.rate = rate_on(currency=currency, base=base, day=invoice.issue_date)
        return
    except RateMissing as missing:
        problem = missing.detail
    try:
        invoice.rate = rate_on(currency=currency, base=base, day=today)
        message = f"{problem} The rate of {today:%d %B %Y} is used."
    except RateMissing:
        invoice.rate = None
        message = problem
    invoice.flags = [*invoice.flags, {"rule": _FLAG, "message": message, "location": ""}]
