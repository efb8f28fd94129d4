"""What the lines of a form can be coded to: cost centres, accounts, projects, tax codes, items."""

import re
from functools import cached_property
from typing import Any
from uuid import UUID

from accounts.models import Entity, TaxCode
from budgets.models import CostCenter, GLAccount, Project
from vendors.models import CatalogItem, Vendor

LEAST_PARTS, MOST_PARTS = 4, 50
CODING = ("cost_center", "gl_account", "project")
LABELS = {"cost_center": "Cost centre", "gl_account": "GL account", "project": "Project"}
_PERCENT = re.compile(r"-percent_\d{1,2}$")


class CodingChoices:
    """What lines can be coded to, read once for the whole grid. Statements: 6, two of them late.

    `data` is the posted form: catalog items, vendors and the number of codings are those it names.
    """

    def __init__(self, entity: Entity, data: Any = None, *, parts: int = LEAST_PARTS) -> None:
        self.entity, self.data = entity, data or {}
        posted = [int(key.rpartition("_")[2]) for key in self.data if _PERCENT.search(key)]
        self.parts = range(1, min(max([parts, LEAST_PARTS, *posted]), MOST_PARTS) + 1)
        codes = list(entity.tax_codes.order_by("code"))
        self.tax_codes = [("", "–"), *((code.code, code.name) for code in codes)]
        self.usual_tax_code = _usual(codes)
        self.codings: dict[str, dict[str, Any]] = {}
        self.options: dict[str, list[tuple[str, str]]] = {}
        for name, model in zip(CODING, (CostCenter, GLAccount, Project), strict=True):
            rows = model.objects.filter(entity=entity, is_active=True).order_by("code")
            self.codings[name] = {str(row.pk): row for row in rows}
            named = [(key, str(row)) for key, row in self.codings[name].items()]
            self.options[name] = [("", LABELS[name]), *named]

    @cached_property
    def items(self) -> dict[str, CatalogItem]:
        """The catalog items that the lines name."""
        wanted = CatalogItem.objects.filter(vendor__entity=self.entity, pk__in=self._named("item"))
        return {str(item.pk): item for item in wanted.select_related("vendor")}

    @cached_property
    def vendors(self) -> dict[str, Vendor]:
        """The vendors that lines name apart from the head's."""
        wanted = Vendor.objects.filter(entity=self.entity, pk__in=self._named("vendor"))
        return {str(vendor.pk): vendor for vendor in wanted}

    def _named(self, field: str) -> list[UUID]:
        ids = [_id(value) for key, value in self.data.items() if key.endswith(field)]
        return [pk for pk in ids if pk]

    def account_of(self, item: CatalogItem) -> str:
        """The key of the account that an item is usually booked to, if it is in use."""
        accounts = self.codings["gl_account"].items()
        return next((key for key, row in accounts if row.code == item.gl_account_code), "")


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _usual(codes: list[TaxCode]) -> str:
    """The standard rate: the highest of category S."""
    standard = [code for code in codes if code.category == "S"]
    return max(standard, key=lambda code: code.percent).code if standard else ""
