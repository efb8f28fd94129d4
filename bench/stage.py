"""What a measurement stands on: the demo organisation whose budgets and limits never run out."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import accounts.services
import budgets.services
from accounts.models import Control, Entity, User
from approvals.models import PolicyRule
from budgets.models import CostCenter, FiscalYear, GLAccount, Project
from core.transactions import atomic
from po_portal.demo import catalog, organisation, rules
from vendors.models import CatalogItem, Vendor

# Late in the year that the clock says, because over HTTP the portal's own clock decides.
TODAY = date(datetime.now(UTC).year, 10, 30)
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 10, 0, tzinfo=UTC)
SEED = 20260302
RICH = Decimal(10_000_000_000)
BOARD = "From 50 000: two of the investment board"


@dataclass(frozen=True)
class Stage:
    """The demo's German entity, its people by first name and its codes."""

    entity: Entity
    people: dict[str, User]
    cost_centers: dict[str, CostCenter]
    gl_accounts: dict[str, GLAccount]
    projects: dict[str, Project]
    vendors: dict[str, Vendor]
    items: dict[tuple[str, str], CatalogItem]


@atomic
def build() -> Stage:
    """Load the demo organisation into an empty database and make budgets and limits large.

    One person asks the same vendors all day, and what was asked lately counts for limits and tiers:
    with the demo's limits and its investment board later lives would be longer than earlier ones.
    Every life here is agreed to by two people, a manager and the owner of the budget.
    """
    organisation.load(today=TODAY)
    catalog.load(at=NOW)
    rules.load(at=NOW)
    stage = load()
    for person in stage.people.values():
        if person.approval_limit is not None:
            make_rich(person)
    PolicyRule.objects.filter(policy__entity=stage.entity, name=BOARD).delete()
    year = FiscalYear.objects.get(entity=stage.entity, year=TODAY.year)
    for center, account, project, _amount, _control in organisation.BUDGETS[organisation.GERMANY]:
        budgets.services.set_budget(
            entity=stage.entity,
            fiscal_year=year.year,
            cost_center=stage.cost_centers[center],
            gl_account=stage.gl_accounts[account],
            project=stage.projects[project] if project else None,
            amount=RICH,
            control=Control.STOP,
            actor=stage.people["cora"],
            at=NOW,
            reason="The benchmark buys a lot",
        )
    return stage


def make_rich(person: User) -> None:
    """Someone who may decide all of it, whatever went before."""
    limits = {"approval_limit": RICH}
    accounts.services.set_limits(person=person, limits=limits, actor=None, at=NOW)


def load() -> Stage:
    """The stage that `build` left in the database."""
    entity = Entity.objects.get(code=organisation.GERMANY)
    mine = {"entity": entity}
    return Stage(
        entity=entity,
        people={
            user.email.partition("@")[0]: user
            for user in User.objects.filter(**mine).select_related("entity")
        },
        cost_centers={each.code: each for each in CostCenter.objects.filter(**mine)},
        gl_accounts={each.code: each for each in GLAccount.objects.filter(**mine)},
        projects={each.code: each for each in Project.objects.filter(**mine)},
        vendors={each.code: each for each in Vendor.objects.filter(**mine)},
        items={
            (each.vendor.code, each.sku): each
            for each in CatalogItem.objects.filter(vendor__entity=entity).select_related("vendor")
        },
    )
