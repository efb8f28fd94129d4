"""Capture of an order issued elsewhere: UBL 2.0 and 2.1 Order → CapturedOrder.

Figures stay as written. Where price × quantity and the line amount disagree, the amount is what
both sides agreed to pay: the price that follows from it is worked out and the line is flagged.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from lxml import etree

from core.ubl import Party, Problem, Reader, attribute, find, findall
from core.xml import parse

ROOT = "{urn:oasis:names:specification:ubl:schema:xsd:Order-2}Order"
ONE = Decimal(1)
ZERO = Decimal(0)
CENT = Decimal("0.01")
SIX_PLACES = Decimal("0.000001")
SLACK = Decimal("0.02")

REFUSE = "refuse"
FLAG = "flag"


class NotAnOrder(Exception):
    """Well-formed, but no order that can be read. `code` names the reason."""

    def __init__(self, message: str, code: str = "not-an-order"):
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about the order that a buyer should know (flag), or cannot do without (refuse)."""

    code: str
    message: str
    location: str
    expected: Decimal | str | None = None
    actual: Decimal | str | None = None
    severity: str = FLAG


@dataclass(frozen=True, slots=True)
class OrderCharge:
    """An allowance (`charge=False`) or charge of the whole order."""

    charge: bool
    amount: Decimal | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CapturedOrderLine:
    """A line as ordered. Quantity, price and net as written, each None where it is not there."""

    line_number: str
    name: str
    description: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    price_base_quantity: Decimal | None
    net: Decimal | None
    tax: Decimal | None = None
    seller_item_id: str = ""
    buyer_item_id: str = ""
    standard_item_id: str = ""
    delivery_date: date | None = None
    status: str = ""
    note: str = ""

    @property
    def computed_net(self) -> Decimal | None:
        """Quantity × price ÷ base quantity, rounded to cents."""
        if self.quantity is None or self.unit_price is None:
            return None
        exact = self.quantity * self.unit_price / (self.price_base_quantity or ONE)
        return exact.quantize(CENT, rounding=ROUND_HALF_UP)

    @property
    def agrees(self) -> bool:
        """Whether price × quantity is the line amount, within two cents."""
        computed = self.computed_net
        return computed is None or self.net is None or abs(computed - self.net) <= SLACK

    @property
    def effective_net(self) -> Decimal | None:
        """The line amount; where none is written, quantity × price."""
        return self.computed_net if self.net is None else self.net

    @property
    def effective_unit_price(self) -> Decimal | None:
        """Price of one unit that the line amount stands for, at most six decimals."""
        if self.unit_price is not None and self.agrees:
            price = self.unit_price / (self.price_base_quantity or ONE)
        elif self.net is not None and self.quantity:
            price = self.net / self.quantity
        else:
            return None
        return price.quantize(SIX_PLACES, rounding=ROUND_HALF_UP).normalize() + ZERO


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """Totals of the order, each as written or None."""

    line_extension: Decimal | None = None
    allowance: Decimal | None = None
    charge: Decimal | None = None
    tax: Decimal | None = None
    payable: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CapturedOrder:
    """An order as captured, with remarks about what does not fit in it."""

    number: str
    issue_date: date | None
    currency: str
    seller: Party
    buyer: Party
    lines: tuple[CapturedOrderLine, ...]
    totals: OrderTotals
    allowances_charges: tuple[OrderCharge, ...] = ()
    sales_order_reference: str = ""
    contract_reference: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    delivery_date: date | None = None
    delivery_terms: str = ""
    payment_terms: str = ""
    notes: tuple[str, ...] = ()
    customization: str = ""
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def refusing(self) -> tuple[Remark, ...]:
        """Remarks for which the order cannot be taken over."""
        return tuple(remark for remark in self.remarks if remark.severity == REFUSE)

    @property
    def flags(self) -> tuple[Remark, ...]:
        """Remarks to show beside the order."""
        return tuple(remark for remark in self.remarks if remark.severity == FLAG)


