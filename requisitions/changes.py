"""What is different in a requisition since it was submitted the last time, in words."""

from typing import Any
from uuid import UUID

from approvals.queries import submitted_content
from approvals.subjects import Change
from requisitions import content
from vendors.models import ServiceType, Vendor

_IDENTITY = ("requisition", "requester", "lines")
_LINE_IDENTITY = ("line_number", "net", "catalog_item")
_WORDS = {
    "need_by": "Needed by",
    "ship_to": "Deliver to",
    "justification": "Reason given",
    "budget_reason": "Reason for the budget",
    "distributions": "Coding",
    "sku": "Article number",
    "tax_code": "Tax code",
    "period_from": "Service from",
    "period_to": "Service to",
}
_NOTHING = "–"


def changes_since(subject_id: UUID, digest: str) -> list[Change]:
    """Field by field, what differs now from the content that was submitted under that digest.

    Empty when nothing differs, or when no such content was submitted. Statements: 3.
    """
    said = submitted_content(subject_id, digest, event="requisition.submitted")
    if said is None:
        return []
    return differences(said, content.stored_content(subject_id))


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Two contents as `content.content` makes them, compared for people."""
    names = _vendor_names(old, new)
    found = [
        Change(_label(key), _said(key, old.get(key), names), _said(key, new.get(key), names))
        for key in dict.fromkeys([*new, *old])
        if key not in _IDENTITY and not _same(old.get(key), new.get(key))
    ]
    before = {line["line_number"]: line for line in old["lines"]}
    after = {line["line_number"]: line for line in new["lines"]}
    for number in sorted({*before, *after}):
        found += _line_changes(number, before.get(number), after.get(number), names)
    # what follows from another field, such as the amounts behind a coding, reads the same
    return [change for change in found if change.old != change.new]


def _line_changes(
    number: int, old: dict[str, Any] | None, new: dict[str, Any] | None, names: dict[str, str]
) -> list[Change]:
    label = f"Line {number}"
    if old is None or new is None:
        return [Change(label, _whole(old), _whole(new))]
    return [
        Change(
            f"{label}, {_label(key).lower()}",
            _said(key, old.get(key), names),
            _said(key, new.get(key), names),
        )
        for key in dict.fromkeys([*new, *old])
        if key not in _LINE_IDENTITY and not _same(old.get(key), new.get(key))
    ]


def _same(old: Any, new: Any) -> bool:
    """A field that a former version of the portal did not know counts as empty."""
    return old == new or (not old and not new)


def _whole(line: dict[str, Any] | None) -> str:
    if line is None:
        return _NOTHING
    return f"{line['description']}, {line['quantity']} × {line['unit_price']}"


def _label(key: str) -> str:
    return _WORDS.get(key) or key.replace("_", " ").capitalize()


def _said(key: str, value: Any, names: dict[str, str]) -> str:
    if value is None or value in ("", [], {}):
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "vendor":
        return names.get(value, value)
    if key == "service_type":
        return str(dict(ServiceType.choices).get(value, value))
    if key == "distributions":
        return "; ".join(_coding(part) for part in value)
    if isinstance(value, dict):
        return "; ".join(f"{_label(kind).lower()} {each}" for kind, each in value.items() if each)
    return str(value)


def _coding(part: dict[str, Any]) -> str:
    codes = [part["cost_center"], part["gl_account"], part["project"]]
    share = "" if part["percent"] == "100" else f" ({part['percent']} %)"
    return " · ".join(code for code in codes if code) + share


def _vendor_names(*contents: dict[str, Any]) -> dict[str, str]:
    ids = {each[key] for said in contents for each in (said, *said["lines"]) for key in ("vendor",)}
    vendors = Vendor.objects.filter(pk__in=ids - {None})
    return {str(pk): name for pk, name in vendors.values_list("pk", "name")}
