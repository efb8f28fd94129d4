"""A shared service of the demo, and the last month of it that was shared."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from accounts.models import Entity, User
from budgets.models import CostCenter, GLAccount
from chargeback import services
from chargeback.inputs import RuleInput, ShareInput
from po_portal.demo.organisation import GERMANY

NAME = "Cloud platform"
SHARES = {"CC200": "45", "CC500": "30", "CC100": "25"}
MONTHS = 6  # so far back a month is looked for in which something was spent


def load(*, now: datetime) -> None:
    """Engineering pays for the cloud; whoever runs on it bears a share of it."""
    entity = Entity.objects.get(code=GERMANY)
    cora = User.objects.get(email="cora@demo.example")
    codes = {each.code: each for each in CostCenter.objects.filter(entity=entity)}
    today = entity.day_of(now)
    rule = services.create_rule(
        entity=entity,
        name=NAME,
        data=RuleInput(
            kind="chargeback",
            basis="fixed",
            service_owner=User.objects.get(email="axel@demo.example"),
            valid_from=date(today.year - 1, 1, 1),
            cost_center=codes["CC200"],
            gl_account=GLAccount.objects.get(entity=entity, code="6300"),
            shares=[ShareInput(codes[code], Decimal(percent)) for code, percent in SHARES.items()],
        ),
        actor=cora,
        at=now,
    )
    month = today.replace(day=1)
    for _ in range(MONTHS):
        month = (month - timedelta(days=1)).replace(day=1)
        if not services.preview(rule=rule, month=month, at=now).refusals:
            asked = services.request_run(rule=rule, month=month, actor=cora, at=now)
            services.perform_run(allocation=asked, at=now)
            return
