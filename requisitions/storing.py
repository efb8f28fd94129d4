"""Writing a judged requisition to its rows."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar

from accounts.models import User
from core import rows
from requisitions import content
from requisitions.inputs import RequisitionInput
from requisitions.models import (
    Distribution,
    Requisition,
    RequisitionDistribution,
    RequisitionLine,
)
from requisitions.validation import Judged


def store(
    requisition: Requisition,
    data: RequisitionInput,
    judged: Judged,
    *,
    rate: Decimal,
    actor: User,
) -> None:
    """Put what was said and judged into a requisition and its lines, which have none before."""
    for name in content.HEADER:
        setattr(requisition, name, getattr(data, name))
    requisition.references = {
        kind: value.strip() for kind, value in sorted(data.references.items()) if value.strip()
    }
    requisition.vendor = data.vendor
    requisition.rate, requisition.total = rate, judged.total
    requisition._history_user = actor
    requisition.save()
    _store_lines(requisition, judged)


def _store_lines(requisition: Requisition, judged: Judged) -> None:
    lines = [
        RequisitionLine(
            requisition=requisition,
            line_number=number,
            kind=line.said.kind,
            catalog_item=line.said.catalog_item,
            sku=line.sku,
            description=line.description,
            quantity=line.quantity,
            unit=line.unit,
            unit_price=line.unit_price,
            tax_code=line.tax_code,
            net=line.net,
            need_by=line.said.need_by,
            basis=line.said.basis,
            period_from=line.said.period_from,
            period_to=line.said.period_to,
            vendor=line.vendor,
        )
        for number, line in enumerate(judged.lines, 1)
    ]
    rows.insert(lines)
    rows.insert(
        [
            part
            for stored, line in zip(lines, judged.lines, strict=True)
            for part in shared(
                RequisitionDistribution, stored, line.said.distributions, line.amounts
            )
        ]
    )


Part = TypeVar("Part", bound=Distribution)


def shared(
    made_of: type[Part], line: Any, coding: Iterable[Any], amounts: Iterable[Decimal]
) -> list[Part]:
    """Who pays how much of a line, as rows of its kind of document; not saved."""
    return [
        made_of(
            line=line,
            position=position,
            cost_center=part.cost_center,
            gl_account=part.gl_account,
            project=part.project,
            percent=part.percent,
            amount=amount,
        )
        for position, (part, amount) in enumerate(zip(coding, amounts, strict=True), 1)
    ]
