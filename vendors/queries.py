"""Reading vendors and their catalog."""

from uuid import UUID

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from accounts.models import User
from vendors.models import CatalogItem, Vendor

MOST_WORDS = 6


def listing(user: User, *, status: str = "", search: str = "") -> QuerySet[Vendor]:
    """Visible vendors by name. `search` looks at name, code and tax id."""
    found = Vendor.objects.visible_to(user)
    if status:
        found = found.filter(status=status)
    for word in search.split()[:MOST_WORDS]:
        found = found.filter(
            Q(name__icontains=word) | Q(code__icontains=word) | Q(tax_id__icontains=word)
        )
    return found.order_by("name", "id")


def orderable(user: User) -> QuerySet[Vendor]:
    """Vendors that may get an order today, by name."""
    return listing(user, status=Vendor.Status.APPROVED)


def search_catalog(
    user: User,
    search: str,
    *,
    vendor: UUID | None = None,
    currency: str = "",
    service_type: str = "",
) -> QuerySet[CatalogItem]:
    """Items that may be requested today; every word must occur in name, SKU, category or vendor.

    An equal SKU comes first, then names that begin with what was typed, then by name.
    """
    found = CatalogItem.objects.visible_to(user).orderable().select_related("vendor")
    if vendor:
        found = found.filter(vendor_id=vendor)
    if currency:
        found = found.filter(currency=currency)
    if service_type:
        found = found.filter(service_type=service_type)
    for word in search.split()[:MOST_WORDS]:
        found = found.filter(
            Q(name__icontains=word)
            | Q(sku__icontains=word)
            | Q(category__icontains=word)
            | Q(vendor__name__icontains=word)
        )
    typed = search.strip()
    rank = Case(
        When(sku__iexact=typed, then=Value(0)),
        When(name__istartswith=typed, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return found.order_by(rank, "name", "id")


def catalog(user: User, *, search: str = "", with_retired: bool = True) -> QuerySet[CatalogItem]:
    """The whole catalog the person may see, for its list page."""
    found = CatalogItem.objects.visible_to(user).select_related("vendor")
    if not with_retired:
        found = found.filter(is_active=True)
    for word in search.split()[:MOST_WORDS]:
        found = found.filter(
            Q(name__icontains=word)
            | Q(sku__icontains=word)
            | Q(category__icontains=word)
            | Q(vendor__name__icontains=word)
        )
    return found.order_by("name", "id")
