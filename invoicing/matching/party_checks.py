"""The checks of who is paid: the vendor of the invoice, and the account that it names."""

from collections.abc import Iterator, Sequence

from . import words
from .case import Case, stated
from .types import AP, AP_MANAGER, BLOCK, EXCEPTION, PASS, Account, CheckResult

UNKNOWN_VENDOR = "Who sent this is not known: no vendor has this name or tax id."


def check_vendor(case: Case) -> Iterator[CheckResult]:
    """The invoice comes from the vendor of the order, who may be paid."""
    vendor = case.given.vendor
    if vendor.status == "blocked":
        yield stated("vendor", BLOCK, "The vendor is blocked.", route=AP_MANAGER, actual="blocked")
        return
    if vendor.status != "approved":
        yield stated(
            "vendor",
            EXCEPTION,
            UNKNOWN_VENDOR
            if vendor.status == "unknown"
            else f"The vendor is {vendor.status.replace('_', ' ')}, not approved.",
            route=AP,
            expected="approved",
            actual=vendor.status,
        )
        return
    if case.order is None:
        return
    billed, ordered = case.invoice.vendor, case.order.vendor
    if billed == ordered:
        yield stated("vendor", PASS, "Billed by the vendor of the order.", route=AP, actual=billed)
    else:
        yield stated(
            "vendor",
            EXCEPTION,
            f"Order {case.order.number} was placed with another vendor.",
            route=AP_MANAGER,
            expected=ordered,
            actual=billed,
        )


def check_remit_to(case: Case) -> Iterator[CheckResult]:
    """Every account named on the invoice is one that the vendor may be paid to."""
    vendor = case.given.vendor
    approved = {account.key for account in vendor.accounts}
    later = {account.key: account for account in vendor.later}
    strange = [
        later.get(each.key, each) for each in case.invoice.remit_to if each.key not in approved
    ]
    if strange:
        yield stated(
            "remit_to",
            EXCEPTION,
            " ".join(_strange(case, account) for account in strange),
            route=AP_MANAGER,
            expected=_listed(vendor.accounts),
            actual=_listed(strange),
        )
    elif case.invoice.remit_to:
        yield stated("remit_to", PASS, "The account is an approved one.", route=AP_MANAGER)
    else:
        yield stated("remit_to", PASS, "The invoice names no account.", route=AP_MANAGER)


def _strange(case: Case, account: Account) -> str:
    """Why an account may not be paid to."""
    vendor = case.given.vendor
    asks = f"The invoice asks for payment to {account.shown}"
    if account.counts_from is not None:
        day = words.day(account.counts_from)
        return f"{asks}, which counts from {day} on; the invoice is judged again then by itself."
    if account in vendor.later:
        return f"{asks}, which does not count yet: it waits for its verification."
    if not vendor.accounts:
        return f"{asks}; no account of the vendor is on file to compare it with."
    return f"{asks}, which is not an approved account of the vendor."


def _listed(accounts: Sequence[Account]) -> str:
    if not accounts:
        return "none on file"
    return words.listed(
        [
            f"{each.shown} from {words.day(each.counts_from)}" if each.counts_from else each.shown
            for each in accounts
        ]
    )