def read(data: bytes) -> CapturedOrder:
    """What an order file says, with remarks.

    Raises core.xml.UnsafeXML where the bytes are no XML that may be read, NotAnOrder where the
    document is something else. Ask `refusing` before booking it.
    """
    root = parse(data)
    if root.tag != ROOT:
        name = etree.QName(root).localname
        raise NotAnOrder(f"This is no order in UBL, but: {name[:60]}.")
    order = _Document(root).captured()
    return replace(order, remarks=tuple(_remarks(order)))


class _Document(Reader):
    def __init__(self, root: etree._Element):
        super().__init__()
        self.root = root

    def captured(self) -> CapturedOrder:
        root = self.root
        return CapturedOrder(
            number=self.text(root, "cbc:ID"),
            issue_date=self.day(root, "cbc:IssueDate"),
            currency=self.text(root, "cbc:DocumentCurrencyCode") or self._currency_of_amounts(),
            seller=self.party(find(root, "cac:SellerSupplierParty/cac:Party")),
            buyer=self.party(find(root, "cac:BuyerCustomerParty/cac:Party")),
            lines=tuple(self._line(e) for e in findall(root, "cac:OrderLine/cac:LineItem")),
            totals=self._totals(),
            allowances_charges=tuple(
                OrderCharge(
                    charge=self.flag(e, "cbc:ChargeIndicator"),
                    amount=self.number(e, "cbc:Amount"),
                    reason=self.text(e, "cbc:AllowanceChargeReason")
                    or self.text(e, "cbc:AllowanceChargeReasonCode"),
                )
                for e in findall(root, "cac:AllowanceCharge")
            ),
            sales_order_reference=self.text(root, "cbc:SalesOrderID"),
            contract_reference=self.text(root, "cac:Contract/cbc:ID"),
            valid_from=self.day(root, "cac:ValidityPeriod/cbc:StartDate"),
            valid_to=self.day(root, "cac:ValidityPeriod/cbc:EndDate"),
            delivery_date=self._delivery_date(root),
            delivery_terms="\n".join(self.texts(root, "cac:DeliveryTerms/cbc:SpecialTerms")),
            payment_terms="\n".join(
                self.texts(root, "cac:PaymentTerms/cbc:Note")
                + self.texts(root, "cac:TransactionConditions/cbc:Description")
            ),
            notes=self.texts(root, "cbc:Note"),
            customization=self.text(root, "cbc:CustomizationID"),
            problems=tuple(self.problems),
        )

    def _currency_of_amounts(self) -> str:
        totals = find(self.root, "cac:AnticipatedMonetaryTotal")
        amounts = list(totals) if totals is not None else []
        amounts += findall(self.root, "cac:OrderLine/cac:LineItem/cbc:LineExtensionAmount")
        named = Counter(attribute(amount, "currencyID") for amount in amounts)
        named.pop("", None)
        return next(iter(named)) if len(named) == 1 else ""

    def _delivery_date(self, parent: etree._Element) -> date | None:
        period = find(parent, "cac:Delivery/cac:RequestedDeliveryPeriod")
        return self.day(period, "cbc:EndDate") or self.day(period, "cbc:StartDate")

    def _totals(self) -> OrderTotals:
        total = find(self.root, "cac:AnticipatedMonetaryTotal")
        return OrderTotals(
            line_extension=self.number(total, "cbc:LineExtensionAmount"),
            allowance=self.number(total, "cbc:AllowanceTotalAmount"),
            charge=self.number(total, "cbc:ChargeTotalAmount"),
            tax=self.number(self.root, "cac:TaxTotal/cbc:TaxAmount"),
            payable=self.number(total, "cbc:PayableAmount"),
        )

    def _line(self, element: etree._Element) -> CapturedOrderLine:
        quantity, price = find(element, "cbc:Quantity"), find(element, "cac:Price")
        item = find(element, "cac:Item")
        name, description = self.text(item, "cbc:Name"), self.text(item, "cbc:Description")
        return CapturedOrderLine(
            line_number=self.text(element, "cbc:ID"),
            name=name,
            description=description or name,
            quantity=self.number(quantity),
            unit=attribute(quantity, "unitCode"),
            unit_price=self.number(price, "cbc:PriceAmount"),
            price_base_quantity=self.number(price, "cbc:BaseQuantity"),
            net=self.number(element, "cbc:LineExtensionAmount"),
            tax=self.number(element, "cbc:TotalTaxAmount"),
            seller_item_id=self.text(item, "cac:SellersItemIdentification/cbc:ID"),
            buyer_item_id=self.text(item, "cac:BuyersItemIdentification/cbc:ID"),
            standard_item_id=self.text(item, "cac:StandardItemIdentification/cbc:ID"),
            delivery_date=self._delivery_date(element),
            status=self.text(element, "cbc:LineStatusCode"),
            note=" ".join(self.texts(element.getparent(), "cbc:Note")),
        )


