"""The exchange rate of a day, or a refusal."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.models import ExchangeRate, LedgerEntry
from budgets.rates import MOST_DAYS_OLD, RateMissing, rate_on
from invoicing.services import void
from purchase_orders.services import close, release_unused
from reports import queries
from tests.factories import TODAY, Organisation
from tests.invoicing.billing import LATER, Biller
from tests.purchase_orders.making import Maker
from tests.purchase_orders.test_issue import own_order

pytestmark = pytest.mark.django_db


def test_one_for_the_base_currency_itself():
    assert rate_on(currency="EUR", base="EUR", day=TODAY) == 1


def test_the_newest_rate_up_to_the_day(org: Organisation):
    for day, rate in ((date(2026, 2, 27), "0.91"), (date(2026, 3, 3), "0.93")):
        ExchangeRate.objects.create(
            currency="USD", base="EUR", day=day, rate=Decimal(rate), source="ECB"
        )
    assert rate_on(currency="USD", base="EUR", day=TODAY) == Decimal("0.91")
    assert rate_on(currency="USD", base="EUR", day=date(2026, 3, 3)) == Decimal("0.93")
    assert rate_on(currency="USD", base="EUR", day=date(2026, 1, 5)) == Decimal("0.90")


def test_a_missing_rate_is_refused_never_one(org: Organisation):
    for currency, base in (("PLN", "EUR"), ("EUR", "USD"), ("XXX", "EUR")):
        with pytest.raises(RateMissing) as refused:
            rate_on(currency=currency, base=base, day=TODAY)
        assert (refused.value.slug, refused.value.status) == ("rate-missing", 422)


def test_a_rate_from_long_ago_is_no_rate(org: Organisation):
    first = date(2026, 1, 1)
    assert rate_on(currency="USD", base="EUR", day=first + timedelta(days=MOST_DAYS_OLD))
    with pytest.raises(RateMissing):
        rate_on(currency="USD", base="EUR", day=first + timedelta(days=MOST_DAYS_OLD + 1))
    with pytest.raises(RateMissing):
        rate_on(currency="USD", base="EUR", day=first - timedelta(days=1))


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(later=st.decimals("0.0001", "9999", places=8), sooner=st.decimals("0.0001", "99", places=8))
def test_m10_whatever_rates_come_history_is_the_same_and_ends_at_its_own(
    org: Organisation, later: Decimal, sooner: Decimal
):
    """An order of 10 × 100 USD at 0.90: half is billed, one is voided, the rest given back."""
    with transaction.atomic():
        make, bills = Maker(org), Biller(org)
        org.bea.approval_limit = Decimal(1000)
        org.bea.save()
        order = make.issue(own_order(make, make.line("10", "100"), currency="USD"))
        make.receive(order, "10")
        invoice = bills.billed(order, ("5", "100"), currency="USD")
        before = [*LedgerEntry.objects.order_by("pk").values()]
        report = queries.commitments(entity=org.entity, fiscal_year=2026, as_of=TODAY)
        for day, rate in ((TODAY + timedelta(days=1), later), (TODAY - timedelta(days=1), sooner)):
            ExchangeRate.objects.create(
                currency="USD", base="EUR", day=day, rate=rate, source="late"
            )
        again = queries.commitments(entity=org.entity, fiscal_year=2026, as_of=TODAY)
        assert (again.rows, again.totals, again.ties) == (report.rows, report.totals, True)
        assert replay_agrees()
        void(invoice=invoice, reason="Entered twice", actor=org.fay, at=LATER)
        close(order=order, actor=org.bea, at=LATER, reason="Enough")
        release_unused(order=order, at=LATER)
        entries = LedgerEntry.objects.order_by("pk")
        assert [*entries[: len(before)].values()] == before
        assert {each.rate for each in entries} == {Decimal("0.90")}
        cell = org.cell("CC100", "6600")
        assert (cell.pre_encumbered, cell.encumbered, cell.spent) == (0, 0, 0)
        transaction.set_rollback(True)


def replay_agrees() -> bool:
    out = StringIO()
    call_command("replay_books", stdout=out, no_color=True)
    return "The balances agree to the cent." in out.getvalue()
