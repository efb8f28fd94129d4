"""One document of each kind and state to knock at every address with, and what each address takes.

A page that takes a path argument names it here: `ARGUMENTS` maps an address to the documents it is
tried with; `BODIES` gives a POST that means something, so that who may is what decides the answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import administration.services
import purchase_orders.services
from approvals import links, services
from approvals.models import (
    ApprovalPolicy,
    ApprovalRequest,
    ApprovalStep,
    Delegation,
    Ratification,
    StepQuestion,
)
from budgeting.models import YearEnd
from budgeting.services import year_ends
from budgets.models import BudgetAlert, QuietWindow
from core import attachments, outbox
from core.models import Attachment, Comment, TrailEvent
from invoicing.services import ToleranceInput, set_tolerance
from notifications.models import Mention
from purchase_orders.models import PurchaseOrder, ReleaseProposal
from reports import schedules
from tests.api.conftest import signed_in
from tests.api.lives import approved, billed, get, issued, ordered, post, received, requested
from tests.api.test_requisitions import create
from tests.budgeting import scene as budgeting
from tests.chargeback import sharing
from tests.factories import Organisation
from tests.vendors.accounts_of import NEW, known
from tests.vendors.agreements import contract

REASON = {"reason": "Because"}


@dataclass(frozen=True)
class Scene:
    """Ids by what they are: `order_issued`, `step`, `mail_link` …"""

    ids: dict[str, str]
    events: int  # rows of the trail when the scene stood

    def filled(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with the names of things replaced by their ids."""
        return {key: self._named(value) for key, value in body.items()}

    def _named(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.filled(value)
        if isinstance(value, list):
            return [self._named(each) for each in value]
        return self.ids.get(value, value) if isinstance(value, str) else value


def build(org: Organisation, at: datetime) -> Scene:
    """rita requests, axel is asked, bea orders, rob receives, finn captures; all in DE01."""
    bea, finn, vera = signed_in(org.bea), signed_in(org.finn), signed_in(org.vera)
    order = issued(org)
    outbox.drain()
    receipt = received(org, order, "6")
    stopped = billed(org, order, "9", number="R-9")
    held, closed, paid = issued(org), issued(org), issued(org)
    received(org, paid, "1")
    cleared = billed(org, paid, "1", number="R-1")
    post(bea, f"orders/{held['id']}/hold/")
    post(bea, f"orders/{closed['id']}/close/", REASON)
    fresh = issued(org)
    late = received(org, fresh, "1")
    attachment = attachments.attach(
        document=PurchaseOrder.objects.get(pk=order["id"]),
        data=b"%PDF-1.7 drawing",
        name="drawing.pdf",
        actor=org.bea,
        at=at,
    )
    exception = next(each for each in stopped["exceptions"] if each["status"] == "open")
    events = get(signed_in(org.olga), "events/")["results"]
    entries = get(signed_in(org.cora), f"ledger-entries/?document_id={order['id']}")["results"]
    draft = create(signed_in(org.rita))
    approved_one = approved(org)
    assert get(finn, f"invoices/{cleared['id']}/")["status"] == "cleared"
    reviewed, suspended = (
        post(
            vera, "vendors/", {**BODIES["api:vendors-list"], "code": code, "name": code}, status=201
        )["id"]
        for code in ("V-7000", "V-8000")
    )
    for vendor in (reviewed, suspended):
        post(vera, f"vendors/{vendor}/submit/")
    post(vera, f"vendors/{suspended}/approve/")
    post(vera, f"vendors/{suspended}/suspend/", REASON)
    drafted, fresh_one, closing = ordered(org), issued(org), issued(org)
    change_draft, change_ready = (_change(bea, issued(org)) for _ in range(2))
    post(bea, f"change-orders/{change_ready}/submit/")
    asked = _asked(org, requested(org)["id"], at)
    change = administration.services.propose(
        entity=org.entity,
        kind="roles",
        person=org.vera,
        after={"roles": ["vendor_manager", "auditor"]},
        reason="Stands in for the auditor",
        actor=org.ada,
        at=at,
    )
    tolerance = set_tolerance(
        entity=org.entity,
        wanted=ToleranceInput(check="tax", percent=Decimal(1), valid_from=at.date()),
        actor=None,
        at=at,
    )
    submitted = requested(org)  # last: the helpers above have all approvers say yes
    order_own, order_asked = (_own_order(bea) for _ in range(2))
    post(bea, f"orders/{order_asked}/submit/")
    blanket_draft, blanket = _blankets(org, bea)
    step = ApprovalStep.objects.get(request__subject_id=submitted["id"], assignee=org.axel)
    delegation = _delegated(org, at)
    sent, paused = (
        schedules.schedule(wanted=schedules.Wanted(name, "commitments"), actor=org.cora, at=at)
        for name in ("Weekly", "Paused")
    )
    schedules.pause(report=paused, actor=org.cora, at=at)
    return Scene(
        {
            "scheduled_report": str(sent.pk),
            "scheduled_report_paused": str(paused.pk),
            "requisition_draft": draft["id"],
            "requisition_submitted": submitted["id"],
            "requisition_approved": approved_one["id"],
            "step": str(step.pk),
            "round": str(step.request_id),
            "mail_link": links.issue(step=step, at=at),
            "order_draft": drafted["id"],
            "order_own": order_own,
            "order_asked": order_asked,
            "blanket_draft": blanket_draft["id"],
            "blanket": blanket["id"],
            "blanket_line": blanket["lines"][0]["id"],
            "order_issued": order["id"],
            "order_fresh": fresh_one["id"],
            "order_held": held["id"],
            "order_closed": closed["id"],
            "change_draft": change_draft,
            "change_ready": change_ready,
            "receipt": receipt["id"],
            "receipt_late": late["id"],
            "invoice_stopped": stopped["id"],
            "invoice_cleared": cleared["id"],
            "exception": exception["id"],
            "attachment": str(Attachment.objects.get(pk=attachment.pk).pk),
            "vendor": str(org.vendor.pk),
            "vendor_prospect": str(org.prospect.pk),
            "vendor_reviewed": reviewed,
            "vendor_suspended": suspended,
            "item": str(org.items["NB-14"].pk),
            "bank_account": str(known(org.vendor, at=at).pk),
            "contract": str(contract(org, "MSA-1").pk),
            "contract_draft": str(contract(org, "MSA-2", status="draft").pk),
            "cost_center": str(org.cost_centers["CC100"].pk),
            "gl_account": str(org.gl_accounts["6600"].pk),
            "project": str(org.projects["ATLAS"].pk),
            "budget": str(org.cell("CC100", "6600").pk),
            "fiscal_year": str(org.cell("CC100", "6600").fiscal_year_id),
            "budget_alert": str(_alert(org, at).pk),
            "quiet_window": str(_quiet(org, at).pk),
            "policy": str(org.policies["standard"].pk),
            "policy_draft": str(_drafted(org, at).pk),
            "question": str(asked.pk),
            "delegation": str(delegation.pk),
            "ratification": str(_ratification(org, approved_one["id"], at).pk),
            "event": events[0]["id"],
            "mention": str(_mentioned(org, submitted["id"], at).pk),
            "entry": entries[0]["id"],
            "seen_digest": step.request.digest,
            "sven_id": str(org.sven.pk),
            "rob_id": str(org.rob.pk),
            "setting_change": str(change.pk),
            "tolerance": str(tolerance.pk),
            **budgeting.ids(org),
            **_released(org, fresh_one["id"], closing["id"], at),
            "year_end": str(_year_end(org, at).pk),
            **sharing.scene(org),
        },
        TrailEvent.objects.count(),
    )


def _mentioned(org: Organisation, requisition: str, at: datetime) -> Mention:
    """rita names axel in a comment."""
    said = Comment.objects.create(
        document_type="requisition", document_id=requisition, author=org.rita, text="@axel", at=at
    )
    return Mention.objects.create(person=org.axel, comment=said, reference="REQ", at=at)


def _released(org: Organisation, open_: str, closed: str, at: datetime) -> dict[str, str]:
    """An order that is proposed for release, and one that was released in a batch."""
    proposed, accepted = (
        ReleaseProposal.objects.create(
            entity=org.entity, order_id=pk, kind="stale", since=at.date(), amount=1, found_on=at
        )
        for pk in (open_, closed)
    )
    batch = purchase_orders.services.accept(proposals=[accepted], actor=org.bea, at=at)
    return {
        "release_proposal": str(proposed.pk),
        "release_accepted": str(accepted.pk),
        "release_batch": str(batch.pk),
    }


def _year_end(org: Organisation, at: datetime) -> YearEnd:
    """Of 2025, in which nothing was open."""
    year_end = year_ends.request(
        entity=org.entity,
        fiscal_year=2025,
        policy=YearEnd.Policy.WITH_BUDGET,
        reason="Books of 2025",
        actor=org.cora,
        at=at,
    )
    return year_ends.run(year_end=year_end, at=at)


def _alert(org: Organisation, at: datetime) -> BudgetAlert:
    cell = org.cell("CC100", "6600")
    return BudgetAlert.objects.create(
        entity=org.entity,
        cell=cell,
        kind=BudgetAlert.Kind.LEVEL,
        level=50,
        crossing=1,
        amount=cell.amount,
        used=cell.amount / 2,
        at=at,
    )


def _quiet(org: Organisation, at: datetime) -> QuietWindow:
    return QuietWindow.objects.create(
        entity=org.entity, starts_at=at, ends_at=at + timedelta(days=1), reason="We move"
    )


def _drafted(org: Organisation, at: datetime) -> ApprovalPolicy:
    """A new version of a policy, of ada's making."""
    return services.new_version(policy=org.policies["standard"], actor=org.ada, at=at)


def _delegated(org: Organisation, at: datetime) -> Delegation:
    """Of axel's decisions to fay, who finds nothing of it yet."""
    return services.delegate(
        from_user=org.axel,
        to_user=org.fay,
        duties=[],
        valid_from=at + timedelta(days=10),
        valid_to=at + timedelta(days=20),
        max_amount=None,
        reason="Holidays",
        actor=org.axel,
        at=at,
    )


def _ratification(org: Organisation, requisition_id: str, at: datetime) -> Ratification:
    """Of an approved request of rita's, as if it had been an emergency; it falls to axel."""
    return Ratification.objects.create(
        entity=org.entity,
        request=ApprovalRequest.objects.get(subject_id=requisition_id),
        requester=org.rita,
        assignee=org.axel,
        incident="INC-1",
        due_at=at,
        created_at=at,
    )


def _own_order(bea: Any) -> str:
    """A draft that no request covers."""
    coding = [{"cost_center": "CC100", "gl_account": "6600"}]
    line = {"description": "Cable", "quantity": "1", "unit_price": "10", "distributions": coding}
    return post(bea, "orders/", {"vendor": "V-1000", "lines": [line]}, status=201)["id"]


def _blankets(org: Organisation, bea: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A blanket order that is a draft, and one that its buyer was allowed to issue."""
    said = {**BODIES["api:orders-list"], "kind": "blanket", "limit": "100"}
    draft, wanted = (post(bea, "orders/", said, status=201) for _ in range(2))
    org.bea.approval_limit, before = Decimal(100), org.bea.approval_limit
    org.bea.save()
    issued_one = post(bea, f"orders/{wanted['id']}/issue/")
    org.bea.approval_limit = before
    org.bea.save()
    return draft, issued_one


def _change(bea: Any, order: dict[str, Any]) -> str:
    """A drafted change that costs less, so that nobody has to agree to it."""
    line = {"order_line": order["lines"][0]["id"], "quantity": "9"}
    said = {"order": order["id"], "reason_code": "need", **REASON, "lines": [line]}
    return post(bea, "change-orders/", said, status=201)["id"]


def _asked(org: Organisation, requisition: str, at: datetime) -> StepQuestion:
    """What axel wants to know from rita before he decides."""
    step = ApprovalStep.objects.get(request__subject_id=requisition, assignee=org.axel)
    return services.ask(step=step, of=org.rita, question="Why?", actor=org.axel, at=at)


# An address, or its beginning followed by *, and the path arguments to try it with; a value that
# names something of the scene stands for its id. The longest fitting name counts.
ARGUMENTS: dict[str, list[dict[str, str]]] = {
    "api:vendors-*": [{"pk": "vendor"}],
    "api:vendors-submit": [{"pk": "vendor_prospect"}],
    "api:vendors-approve": [{"pk": "vendor_reviewed"}],
    "api:vendors-reject": [{"pk": "vendor_reviewed"}],
    "api:vendors-reinstate": [{"pk": "vendor_suspended"}],
    "api:catalog-items-*": [{"pk": "item"}],
    "api:bank-accounts-*": [{"pk": "bank_account"}],
    "api:contracts-*": [{"pk": "contract"}],
    "api:contracts-detail": [{"pk": "contract"}, {"pk": "contract_draft"}],
    "api:contracts-activate": [{"pk": "contract_draft"}],
    "api:cost-centers-*": [{"pk": "cost_center"}],
    "api:gl-accounts-*": [{"pk": "gl_account"}],
    "api:projects-*": [{"pk": "project"}],
    "api:fiscal-years-*": [{"pk": "fiscal_year"}],
    "api:budgets-*": [{"pk": "budget"}],
    "api:budget-changes-*": [{"pk": "budget_change"}, {"pk": "budget_change_draft"}],
    "api:budget-changes-reverse": [{"pk": "budget_change_done"}],
    "api:journals-*": [{"pk": "journal"}],
    "api:requisitions-*": [{"pk": "requisition_draft"}, {"pk": "requisition_approved"}],
    "api:requisitions-withdraw": [{"pk": "requisition_submitted"}],
    "api:approvals-*": [{"pk": "step"}],
    "api:approval-rounds-*": [{"pk": "round"}],
    "api:approval-policies-*": [{"pk": "policy"}],
    "api:approval-policies-detail": [{"pk": "policy"}, {"pk": "policy_draft"}],
    "api:approval-policies-activate": [{"pk": "policy"}, {"pk": "policy_draft"}],
    "api:approval-policies-discard": [{"pk": "policy_draft"}],
    "api:delegations-*": [{"pk": "delegation"}],
    "api:ratifications-*": [{"pk": "ratification"}],
    "api:orders-*": [{"pk": "order_issued"}],
    "api:change-orders-*": [{"pk": "change_draft"}],
    "api:change-orders-issue": [{"pk": "change_ready"}],
    "api:orders-issue": [{"pk": "order_draft"}],
    "api:orders-release": [{"pk": "blanket"}],
    "api:orders-drawdown": [{"pk": "blanket"}],
    "api:orders-submit": [{"pk": "order_own"}],
    "api:orders-withdraw": [{"pk": "order_asked"}],
    "api:orders-cancel": [{"pk": "order_fresh"}],
    "api:orders-resume": [{"pk": "order_held"}],
    "api:orders-reopen": [{"pk": "order_closed"}],
    "api:receipts-*": [{"pk": "receipt"}],
    "api:receipts-reverse": [{"pk": "receipt_late"}],
    "api:invoices-*": [{"pk": "invoice_stopped"}],
    "api:invoices-void": [{"pk": "invoice_cleared"}],
    "api:match-exceptions-*": [{"pk": "exception"}],
    "api:budget-alerts-*": [{"pk": "budget_alert"}],
    "api:ledger-entries-*": [{"pk": "entry"}],
    "api:attachments-*": [{"pk": "attachment"}],
    "api:events-*": [{"pk": "event"}],
    "api:report": [
        {"name": "commitments"},
        {"name": "accruals"},
        {"name": "budget-variance"},
        {"name": "commitment-burn-down"},
        {"name": "forecast"},
        {"name": "open-orders-aging"},
        {"name": "segregation-of-duties"},
        {"name": "emergency-review"},
        {"name": "approval-bottlenecks"},
    ],
    "api:scheduled-reports-*": [{"pk": "scheduled_report"}],
    "api:scheduled-reports-resume": [{"pk": "scheduled_report_paused"}],
    "reports:schedule_*": [{"pk": "scheduled_report"}],
    "reports:schedule_resume": [{"pk": "scheduled_report_paused"}],
    "api:unknown": [{}],
    "approvals:link": [{"token": "mail_link"}, {"token": "0" * 43}],
    "approvals:*": [{"step_id": "step"}],
    "approvals:link_file": [{"step_id": "step", "pk": "attachment"}],
    "approvals:answer": [{"pk": "question"}],
    "approvals:history": [
        {"subject_id": "requisition_submitted"},
        {"subject_id": "requisition_draft"},
    ],
    "approvals:revoke": [{"pk": "delegation"}],
    "approvals:settle": [
        {"pk": "ratification", "verb": "ratify"},
        {"pk": "ratification", "verb": "object"},
        {"pk": "ratification", "verb": "explode"},
    ],
    "approvals:polic*": [{"pk": "policy_draft"}],
    "approvals:policy": [{"pk": "policy"}, {"pk": "policy_draft"}],
    "approvals:policy_perform": [
        {"pk": "policy_draft", "verb": "activate"},
        {"pk": "policy", "verb": "retire"},
        {"pk": "policy", "verb": "keep"},
        {"pk": "policy_draft", "verb": "discard"},
        {"pk": "policy_draft", "verb": "new-version"},
        {"pk": "policy_draft", "verb": "explode"},
    ],
    "notifications:mention_seen": [{"pk": "mention"}],
    "api:mentions-*": [{"pk": "mention"}],
    "notifications:mail_one": [{"name": "none"}],
    "notifications:mail_html": [{"name": "none"}],
    "notifications:mail_file": [{"name": "none", "index": "1"}],
    "core:comment": [{"kind": "order", "pk": "order_issued"}],
    "core:attach": [{"kind": "order", "pk": "order_issued"}],
    "core:download": [{"pk": "attachment"}],
    "requisitions:*": [{"pk": "requisition_draft"}, {"pk": "requisition_submitted"}],
    "requisitions:edit": [{"pk": "requisition_draft"}],
    "requisitions:perform": [
        {"pk": "requisition_draft", "action": "submit"},
        {"pk": "requisition_submitted", "action": "withdraw"},
        {"pk": "requisition_approved", "action": "cancel"},
        {"pk": "requisition_approved", "action": "close"},
        {"pk": "requisition_approved", "action": "copy"},
        {"pk": "requisition_approved", "action": "explode"},
    ],
    "purchase_orders:*": [{"pk": "order_issued"}],
    "purchase_orders:edit": [{"pk": "order_draft"}],
    "purchase_orders:edit_blanket": [{"pk": "blanket_draft"}],
    "purchase_orders:edit_whole": [{"pk": "order_own"}],
    "purchase_orders:release": [{"pk": "blanket"}],
    "purchase_orders:release_requisition": [
        {"pk": "blanket", "requisition": "requisition_approved"}
    ],
    "purchase_orders:change": [{"pk": "change_draft"}],
    "purchase_orders:edit_change": [{"pk": "change_draft"}],
    "purchase_orders:perform_change": [
        {"pk": "change_draft", "action": "submit"},
        {"pk": "change_ready", "action": "issue"},
        {"pk": "change_draft", "action": "withdraw"},
        {"pk": "change_draft", "action": "explode"},
    ],
    "purchase_orders:from_requisition": [{"pk": "requisition_approved"}],
    "purchase_orders:receipt": [{"pk": "receipt"}],
    "purchase_orders:reverse": [{"pk": "receipt_late"}],
    "purchase_orders:perform": [
        {"pk": "order_draft", "action": "issue"},
        {"pk": "order_own", "action": "submit"},
        {"pk": "order_asked", "action": "withdraw"},
        {"pk": "order_issued", "action": "hold"},
        {"pk": "order_held", "action": "resume"},
        {"pk": "order_fresh", "action": "cancel"},
        {"pk": "order_issued", "action": "close"},
        {"pk": "order_closed", "action": "reopen"},
        {"pk": "order_issued", "action": "send"},
        {"pk": "order_issued", "action": "explode"},
    ],
    "invoicing:*": [{"pk": "invoice_stopped"}],
    "invoicing:perform": [
        {"pk": "invoice_stopped", "action": "match"},
        {"pk": "invoice_stopped", "action": "clear"},
        {"pk": "invoice_stopped", "action": "return"},
        {"pk": "invoice_stopped", "action": "reject"},
        {"pk": "invoice_stopped", "action": "dispute"},
        {"pk": "invoice_stopped", "action": "link"},
        {"pk": "invoice_cleared", "action": "void"},
        {"pk": "invoice_stopped", "action": "explode"},
    ],
    "invoicing:exception": [{"pk": "exception"}],
    "invoicing:resolve": [
        {"pk": "exception", "resolution": "accept"},
        {"pk": "exception", "resolution": "return"},
        {"pk": "exception", "resolution": "wait_for_receipt"},
    ],
    "vendors:detail": [{"pk": "vendor"}],
    "vendors:edit": [{"pk": "vendor"}, {"pk": "vendor_prospect"}],
    "vendors:bank_new": [{"pk": "vendor"}],
    "vendors:bank_account": [{"pk": "vendor", "account": "bank_account"}],
    "vendors:contract": [{"pk": "contract"}],
    "vendors:contract_edit": [{"pk": "contract_draft"}],
    "vendors:contract_perform": [
        {"pk": "contract_draft", "action": "activate"},
        {"pk": "contract", "action": "terminate"},
    ],
    "vendors:perform": [
        {"pk": "vendor_prospect", "action": "submit"},
        {"pk": "vendor_reviewed", "action": "approve"},
        {"pk": "vendor_reviewed", "action": "reject"},
        {"pk": "vendor_suspended", "action": "reinstate"},
        {"pk": "vendor", "action": "suspend"},
        {"pk": "vendor", "action": "block"},
    ],
    "budgets:detail": [{"pk": "budget"}],
    "budgets:levels": [{"pk": "budget"}],
    "budgets:acknowledge": [{"pk": "budget_alert"}],
    "budgets:end_quiet": [{"pk": "quiet_window"}],
    "budgeting:change": [{"pk": "budget_change"}, {"pk": "budget_change_draft"}],
    "budgeting:edit": [{"pk": "budget_change"}, {"pk": "budget_change_draft"}],
    "budgeting:perform": [
        {"pk": "budget_change_draft", "action": "submit"},
        {"pk": "budget_change", "action": "withdraw"},
        {"pk": "budget_change_done", "action": "reverse"},
        {"pk": "budget_change", "action": "explode"},
    ],
    "budgeting:import": [{"pk": "file_import"}],
    "budgeting:journal": [{"pk": "journal"}],
    "budgeting:year_end": [{"pk": "year_end"}],
    "budgeting:perform_year_end": [
        {"pk": "year_end", "action": "close"},
        {"pk": "year_end", "action": "reverse"},
        {"pk": "year_end", "action": "explode"},
    ],
    "api:year-ends-*": [{"pk": "year_end"}],
    "api:release-proposals-*": [{"pk": "release_proposal"}],
    "api:release-proposals-reverse": [{"pk": "release_accepted"}],
    "purchase_orders:keep_proposal": [{"pk": "release_proposal"}],
    "purchase_orders:undo_batch": [{"pk": "release_batch"}],
    "budgeting:reverse": [{"pk": "journal"}],
    "api:allocation-rules-*": [{"pk": "allocation_rule"}],
    "api:allocation-rules-consumption": [{"pk": "allocation_rule_metered"}],
    "api:allocations-*": [{"pk": "allocation"}],
    "api:statements-*": [{"pk": "statement"}],
    "api:statements-resolve": [{"pk": "statement_disputed"}],
    "chargeback:rule*": [{"pk": "allocation_rule"}],
    "chargeback:consumption": [{"pk": "allocation_rule_metered"}],
    "chargeback:allocation": [{"pk": "allocation"}],
    "chargeback:reverse": [{"pk": "allocation"}],
    "chargeback:statement": [{"pk": "statement"}],
    "chargeback:file": [{"pk": "statement", "kind": "csv"}],
    "chargeback:answer": [
        {"pk": "statement_line", "action": "dispute"},
        {"pk": "statement_line_disputed", "action": "keep"},
        {"pk": "statement_line_disputed", "action": "correct"},
    ],
    "api:people-*": [{"pk": "rob_id"}],
    "api:setting-changes-*": [{"pk": "setting_change"}],
    "api:tolerances-*": [{"pk": "tolerance"}],
    "administration:tolerance": [{"pk": "tolerance"}],
    "administration:person": [{"pk": "rob_id"}],
    "administration:deactivate": [{"pk": "rob_id"}],
    "administration:propose": [
        {"pk": "rob_id", "kind": "roles"},
        {"pk": "rob_id", "kind": "limits"},
        {"pk": "rob_id", "kind": "manager"},
        {"pk": "rob_id", "kind": "mitigation"},
        {"pk": "rob_id", "kind": "explode"},
    ],
    "administration:*": [{"pk": "setting_change"}],
    "account_reset_password_from_key": [{"uidb36": "1", "key": "none"}],
}

LINE = {
    "description": "Cable",
    "quantity": "1",
    "unit_price": "5.00",
    "tax_code": "DE19",
    "distributions": [{"cost_center": "CC100", "gl_account": "6600"}],
}
RULE = {
    "kind": "showback",
    "basis": "fixed",
    "cost_center": "CC100",
    "service_owner": "axel@demo.example",
    "valid_from": "2026-01-01",
    "shares": [{"cost_center": "CC200", "percent": "100"}],
}
# What is posted; a value that names something of the scene stands for it.
BODIES: dict[str, dict[str, Any]] = {
    "budgets:levels": {"levels": "70, 90"},
    "budgets:quiet": {
        "starts_at": "2026-12-24T00:00",
        "ends_at": "2027-01-02T00:00",
        "reason": "Holidays",
    },
    "budgets:working_time": {"only": "no"},
    "api:vendors-list": {
        "code": "V-9000",
        "name": "Neu GmbH",
        "country": "DE",
        "currency": "EUR",
        "order_email": "neu@vendors.example",
    },
    "api:bank-accounts-list": {
        "vendor": "V-1000",
        "holder": "Elbe IT Handel GmbH",
        "number": NEW,
        **REASON,
    },
    "api:bank-accounts-reveal": {},
    "api:vendors-detail": {"name": "Neu GmbH", **REASON},
    "api:contracts-list": {
        "vendor": "V-1000",
        "title": "Frame",
        "valid_from": "2026-01-01",
        "currency": "EUR",
    },
    "api:contracts-detail": {"title": "Frame"},
    "api:budgets-list": {
        "fiscal_year": 2026,
        "cost_center": "CC100",
        "gl_account": "6400",
        "amount": "5.00",
        "reason": "Because",
    },
    "api:budgets-set-levels": {"levels": [70, 90]},
    "api:budgets-transfer": {"to": "budget_other", "amount": "5.00", **REASON},
    "api:budget-changes-*": {},
    "api:budget-changes-list": {"kind": "transfer", **REASON, "lines": []},
    "api:budget-changes-detail": {"reason": "Another"},
    "api:budget-changes-reverse": REASON,
    "api:journals-list": {
        "external_id": "J-9",
        "posting_date": "2026-03-02",
        "description": "Rent",
        "lines": [{"cost_center": "CC100", "gl_account": "6600", "amount": "5.00"}],
    },
    "api:requisitions-list": {"title": "Cable", "vendor": "V-1000", "lines": [LINE]},
    "api:orders-list": {"title": "Cable", "vendor": "V-1000", "lines": [LINE]},
    "api:orders-release": {"lines": [{"agreement_line": "blanket_line", "quantity": "1"}]},
    "purchase_orders:release": {"line-1-quantity": "1"},
    "api:invoices-list": {
        "number": "N-1",
        "vendor": "V-1000",
        "issue_date": "2026-03-02",
        "lines": [{"description": "Cable", "quantity": "1", "unit_price": "5.00"}],
    },
    "api:approvals-reject": {"comment": "Because"},
    "api:approvals-forward": {"to": "sven@demo.example"},
    "api:orders-send": {},
    "api:change-orders-list": {
        "order": "order_issued",
        "reason_code": "delivery",
        **REASON,
        "terms": {"note": "Ring twice"},
    },
    "api:change-orders-detail": {"reason": "Another"},
    "api:change-orders-submit": {},
    "api:change-orders-issue": {},
    "api:orders-issue": {},
    "api:orders-submit": {},
    "api:requisitions-submit": {},
    "api:requisitions-copy": {},
    "api:requisitions-order": {},
    "api:approvals-approve": {},
    "api:approvals-send-back": {"comment": "Because"},
    "api:approvals-ask": {"question": "Why?"},
    "api:approvals-tell": {"answer": "Because"},
    "api:approvals-add-approver": {"person": "cora@demo.example"},
    "api:approvals-decide-many": {"decision": "approve", "steps": [{"id": str(UUID(int=1))}]},
    "api:approval-policies-*": {},
    "api:approval-policies-list": {"name": "Chairs", "applies_to": "requisition"},
    "api:approval-policies-detail": {"description": "For all that has legs"},
    "api:delegations-list": {
        "to_user": "sven@demo.example",
        "from_user": "axel@demo.example",
        "valid_from": "2026-03-03T08:00:00Z",
        "valid_to": "2026-03-06T17:00:00Z",
        "reason": "Away",
    },
    "api:ratifications-*": {"comment": "Because"},
    "api:receipts-post": {},
    "api:invoices-match": {},
    "api:invoices-clear": {},
    "api:invoices-return-to-vendor": {"code": "PRI", "reason": "Because"},
    "api:invoices-link": {"order_reference": "PO-2026-000001"},
    "api:match-exceptions-resolve": {"resolution": "wait_for_receipt"},
    "api:match-exceptions-assign": {"assignee": "finn@demo.example"},
    "api:allocation-rules-list": {"name": "Seats", **RULE},
    "api:allocation-rules-detail": {**RULE, **REASON},
    "api:allocation-rules-consumption": {
        "rows": [{"month": "2026-01", "cost_center": "CC200", "units": "3"}]
    },
    "api:allocations-preview": {"rule": "allocation_rule", "month": "2026-01"},
    "api:allocations-run": {"rule": "allocation_rule", "month": "2026-01"},
    "api:statements-dispute": {"line": "statement_line", **REASON},
    "api:statements-resolve": {
        "line": "statement_line_disputed",
        "resolution": "kept",
        "comment": "Because",
    },
    "api:scheduled-reports-list": {"name": "Mine", "report": "commitments"},
    "api:scheduled-reports-*": {},
    "api:release-proposals-accept": {"proposals": []},
    "api:year-ends-list": {"fiscal_year": 2027, "policy": "with_budget", **REASON},
    "api:*-list": {},
    "api:*-import-*": {},
    "api:token": {"email": "rita@demo.example", "password": "wrong"},
    "api:*-detail": {},
    "api:*": REASON,
    "approvals:decide": {"decision": "approve", "digest": "seen_digest"},
    "approvals:forward": {"to": "sven_id", "comment": "Because"},
    "approvals:link_decide": {"decision": "approve", "digest": "seen_digest"},
    "core:comment": {"text": "Seen."},
    "administration:propose": {**REASON, "roles": "auditor", "pair": "order:receive"},
    "api:setting-changes-list": {
        "kind": "limits",
        "person": "rob@demo.example",
        "after": {"variance_limit": "5"},
        "reason": "Because",
    },
    "api:setting-changes-withdraw": {},
    "api:tolerances-simulate": {
        "after": {"check": "unit_price", "percent": "2", "valid_from": "2999-01-01"}
    },
    "administration:*tolerance": {
        **REASON,
        "check": "unit_price",
        "direction": "over",
        "percent": "2",
        "combine": "AND",
        "action": "block",
        "valid_from": "2999-01-01",
    },
    "invoicing:perform": {**REASON, "code": "PRI", "order_reference": "PO-2026-000001"},
    "chargeback:rule_run": {"month": "2026-01"},
    "chargeback:answer": {"words": "Because", "amount": "1"},
    "*": {**REASON, "comment": "Because", "code": "PRI", "reason_code": "other"},
}
