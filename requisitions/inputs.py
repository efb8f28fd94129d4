"""What a requester says, before it is judged: the input of create and edit, from form or API.

Objects are found by the caller among what the person may see; every figure is checked by
`requisitions.validation`, whoever built the input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from budgets.models import CostCenter, GLAccount, Project
from core.money import HUNDRED
from requisitions.models import RequisitionLine
from vendors.models import CatalogItem, ServiceType, Vendor


@dataclass(frozen=True)
class DistributionInput:
    """The part of a line that one coding pays for; the percents of a line add up to 100."""

    cost_center: CostCenter | None
    gl_account: GLAccount | None
    project: Project | None = None
    percent: Decimal = HUNDRED


@dataclass(frozen=True)
class LineInput:
    """One line. With a catalog item its name, vendor, unit, price and tax code are the item's.

    `period_from` and `period_to` are the service period that it pays for: both or none.
    """

    description: str = ""
    quantity: Decimal | None = None
    unit: str = "C62"
    unit_price: Decimal | None = None
    kind: str = RequisitionLine.Kind.GOODS
    catalog_item: CatalogItem | None = None
    sku: str = ""
    tax_code: str = ""
    need_by: date | None = None
    basis: str = RequisitionLine.Basis.QUANTITY
    period_from: date | None = None
    period_to: date | None = None
    vendor: Vendor | None = None
    distributions: list[DistributionInput] = field(default_factory=list)

    @property
    def period(self) -> tuple[date, date] | None:
        if self.period_from is None or self.period_to is None:
            return None
        return self.period_from, self.period_to


@dataclass(frozen=True)
class RequisitionInput:
    """A whole requisition; `currency` is that of every line.

    `data_residency` is a country of ISO 3166. `references` are by kind: business_case, dpia,
    change_ticket, incident, project, risk_register, sow; an empty one counts as not given.
    """

    title: str
    currency: str
    lines: list[LineInput] = field(default_factory=list)
    vendor: Vendor | None = None
    service_type: str = ServiceType.OTHER
    need_by: date | None = None
    ship_to: str = ""
    justification: str = ""
    external_reference: str = ""
    budget_reason: str = ""
    emergency: bool = False
    emergency_reason: str = ""
    personal_data: bool = False
    data_residency: str = ""
    regulated: bool = False
    third_party_access: bool = False
    references: Mapping[str, str] = field(default_factory=dict)
