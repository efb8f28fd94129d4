"""Reading vendors and their catalog."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from accounts.acts import acts_of
from accounts.models import Duty, Entity, User
from core.composed import Composed
from vendors.models import BankAccount, CatalogItem, Contract, ServiceOwner, Vendor

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


def contracts(user: User, *, tab: str, search: str = "") -> QuerySet[Contract]:
    """Visible contracts for their list: in force, expiring, draft or over. A search looks at all
    of them, by number, title and vendor."""
    found = Contract.objects.visible_to(user).select_related("vendor")
    words = search.split()[:MOST_WORDS]
    for word in words:
        found = found.filter(
            Q(number__icontains=word) | Q(title__icontains=word) | Q(vendor__name__icontains=word)
        )
    if words:
        return found
    states = {
        "in_force": Contract.LIVE,
        "expiring": (Contract.Status.EXPIRING,),
        "draft": (Contract.Status.DRAFT,),
        "over": (Contract.Status.EXPIRED, Contract.Status.TERMINATED),
    }
    return found.filter(status__in=states[tab])


def bank_acts(vendors: QuerySet[Any, Any]) -> list[QuerySet[Any]]:
    """Who asked for, and who verified, the bank accounts that vendors are paid to or will be."""
    standing = BankAccount.objects.standing().filter(vendor__in=vendors)
    return [
        acts_of(Duty.VENDOR_BANK, standing, "requested_by"),
        acts_of(Duty.VENDOR_BANK, standing, "verified_by"),
    ]


def families(vendors: Iterable[Vendor], *, lock: bool = False) -> dict[UUID, frozenset[UUID]]:
    """Whose sales count as one with a vendor's: its family, and whoever has its tax id.

    `lock` keeps the rows of all of them until the transaction ends: whoever adds up what was asked
    of a family must not miss what somebody else is adding at that moment. Statements: 1.
    """
    asked = list(vendors)
    if not asked:
        return {}
    keys = {vendor.family_key for vendor in asked}
    taxes = {vendor.tax_id for vendor in asked if vendor.tax_id}
    entities = {vendor.entity_id for vendor in asked}
    kin = (_locked_kin if lock else _kin)(entities, keys, taxes or None)
    return {
        vendor.pk: frozenset(
            pk
            for pk, entity, family, code, tax_id in kin
            if entity == vendor.entity_id
            and (vendor.family_key == (family or code) or (tax_id and vendor.tax_id == tax_id))
        )
        for vendor in asked
    }


def _of_kin(
    entities: Collection[UUID], keys: Collection[str], taxes: Collection[str] | None
) -> QuerySet[Any]:
    alike = Vendor.in_families(keys)
    if taxes:
        alike |= Q(tax_id__in=taxes)
    found = Vendor.objects.filter(alike, entity__in=entities).order_by("pk")
    return found.values_list("pk", "entity_id", "family", "code", "tax_id")


_kin = Composed[tuple[Any, ...]](_of_kin)
_locked_kin = Composed[tuple[Any, ...]](
    lambda *asked: _of_kin(*asked).select_for_update(no_key=True)
)


def service_owners(entity: Entity, service_type: str) -> list[str]:
    """The ids of who answers for a kind of service; [""] where nobody was named. Statements: 1."""
    return [str(owner) for owner in _service_owners(entity.pk, str(service_type))] or [""]


_service_owners = Composed[UUID](
    lambda entity, service_type: ServiceOwner.objects.filter(
        entity=entity, service_type=service_type
    ).values_list("owner_id", flat=True)
)


def service_owner_rows(entity: Entity) -> QuerySet[ServiceOwner]:
    """Who answers for what in an entity."""
    rows = ServiceOwner.objects.filter(entity=entity).select_related("owner")
    return rows.order_by("service_type")


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
