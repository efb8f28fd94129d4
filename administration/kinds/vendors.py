"""Master data of a vendor that was approved: to whom orders and money go."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import vendors.services
import vendors.validation
from administration.kinds.values import Kind, Values, only, two_people, wrong
from administration.models import ChangeRequest
from approvals.subjects import Change
from vendors import changes
from vendors.inputs import ContactInput, VendorInput
from vendors.models import Vendor

LABELS = {
    "code": "Code",
    "name": "Name",
    "family": "Group of companies",
    "tax_id": "Tax id",
    "country": "Country",
    "currency": "Currency",
    "address": "Address",
    "order_email": "Orders go to",
    "payment_terms_days": "Payment terms, days",
    "default_match_type": "Matching",
}
_CONTACT = {field.name for field in fields(ContactInput)}


def _vendor(change: ChangeRequest) -> Vendor:
    return Vendor.objects.select_related("entity").get(pk=change.vendor_id)


def _read(change: ChangeRequest) -> Values:
    return asdict(changes.present(_vendor(change)))


def _check(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after, *LABELS, "contacts")
    vendor = _vendor(change)
    if not vendor.takes_two_people:
        raise wrong("/vendor", "not_approved", "It was never approved: edit it directly.")
    wanted = _input({**_read(change), **after})
    vendors.validation.judge(entity=change.entity, data=wanted, vendor=vendor)
    return asdict(wanted)


def _input(values: Values) -> VendorInput:
    """The values as an input whose members are of the right kind. Raises Invalid."""
    for name in LABELS:
        kind = int if name == "payment_terms_days" else str
        if not isinstance(values[name], kind) or isinstance(values[name], bool):
            raise wrong(f"/{name}", "invalid", "Not a value that this can have.")
    contacts = values["contacts"]
    if not isinstance(contacts, list):
        raise wrong("/contacts", "invalid", "A list of {name, email, role}.")
    for index, each in enumerate(contacts):
        if not isinstance(each, dict) or not _is_contact(each):
            raise wrong(f"/contacts/{index}", "invalid", "A name, an email address, a role.")
    return VendorInput(**{**values, "contacts": [ContactInput(**each) for each in contacts]})


def _is_contact(value: dict[str, Any]) -> bool:
    texts = all(isinstance(each, str) for each in value.values())
    return texts and {"name", "email"} <= set(value) <= _CONTACT


def _apply(change: ChangeRequest, actor: Any, at: datetime) -> None:
    vendors.services.edit(
        vendor=_vendor(change),
        data=_input(change.after),
        reason=change.reason,
        **two_people(change, actor, at),
    )


def _rows(change: ChangeRequest) -> list[Change]:
    return [
        *(
            Change(label, _said(change.before[name]), _said(change.after[name]))
            for name, label in LABELS.items()
            if change.before[name] != change.after[name]
        ),
        *_contact_rows(change.before["contacts"], change.after["contacts"]),
    ]


def _said(value: Any) -> str:
    return ", ".join(str(value).splitlines()) or "nothing"


def _contact_rows(before: list[Values], after: list[Values]) -> list[Change]:
    """Contacts that went and contacts that came, those of the same name side by side."""
    gone = [each for each in before if each not in after]
    come = [each for each in after if each not in before]
    rows = []
    for old in gone:
        new = next((each for each in come if each["name"] == old["name"]), None)
        if new is not None:
            come.remove(new)
        rows.append(Change(f"Contact {old['name']}", _reached(old), _reached(new)))
    return rows + [Change(f"Contact {new['name']}", "none", _reached(new)) for new in come]


def _reached(contact: Values | None) -> str:
    if contact is None:
        return "removed"
    return ", ".join(part for part in (contact["email"], contact["role"]) if part)


VENDOR = Kind(_read, _check, _apply, _rows)