def _remarks(order: CapturedOrder) -> list[Remark]:
    remarks = [
        Remark("unreadable", f"{p.message} ({p.code}: {p.actual})", p.location, severity=REFUSE)
        for p in order.problems
    ]
    wanted = (
        (order.number, "number", "It has no order number.", "Header"),
        (order.issue_date, "issue-date", "It has no issue date.", "Header"),
        (order.currency, "currency", "Its currency cannot be told.", "Header"),
        (order.seller.name, "seller", "The seller's name is missing.", "Seller"),
        (order.lines, "lines", "It has no lines.", "Lines"),
    )
    remarks += [
        Remark(f"missing-{code}", sentence, place, severity=REFUSE)
        for value, code, sentence, place in wanted
        if not value
    ]
    for line in order.lines:
        remarks += _line_remarks(line, order.currency)
    return remarks + _total_remarks(order)


def _line_remarks(line: CapturedOrderLine, currency: str) -> list[Remark]:
    place = f"Line {line.line_number}"
    if line.quantity is None or line.quantity <= 0:
        sentence = "A quantity above zero is needed."
        return [Remark("quantity", sentence, place, actual=line.quantity, severity=REFUSE)]
    price = line.effective_unit_price
    if price is None or price < 0:
        sentence = "A price or an amount not below zero is needed."
        return [Remark("price", sentence, place, actual=price, severity=REFUSE)]
    remarks = []
    if not line.agrees:
        remarks.append(_disagreement(line, currency, place))
    if not line.unit:
        remarks.append(Remark("unit", "The quantity has no unit.", place))
    return remarks


def _disagreement(line: CapturedOrderLine, currency: str, place: str) -> Remark:
    per = line.price_base_quantity or ONE
    base = "" if per == 1 else f" per {per:f}"
    return Remark(
        "price-times-quantity",
        f"{line.quantity:f} {line.unit} at {line.unit_price:f} {currency}{base} would be "
        f"{line.computed_net:f} {currency}, but the line amount is {line.net:f} {currency}. The "
        f"amount counts: the price is taken as {line.effective_unit_price:f} {currency}.",
        place,
        expected=line.computed_net,
        actual=line.net,
    )


def _total_remarks(order: CapturedOrder) -> list[Remark]:
    totals = order.totals
    lines = sum((line.effective_net or ZERO for line in order.lines), ZERO)
    remarks = []
    if totals.line_extension is not None and totals.line_extension != lines:
        sentence = (
            f"The sum of the lines is stated as {totals.line_extension:f}, but comes to {lines:f}."
        )
        remarks.append(Remark("sum-of-lines", sentence, "Totals", lines, totals.line_extension))
    net = lines - (totals.allowance or ZERO) + (totals.charge or ZERO)
    fitting = {net, net + (totals.tax or ZERO)}
    if totals.payable is not None and totals.payable not in fitting:
        sentence = f"The total is stated as {totals.payable:f}, but comes to {net:f} before tax."
        remarks.append(Remark("total", sentence, "Totals", net, totals.payable))
    return remarks
