"""What the reports on approvals answer: as data in the words of the API, and as a table."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.utils import timezone

from core.api.fields import money
from core.tables import Table
from reports import bottlenecks as waiting
from reports import emergency_review as emergencies
from reports.answers import Answer
from reports.approval_api import BottlenecksSerializer, EmergencyReviewSerializer
from reports.asking import Question

_RATE = Decimal("0.0001")


def emergency_review(asked: Question) -> Answer:
    report = emergencies.review(
        entity=asked.entity, now=timezone.now(), since=asked.since, as_of=asked.as_of
    )
    return Answer(_review_body(report), review_table(report))


def approval_bottlenecks(asked: Question) -> Answer:
    report = waiting.bottlenecks(
        entity=asked.entity, now=timezone.now(), since=asked.since, as_of=asked.as_of
    )
    return Answer(_bottlenecks_body(report), bottlenecks_table(report))


def review_table(report: emergencies.Review) -> Table:
    """One row for each bypass; the rate below."""
    columns = [
        *("document", "incident", "requester", "amount", "approved_by", "approved_at"),
        *("status", "due_at", "falls_to", "settled_by", "settled_at", "late", "comment"),
    ]
    rows = (
        [
            each.round_.subject_title,
            each.task.incident,
            each.task.requester,
            each.amount,
            ", ".join(map(str, each.decided_by)),
            each.approved_at.isoformat(),
            each.status,
            each.task.due_at.isoformat(),
            each.task.assignee,
            *_settled(each),
        ]
        for each in report.bypasses
    )
    footer: list[list[Any]] = [
        ["Total", "", "", report.amount],
        ["Share of approved requests", "", "", f"{report.rate.quantize(_RATE):f}"],
    ]
    return Table("Emergencies", columns, rows, footer, report.entity.currency)


def bottlenecks_table(report: waiting.Bottlenecks) -> Table:
    """Steps and people in one sheet; `by` tells them apart."""
    columns = [
        *("by", "name", "document_type", "count", "median_hours", "p90_hours"),
        *("late", "waiting", "overdue", "oldest_at"),
    ]

    def cells(by: str, rows: Iterable[waiting.Stretch]) -> Iterable[list[Any]]:
        for each in rows:
            yield [
                *(by, each.name, each.document_type, each.count),
                *(_text(each.median_hours) or "", _text(each.p90_hours) or ""),
                *(each.late, each.waiting, each.overdue),
                each.oldest.isoformat() if each.oldest else "",
            ]

    footer = [
        ["All", "", "", report.count, _text(report.median_hours), _text(report.p90_hours)],
        ["Waiting now", "", "", report.waiting],
    ]
    rows = [*cells("step", report.steps), *cells("person", report.people)]
    return Table("Where approvals wait", columns, rows, footer, report.entity.currency)


def _settled(each: emergencies.Bypass) -> list[Any]:
    """How it was settled, as far as it was in the period."""
    if each.status not in (emergencies.RATIFIED, emergencies.OBJECTED):
        return ["", "", "", ""]
    at = each.task.settled_at
    return [
        each.task.settled_by or "",
        at.isoformat() if at else "",
        "yes" if each.late else "no",
        each.task.comment,
    ]


def _review_body(report: emergencies.Review) -> dict[str, Any]:
    currency = report.entity.currency
    body = {
        "report": "emergency-review",
        "since": report.since,
        "as_of": report.as_of,
        "currency": currency,
        "count": len(report.bypasses),
        "approved": report.approved,
        "rate": f"{report.rate.quantize(_RATE):f}",
        "amount": money(report.amount, currency),
        **{name: getattr(report, name) for name in ("due", "overdue", "objected", "late")},
        "rows": [_bypass_body(each, currency) for each in report.bypasses],
        "requesters": [
            {
                "person": each.person,
                "count": each.count,
                "amount": money(each.amount, currency),
                "objected": each.objected,
            }
            for each in report.usage
        ],
    }
    return dict(EmergencyReviewSerializer(body).data)


def _bypass_body(each: emergencies.Bypass, currency: str) -> dict[str, Any]:
    task, round_ = each.task, each.round_
    settled = each.status in (emergencies.RATIFIED, emergencies.OBJECTED)
    return {
        "document": {
            "type": round_.subject_type,
            "id": round_.subject_id,
            "title": round_.subject_title,
        },
        "incident": task.incident,
        "requester": task.requester,
        "amount": money(each.amount, currency),
        "approved_by": list(each.decided_by),
        "approved_at": each.approved_at,
        "status": each.status,
        "due_at": task.due_at,
        "falls_to": task.assignee,
        "settled_by": task.settled_by if settled else None,
        "settled_at": task.settled_at if settled else None,
        "late": each.late,
        "comment": task.comment if settled else "",
    }


def _bottlenecks_body(report: waiting.Bottlenecks) -> dict[str, Any]:
    body = {
        "report": "approval-bottlenecks",
        "since": report.since,
        "as_of": report.as_of,
        "count": report.count,
        "median_hours": _text(report.median_hours),
        "p90_hours": _text(report.p90_hours),
        "waiting": report.waiting,
        "overdue": report.overdue,
        "complete": report.complete,
        "steps": [
            {"kind": each.key, "document_type": each.document_type, **_stretch(each)}
            for each in report.steps
        ],
        "people": [{"person": each.key, **_stretch(each)} for each in report.people],
    }
    return dict(BottlenecksSerializer(body).data)


def _stretch(each: waiting.Stretch) -> dict[str, Any]:
    return {
        "name": each.name,
        "count": each.count,
        "median_hours": _text(each.median_hours),
        "p90_hours": _text(each.p90_hours),
        "late": each.late,
        "waiting": each.waiting,
        "overdue": each.overdue,
        "oldest_at": each.oldest,
    }


def _text(hours: Decimal | None) -> str | None:
    return None if hours is None else f"{hours:f}"
