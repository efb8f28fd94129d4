"""What is asked for, as policy sees it: who sells it, what it costs all in all, who pays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import Entity, TaxCode, User
from accounts.tax import tax_codes
from budgets.models import CostCenter, GLAccount
from core.money import HUNDRED, ZERO, allocate, round_amount, to_base
from requisitions.inputs import RequisitionInput
from requisitions.models import Requisition, RequisitionLine
from requisitions.validation import Judged
from vendors.coverage import Bought
from vendors.models import CatalogItem, Vendor


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One line as policy sees it. `base` is its part of the approval amount, base currency;
    `bought` is what contracts are asked about."""

    vendor: Vendor | None
    net: Decimal
    base: Decimal
    description: str
    catalog_item_id: UUID | None
    coding: tuple[tuple[CostCenter, GLAccount], ...]
    bought: Bought


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as policy sees it, whether it is stored or still being typed.

    `said` carries currency, kind of service, risk and emergency. `amount` is what approvers judge:
    net plus the tax that cannot be recovered, in base currency at the request's rate.
    """

    entity: Entity
    requester: User
    said: Requisition | RequisitionInput
    lines: list[AskedLine]
    amount: Decimal
    tax_codes: Mapping[str, TaxCode]

    @property
    def vendors(self) -> list[Vendor]:
        """Who sells something of it, each once."""
        return list({line.vendor.pk: line.vendor for line in self.lines if line.vendor}.values())


def stored(
    requisition: Requisition,
    lines: list[RequisitionLine],
    codes: Mapping[str, TaxCode] | None = None,
) -> Asked:
    """A stored requisition. Lines come with their coding. Statements: 1, or none with `codes`."""
    if codes is None:
        codes = tax_codes(requisition.entity)
    costs = [cost(line.net, codes.get(line.tax_code), requisition.currency) for line in lines]
    amount, bases = _in_base(requisition.entity, costs, requisition.rate)
    return Asked(
        requisition.entity,
        requisition.requester,
        requisition,
        [
            AskedLine(
                seller,
                line.net,
                base,
                line.description,
                line.catalog_item_id,
                tuple((part.cost_center, part.gl_account) for part in line.distributions.all()),
                _bought(line, seller, line.catalog_item, requisition.currency),
            )
            for line, base, seller in zip(lines, bases, sellers(requisition, lines), strict=True)
        ],
        amount,
        codes,
    )


def typed(data: RequisitionInput, judged: Judged, *, requester: User, rate: Decimal) -> Asked:
    """The same of lines that are not stored. Reads nothing."""
    entity = requester.entity
    codes = judged.tax_codes
    costs = [cost(line.net, codes.get(line.tax_code), data.currency) for line in judged.lines]
    amount, bases = _in_base(entity, costs, rate)
    return Asked(
        entity,
        requester,
        data,
        [
            AskedLine(
                line.vendor or data.vendor,
                line.net,
                base,
                line.description,
                line.said.catalog_item.pk if line.said.catalog_item else None,
                tuple((part.cost_center, part.gl_account) for part in line.said.distributions),
                _bought(line, line.vendor or data.vendor, line.said.catalog_item, data.currency),
            )
            for line, base in zip(judged.lines, bases, strict=True)
        ],
        amount,
        codes,
    )


def sellers(requisition: Requisition, lines: Iterable[RequisitionLine]) -> list[Vendor | None]:
    """The vendor of each line: its own, else the header's."""
    return [line.vendor or requisition.vendor for line in lines]


def bought_line(requisition: Requisition, line: RequisitionLine) -> Bought:
    """A stored line as contracts see it. It comes with its catalog item."""
    seller = line.vendor or requisition.vendor
    return _bought(line, seller, line.catalog_item, requisition.currency)


def _bought(line: Any, seller: Vendor | None, item: CatalogItem | None, currency: str) -> Bought:
    return Bought(
        vendor=seller.pk if seller else None,
        sku=line.sku,
        unit=line.unit,
        unit_price=line.unit_price,
        currency=currency,
        prefers=item.contract_id if item else None,
    )


def cost(net: Decimal, code: TaxCode | None, currency: str) -> Decimal:
    """A net and the tax on it that cannot be recovered."""
    if code is None:
        return net
    return with_lost_tax(
        net,
        percent=code.percent,
        recoverable_percent=code.recoverable_percent,
        currency=currency,
    )


def with_lost_tax(
    net: Decimal, *, percent: Decimal, recoverable_percent: Decimal, currency: str
) -> Decimal:
    """A net and the part of its tax that nobody gives back."""
    share = (HUNDRED - recoverable_percent) / HUNDRED
    return net + round_amount(net * percent / HUNDRED * share, currency)


def _in_base(entity: Entity, costs: list[Decimal], rate: Decimal) -> tuple[Decimal, list[Decimal]]:
    """The approval amount and the part of each line, which add up to it."""
    amount = to_base(sum(costs, ZERO), rate=rate, base_currency=entity.currency)
    return amount, allocate(amount, costs, entity.currency) if costs else []
