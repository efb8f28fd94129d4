"""Header totals are the sum of what stands below them, to the cent, however many lines (M9)."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import TaxCode
from invoicing.inputs import ChargeInput, InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice
from invoicing.services import capture
from purchase_orders.inputs import DistributionInput, OrderInput, OrderLineInput
from purchase_orders.services import create
from tests.factories import NOW, TODAY, Organisation
from tests.purchase_orders.making import Maker

pytestmark = pytest.mark.django_db
CENT = Decimal("0.01")
PRICES = st.tuples(
    st.decimals("0.01", "999", places=2),  # quantity
    st.decimals("0.0001", "9999", places=4),  # unit price
    st.sampled_from(["DE19", "DE7", ""]),
)
# Long ones as likely as short ones: a list of many is rarely tried otherwise.
LINES = st.integers(1, 200).flatmap(lambda n: st.lists(PRICES, min_size=n, max_size=n))
FEW = settings(max_examples=12, suppress_health_check=list(HealthCheck))


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def percents(org: Organisation) -> dict[str, Decimal]:
    found = TaxCode.objects.filter(entity=org.entity).values_list("code", "percent")
    return {**dict(found), "": Decimal(0)}


def expected_tax(parts: list[tuple[Decimal, str]], rates: dict[str, Decimal]) -> Decimal:
    """Of each rate on the sum of its nets, rounded once."""
    bases: dict[Decimal, Decimal] = {}
    for net, code in parts:
        bases[rates[code]] = bases.get(rates[code], Decimal(0)) + net
    return sum((cents(base * rate / 100) for rate, base in bases.items()), Decimal(0))


@FEW
@given(LINES)
def test_m9_an_order_of_any_number_of_lines_is_their_sum(org: Organisation, lines: list) -> None:
    rates = percents(org)
    thirds = [
        DistributionInput(
            cost_center=org.cost_centers["CC100"], gl_account=org.gl_accounts[account], percent=part
        )
        for account, part in (("6600", Decimal("33.333333")), ("6300", Decimal("66.666667")))
    ]
    said = [
        OrderLineInput(
            description="Thing",
            quantity=quantity,
            unit_price=price,
            tax_code=code,
            distributions=thirds,
        )
        for quantity, price, code in lines
    ]
    with transaction.atomic():
        data = OrderInput(vendor=org.vendor, currency="EUR", lines=said)
        order = create(entity=org.entity, data=data, actor=org.bea, at=NOW)
        order.refresh_from_db()
        nets = [cents(quantity * price) for quantity, price, _ in lines]
        stored = list(order.lines.order_by("line_number").prefetch_related("distributions"))
        assert [line.net for line in stored] == nets
        for line in stored:
            assert sum(part.amount for part in line.distributions.all()) == line.net
        codes = [code for *_, code in lines]
        assert order.net == sum(nets)
        assert order.tax == expected_tax(list(zip(nets, codes, strict=True)), rates)
        assert order.total - order.net - order.tax == 0
        transaction.set_rollback(True)


def test_m9_the_database_refuses_an_order_whose_total_is_another(org: Organisation) -> None:
    order = Maker(org).draft(("1", "10"))
    with pytest.raises(IntegrityError, match="order_total_adds_up"), transaction.atomic():
        order.total = Decimal("10.01")
        order.save()


@FEW
@given(
    LINES,
    st.decimals("0.01", "500", places=2),
    st.decimals("-500", "-0.01", places=2),
)
def test_m9_an_invoice_is_its_lines_and_freight_less_discount_and_tax(
    org: Organisation, lines: list, freight: Decimal, discount: Decimal
) -> None:
    rates = percents(org)
    said = [
        InvoiceLineInput(quantity=quantity, unit_price=price, tax_code=code or "DE19")
        for quantity, price, code in lines
    ]
    charges = [
        ChargeInput(amount, reason=reason, tax_category="S", tax_percent=Decimal(19))
        for amount, reason in ((freight, "Freight"), (discount, "Discount"))
    ]
    data = InvoiceInput(
        number="R-1", issue_date=TODAY, currency="EUR", lines=said, charges=charges,
        vendor_name="Somebody",
    )  # fmt: skip
    with transaction.atomic():
        made = capture(entity=org.entity, data=data, actor=org.finn, at=NOW)
        stored = Invoice.objects.get(pk=made.pk)
        nets = [cents(quantity * price) for quantity, price, _ in lines]
        assert stored.net == sum(nets) + freight + discount
        parts = list(zip(nets, [each.tax_code for each in said], strict=True))
        parts += [(freight, "DE19"), (discount, "DE19")]
        assert stored.tax == expected_tax(parts, rates)
        assert stored.gross - stored.net - stored.tax == 0
        assert sum(row.tax for row in stored.taxes.all()) == stored.tax
        transaction.set_rollback(True)
