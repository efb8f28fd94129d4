"""Which tolerances hold for an order: the narrowest scope that says something about a check."""

from invoicing import matching
from invoicing.models import Tolerance
from purchase_orders.models import PurchaseOrder
from vendors.models import Vendor


def resolve(order: PurchaseOrder | None, vendor: Vendor | None, entity_id: object) -> tuple:
    """One tolerance per check and direction: vendor and category, category, vendor, entity."""
    candidates = Tolerance.objects.filter(entity_id=entity_id).select_related("vendor")
    categories = _categories(order)
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


def _categories(order: PurchaseOrder | None) -> set[str]:
    if order is None:
        return set()
    items = order.lines.filter(catalog_item__isnull=False).order_by()
    return set(items.values_list("catalog_item__service_type", flat=True).distinct())


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
