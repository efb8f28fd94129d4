"""Which tolerances hold for an order: the narrowest scope that says something about a check."""

from collections.abc import Iterable

from invoicing import matching
from invoicing.models import Tolerance
from purchase_orders.models import PurchaseOrderLine
from vendors.models import Vendor


def resolve(
    order_lines: Iterable[PurchaseOrderLine], vendor: Vendor | None, entity_id: object
) -> tuple:
    """One tolerance per check and direction: vendor and category, category, vendor, entity.

    The lines of the order know their catalog items. Statements: 1.
    """
    candidates = Tolerance.objects.filter(entity_id=entity_id).select_related("vendor")
    items = (line.catalog_item for line in order_lines)
    categories = {item.service_type for item in items if item is not None}
    chosen: dict[tuple[str, str], tuple[int, Tolerance]] = {}
    for tolerance in candidates:
        if tolerance.vendor_id not in (None, vendor.pk if vendor else None):
            continue
        if tolerance.category and tolerance.category not in categories:
            continue
        rank = 2 * bool(tolerance.category) + bool(tolerance.vendor_id)
        key = (tolerance.check_name, tolerance.direction)
        if key not in chosen or chosen[key][0] < rank:
            chosen[key] = (rank, tolerance)
    return tuple(_as_rule(tolerance) for _, tolerance in chosen.values())


def _as_rule(tolerance: Tolerance) -> matching.Tolerance:
    scope = [str(tolerance.vendor or ""), tolerance.category]
    return matching.Tolerance(
        check=tolerance.check_name,
        direction=tolerance.direction,
        percent=tolerance.percent,
        absolute=tolerance.absolute,
        combine=tolerance.combine,
        action=tolerance.action,
        name=" · ".join(part for part in scope if part) or "default",
    )
