"""From a captured file to the input of `capture`: refused where its own figures are broken."""

from decimal import Decimal
from typing import Any

from core.errors import FieldError, Invalid
from core.money import ZERO
from core.xml import UnsafeXML
from invoicing import capture as reader
from invoicing.capture.rules import check
from invoicing.inputs import ChargeInput, InvoiceInput, InvoiceLineInput, PayeeInput, TaxInput
from vendors import bank

ONE = Decimal(1)


class BrokenInvoice(Invalid):
    slug = "broken-invoice"
    title = "This file breaks rules of the invoice standard."


def read_invoice(data: bytes) -> InvoiceInput:
    """Read a UBL invoice or credit note.

    Raises BrokenInvoice with one error per broken rule (its EN 16931 id as code).
    """
    try:
        captured = reader.read(data)
    except (UnsafeXML, reader.NotAnInvoice) as error:
        raise BrokenInvoice(
            str(error),
            errors=[FieldError("/file", getattr(error, "code", "unreadable"), str(error))],
        ) from error
    broken = check(captured)
    refused = [rule for rule in broken if rule.severity == "refuse"]
    if refused:
        raise BrokenInvoice(
            errors=[
                FieldError(f"/file/{rule.location}", rule.rule, rule.message) for rule in refused
            ]
        )
    return _as_input(captured, flags=[_as_flag(rule) for rule in broken])


def _as_flag(rule: Any) -> dict[str, Any]:
    return {"rule": rule.rule, "message": rule.message, "location": rule.location}


def _as_input(captured: reader.CapturedInvoice, *, flags: list[dict[str, Any]]) -> InvoiceInput:
    totals = captured.totals
    return InvoiceInput(
        number=captured.number,
        kind=captured.kind,
        issue_date=captured.issue_date,
        due_date=captured.due_date
        if captured.due_date and captured.due_date >= captured.issue_date
        else None,
        currency=captured.currency,
        vendor_name=captured.supplier.name,
        vendor_tax_id=captured.supplier.tax_id,
        order_reference=captured.order_reference,
        payee_accounts=[
            PayeeInput(each.account[: bank.MOST], _branch(each.bic))
            for each in captured.payee_accounts
        ],
        lines=[_line(line) for line in captured.lines],
        charges=[_charge(each) for each in captured.allowances_charges if each.amount],
        taxes=[
            TaxInput(row.category, row.percent, row.taxable or ZERO, row.amount or ZERO)
            for row in (captured.document_tax.rows if captured.document_tax else ())
        ],
        net=totals.tax_exclusive,
        tax=captured.tax_total or ZERO,
        gross=totals.tax_inclusive,
        payable=totals.payable,
        flags=flags,
    )


def _branch(said: str) -> str:
    """The routing number of a bank. A BIC is none, and says nothing that an IBAN does not say."""
    return "" if bank.is_bic(said) else said[: bank.MOST]


def _line(line: Any) -> InvoiceLineInput:
    """A line as stated. Without a quantity or a price, its net stands as one unit."""
    quantity = ONE if line.quantity is None else line.quantity
    base = line.price_base_quantity or ONE
    price = line.unit_price
    if price is None:
        price = round(line.net * base / quantity, 6) if quantity else line.net
    return InvoiceLineInput(
        reference=line.line_number,
        description=line.name or line.description,
        quantity=round(quantity, 6),
        unit=line.unit,
        unit_price=round(price, 6),
        price_base_quantity=base,
        net=line.net,
        order_line_reference=line.order_line_reference,
        tax_category=line.tax_category,
        tax_percent=line.tax_percent,
    )


def _charge(each: Any) -> ChargeInput:
    return ChargeInput(
        amount=each.amount if each.charge else -each.amount,
        reason=each.reason,
        tax_category=each.tax.code if each.tax else "",
        tax_percent=each.tax.percent if each.tax else None,
    )
