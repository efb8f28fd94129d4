"""The exchange rate of a day, or a refusal."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from budgets.models import ExchangeRate
from budgets.rates import MOST_DAYS_OLD, RateMissing, rate_on
from tests.factories import TODAY, Organisation

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
