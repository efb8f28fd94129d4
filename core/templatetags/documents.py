"""What document pages share: life, approval chain, budget meter, timeline, comparison."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import template

from core.templatetags.ui import TONE_OF, humanise, read

register = template.Library()

ZERO = Decimal(0)
CHAIN_FACTS = (
    "label",
    "people",
    "status",
    "decided_by",
    "on_behalf_of",
    "decided_at",
    "due_at",
    "comment",
    "channel",
    "reason",
)
# Where the words of an event's type are not what a person would say.
TEXTS = {
    "approval.approved": "Approved",
    "approval.rejected": "Rejected",
    "approval.returned": "Sent back for changes",
    "approval.escalated": "Approval escalated",
    "approval.reminded": "Approver reminded",
    "approval.forwarded": "Approval handed over",
    "invoice.stopped": "Invoice needs a decision",
    "invoice.waiting": "Invoice waits for the receipt",
    "order.released": "Unused budget given back",
    "order.document_rendered": "Order printed",
    "person.kept_apart": "Two duties refused",
    "person.mitigated": "Excepted from duties kept apart",
    "setting_change.applied": "Approved, and in force",
    "setting_change.proposed": "Change proposed",
    "setting_change.withdrawn": "Taken back",
    "vendor.change_proposed": "Change proposed",
    "vendor.bank_requested": "Bank account asked for",
    "vendor.bank_verified": "Bank account verified",
    "vendor.bank_dropped": "Bank account not taken",
    "vendor.bank_retired": "Bank account out of use",
    "vendor.bank_resealed": "Bank account sealed by another key",
    "vendor.bank_revealed": "Bank account shown in full",
    "contract.activated": "In force",
    "contract.expiring": "Near its end",
}
# The icon of an event by the last word of its type; its tone comes from the states of `ui`.
ICONS = {
    "created": "plus",
    "submitted": "send",
    "approved": "check",
    "rejected": "x",
    "returned": "arrow-back-up",
    "withdrawn": "corner-up-left",
    "issued": "shopping-cart",
    "sent": "mail",
    "dispatched": "mail",
    "posted": "package",
    "received": "package",
    "reversed": "arrow-back-up",
    "captured": "receipt",
    "matched": "circle-check",
    "cleared": "coin",
    "paid": "coin",
    "in_exception": "alert-triangle",
    "exception": "alert-triangle",
    "escalated": "alert-circle",
    "reminded": "clock",
    "cancelled": "ban",
    "closed": "lock",
    "commented": "message",
    "changed": "edit",
    "edited": "edit",
    "ordered": "shopping-cart",
    "attached": "paperclip",
    "acknowledged": "circle-check",
    "bank_verified": "circle-check",
    "bank_revealed": "eye",
    "bank_resealed": "lock",
    "bank_retired": "lock",
    "on_hold": "player-pause",
    "released": "arrow-right",
    "rolled_over": "arrow-right",
    "came_due": "arrow-right",
    "held": "player-pause",
    "resumed": "arrow-right",
    "reopened": "refresh",
    "document_rendered": "file-type-pdf",
    "file_attached": "paperclip",
    "send_requested": "mail",
    "send_failed": "alert-triangle",
    "stopped": "alert-triangle",
    "opened": "alert-triangle",
    "drafted": "plus",
    "activated": "check",
    "expired": "lock",
    "terminated": "ban",
    "change_proposed": "git-compare",
}


@register.inclusion_tag("components/life.html")
def life(steps: Iterable[Any]) -> dict[str, Any]:
    """Where a document stands. Steps: `label`, `state` (done, now, next, failed), `note`, `at`."""
    icons = {"done": "circle-check", "now": "circle-dashed", "failed": "circle-x"}
    words = {"done": "done", "now": "now", "failed": "failed", "next": "to come"}
    rows = [
        {
            "label": read(step, "label"),
            "state": read(step, "state", "next"),
            "word": words.get(read(step, "state", "next"), ""),
            "icon": icons.get(read(step, "state", "next"), ""),
            "note": read(step, "note", ""),
            "at": read(step, "at"),
        }
        for step in steps
    ]
    return {"steps": rows}


@register.inclusion_tag("components/chain.html")
def approval_chain(steps: Iterable[Any]) -> dict[str, Any]:
    """The people who must agree, in order.

    Steps carry `label`, `status`, and where known `people` (a list), `decided_by`, `on_behalf_of`,
    `decided_at`, `due_at`, `comment`, `channel`, `reason` (why this step is there).
    """
    return {"steps": [{name: read(step, name) for name in CHAIN_FACTS} for step in steps]}


@dataclass(frozen=True)
class Bar:
    """One part of a meter as percent strings for SVG."""

    name: str
    start: str
    width: str


def bars(total: Decimal, parts: Iterable[tuple[str, Decimal]]) -> list[Bar]:
    """Parts of a whole side by side; what does not fit is cut at the right end."""
    found, start = [], ZERO
    for name, value in parts:
        share = max(value, ZERO) * 100 / total if total > 0 else ZERO
        width = min(share, 100 - start)
        if width > 0:
            found.append(Bar(name, f"{start:.2f}%", f"{width:.2f}%"))
            start += width
    return found


@register.inclusion_tag("components/meter.html")
def meter(
    name: str,
    budget: Decimal,
    *,
    spent: Decimal = ZERO,
    committed: Decimal = ZERO,
    reserved: Decimal = ZERO,
    request: Decimal = ZERO,
    currency: str = "",
    url: str = "",
    slim: bool = False,
    bare: bool = False,
) -> dict[str, Any]:
    """A budget as a bar, spent | committed | reserved | this request | left, and in words.

    `slim` leaves the legend out, `bare` everything but the bar, for the rows of a table.
    """
    used = spent + committed + reserved + request
    parts = [
        ("spent", "Spent", spent),
        ("committed", "Committed", committed),
        ("reserved", "Reserved", reserved),
        ("request", "This request", request),
    ]
    return {
        "name": name,
        "budget": budget,
        "left": budget - used,
        "over": used - budget,
        "is_over": used > budget,
        "bars": bars(max(budget, ZERO), [(key, value) for key, _, value in parts]),
        "legend": [row for row in parts if row[2] or row[0] in ("spent", "committed")],
        "currency": currency,
        "url": url,
        "slim": slim,
        "bare": bare,
    }


@register.inclusion_tag("components/timeline.html")
def timeline(events: Iterable[Any], *, limit: int = 0) -> dict[str, Any]:
    """What happened to a document, newest first as given: trail events, or anything alike.

    Reads `type`, `at`, `actor`, `on_behalf_of`, `channel`, `reason`, `changes`, and `text` where
    given; otherwise the words come from the type: `invoice.cleared` is `Invoice cleared`.
    """
    rows = [timeline_row(event) for event in events]
    return {
        "rows": rows[:limit] if limit else rows,
        "more": max(len(rows) - limit, 0) * bool(limit),
    }


def timeline_row(event: Any) -> dict[str, Any]:
    word = str(read(event, "type", "")).rpartition(".")[2]
    data = read(event, "data") or {}
    return {
        "text": read(event, "text")
        or data.get("text")
        or TEXTS.get(read(event, "type", ""))
        or humanise(read(event, "type", "")),
        "reference": read(event, "document_reference", ""),
        "icon": read(event, "icon") or ICONS.get(word, "circle-dashed"),
        "tone": read(event, "tone") or TONE_OF.get(word, "plain"),
        "actor": read(event, "actor"),
        "on_behalf_of": read(event, "on_behalf_of"),
        "channel": read(event, "channel", ""),
        "at": read(event, "at"),
        "reason": read(event, "reason", ""),
        "changes": [
            {
                "field": humanise(read(change, "field", "")),
                "old": _shown(change, "old"),
                "new": _shown(change, "new"),
            }
            for change in read(event, "changes") or []
            if read(change, "old") != read(change, "new")
        ],
    }


def _shown(change: Any, side: str) -> Any:
    """A value of a change; a state is shown as its word."""
    value = read(change, side)
    return humanise(value) if value and read(change, "field") == "status" else value


@register.inclusion_tag("components/compare.html")
def comparison(
    columns: Iterable[str], rows: Iterable[Mapping[str, Any]], *, currency: str = ""
) -> dict[str, Any]:
    """Documents side by side, with what differs marked in colour and in words.

    A row: `label`, `values` (one per column; Decimal, text or None), `kind` (money, price,
    quantity, day, text), `unit`, `odd` (index of the cell that stands out), `note`; or `group`.
    """
    columns = list(columns)
    shown = []
    for row in rows:
        if row.get("group"):
            shown.append({"group": row["group"], "span": len(columns) + 1})
            continue
        odd = row.get("odd")
        shown.append(
            {
                "label": row["label"],
                "kind": row.get("kind", "text"),
                "unit": row.get("unit", ""),
                "note": row.get("note", ""),
                "differs": odd is not None,
                "cells": [
                    {"value": value, "column": column, "odd": index == odd}
                    for index, (column, value) in enumerate(
                        zip(columns, row["values"], strict=True)
                    )
                ],
            }
        )
    return {"columns": columns, "rows": shown, "currency": currency}
