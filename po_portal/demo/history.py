"""The recent past, played through the services: who did what, at which working hour.

Stories (see `stories`) are generators that yield the moment of their next step. Steps are played in
order of time across all stories, so numbers and the trail read as if people had worked; what lies
beyond now has simply not happened yet.
"""

import heapq
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import approvals.services
import invoicing.services
import purchase_orders.services
import requisitions.services
from accounts.calendars import add_working_time, is_working_day, working_days
from accounts.models import Entity, User
from approvals.models import ApprovalStep
from budgets.models import CostCenter, GLAccount, Project
from core.models import OutboxItem
from invoicing.inputs import InvoiceInput, InvoiceLineInput, payees
from invoicing.models import Invoice
from po_portal.demo import accounts
from purchase_orders.inputs import ReceiptInput
from purchase_orders.models import Dispatch, OrderRevision, PurchaseOrder, Receipt
from purchase_orders.pdf import PdfUnavailable
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import Requisition, RequisitionLine
from vendors.models import CatalogItem, ServiceType

Story = Callable[["Player"], Iterator[datetime]]
Wanted = tuple[str, int | str, str] | tuple[str, int | str, str, str]
SETTLED = ("cleared", "returned_to_vendor", "rejected", "void", "in_payment", "paid")
RECENT = timedelta(days=5)


class Player:
    """Acts for the people of one entity at the moment of the present step."""

    def __init__(self, entity: Entity, now: datetime, *, prints: bool) -> None:
        self.entity, self.now, self.at, self.prints = entity, now, now, prints
        self.people = {
            user.email.split("@")[0]: user for user in User.objects.filter(entity=entity)
        }
        self.items = {
            item.sku: item
            for item in CatalogItem.objects.filter(vendor__entity=entity).select_related("vendor")
        }
        self.centers = {each.code: each for each in CostCenter.objects.filter(entity=entity)}
        self.accounts = {each.code: each for each in GLAccount.objects.filter(entity=entity)}
        self.projects = {each.code: each for each in Project.objects.filter(entity=entity)}

    # --- when ---------------------------------------------------------------------------------

    def day(self, days_ago: int, hour: int, minute: int = 0) -> datetime:
        """An hour of the working day that lies `days_ago` back, or of the last one before it."""
        today = self.entity.day_of(self.now)
        day = today - timedelta(days=days_ago)
        while not is_working_day(self.entity, day) or self._moment(day, hour, minute) > self.now:
            day -= timedelta(days=1)
        return self._moment(day, hour, minute)

    def _moment(self, day: date, hour: int, minute: int) -> datetime:
        return datetime.combine(day, time(hour, minute), self.entity.zone)

    def later(self, days: int = 0, hours: float = 0) -> datetime:
        """So many working days and hours after the present step."""
        wait = working_days(self.entity, days) + timedelta(hours=hours, minutes=7)
        return add_working_time(self.entity, self.at, wait)

    def today(self) -> date:
        return self.entity.day_of(self.at)

    # --- requisitions -------------------------------------------------------------------------

    def draft(
        self,
        who: str,
        title: str,
        *wanted: Wanted,
        need_in: int = 30,
        justification: str = "",
        budget_reason: str = "",
        references: dict[str, str] | None = None,
    ) -> Requisition:
        """`wanted`: (sku, quantity, cost centre[, project]); accounts are the items' own."""
        first = self.items[wanted[0][0]]
        data = RequisitionInput(
            title=title,
            currency=first.currency,
            vendor=first.vendor,
            service_type=first.service_type,
            need_by=self.today() + timedelta(days=need_in),
            ship_to=self.entity.address,
            justification=justification,
            budget_reason=budget_reason,
            references=references or {},
            lines=[self._line(*each) for each in wanted],
        )
        return requisitions.services.create(requester=self.people[who], data=data, at=self.at)

    def _line(
        self, sku: str, quantity: int | str, center: str, project: str | None = None
    ) -> LineInput:
        item = self.items[sku]
        goods = item.service_type in (ServiceType.HARDWARE, ServiceType.GOODS)
        kind = RequisitionLine.Kind.GOODS if goods else RequisitionLine.Kind.SERVICE
        coding = DistributionInput(
            self.centers[center],
            self.accounts[item.gl_account_code],
            self.projects[project] if project else None,
        )
        return LineInput(
            catalog_item=item, quantity=Decimal(quantity), kind=kind, distributions=[coding]
        )

    def request(self, who: str, title: str, *wanted: Wanted, **more: object) -> Requisition:
        made = self.draft(who, title, *wanted, **more)  # type: ignore[arg-type]
        return requisitions.services.submit(requisition=made, actor=self.people[who], at=self.at)

    def decide(self, made: Requisition, decision: str = "approve", comment: str = "") -> str:
        """Whoever's turn it is decides; the name of who did."""
        step = (
            ApprovalStep.objects.filter(request__subject_id=made.pk, status="active")
            .select_related("assignee")
            .order_by("group", "id")[0]
        )
        approvals.services.decide(
            step=step, decision=decision, actor=step.assignee, at=self.at, comment=comment
        )
        made.refresh_from_db()
        return step.assignee.name

    def agree(self, made: Requisition, comment: str = "") -> Iterator[datetime]:
        """Everybody who is asked approves, each some hours after the one before."""
        while made.status == Requisition.Status.SUBMITTED:
            yield self.later(hours=3)
            self.decide(made, comment=comment)

    # --- orders and receipts ------------------------------------------------------------------

    def order(
        self, made: Requisition, who: str = "bea", *, quantities: dict[int, int] | None = None
    ) -> PurchaseOrder:
        """A buyer turns it into one order and issues it; it is printed and sent."""
        parts = {
            line.pk: Decimal(quantities[line.line_number])
            for line in made.lines.all()
            if quantities and line.line_number in quantities
        }
        buyer = self.people[who]
        drafts = purchase_orders.services.create_from_requisition(
            requisition=made, actor=buyer, at=self.at, quantities=parts or None
        )
        return self.issue(drafts[0], who)

    def issue(self, draft: PurchaseOrder, who: str = "bea") -> PurchaseOrder:
        """A buyer issues a draft; it is printed and sent."""
        order = purchase_orders.services.issue(order=draft, actor=self.people[who], at=self.at)
        self._print_and_send(order)
        return order

    def order_itself(self, made: Requisition) -> PurchaseOrder:
        """What the worker does with catalog items within the personal limit."""
        orders = purchase_orders.services.order_by_itself(requisition=made, at=self.at)
        self._print_and_send(orders[0])
        return orders[0]

    def _print_and_send(self, order: PurchaseOrder) -> None:
        """As the worker did then. What is recent is left to the worker of today."""
        if not self.prints or self.at > self.now - RECENT:
            return
        at = self.at + timedelta(minutes=1)
        try:
            revision = purchase_orders.services.render(
                revision=OrderRevision.objects.get(order=order), at=at
            )
        except PdfUnavailable:
            self.prints = False
            return
        for dispatch in Dispatch.objects.filter(revision=revision):
            purchase_orders.services.mark_dispatched(
                dispatch=dispatch, at=at + timedelta(minutes=1)
            )

    def receive(
        self,
        order: PurchaseOrder,
        quantities: dict[int, int | str],
        note: str,
        *,
        who: str = "rob",
        rejected: dict[int, tuple[int, str]] | None = None,
    ) -> Receipt:
        """Count a delivery by line number; invoices that waited are judged again."""
        lines = {line.line_number: line for line in order.lines.all()}
        refused = rejected or {}
        receipt = purchase_orders.services.post_receipt(
            order=order,
            lines=[
                ReceiptInput(
                    lines[number],
                    Decimal(quantity),
                    Decimal(refused.get(number, (0, ""))[0]),
                    refused.get(number, (0, ""))[1],
                )
                for number, quantity in quantities.items()
            ],
            received_on=self.today(),
            delivery_note=note,
            actor=self.people[who],
            at=self.at,
        )
        for invoice in Invoice.objects.filter(order=order).exclude(status__in=SETTLED):
            self._match(invoice, f"{receipt.number}:{invoice.pk}")
        return receipt

    def close(self, order: PurchaseOrder, reason: str, who: str = "bea") -> None:
        """Expect nothing more; the worker gives back what is unused."""
        order = purchase_orders.services.close(
            order=order, actor=self.people[who], at=self.at, reason=reason
        )
        purchase_orders.services.release_unused(order=order, at=self.at)

    def cancel_order(self, order: PurchaseOrder, reason: str, who: str = "bea") -> None:
        order = purchase_orders.services.cancel(
            order=order, actor=self.people[who], at=self.at, reason=reason
        )
        purchase_orders.services.release_unused(order=order, at=self.at)

    # --- invoices -----------------------------------------------------------------------------

    def bill(
        self,
        order: PurchaseOrder,
        number: str,
        quantities: dict[int, int | str],
        *,
        prices: dict[int, str] | None = None,
        account: str = "",
        who: str = "finn",
    ) -> Invoice:
        """The vendor's invoice comes in and is matched, as the worker does. It names the vendor's
        own account, or another one."""
        lines = {line.line_number: line for line in order.lines.all()}
        data = InvoiceInput(
            number=number,
            issue_date=self.today(),
            due_date=self.today() + timedelta(days=order.payment_terms_days),
            currency=order.currency,
            vendor=order.vendor,
            order_reference=order.number or "",
            payee_accounts=payees(account or accounts.of(order.vendor)),
            lines=[
                InvoiceLineInput(
                    quantity=Decimal(quantity),
                    unit_price=Decimal((prices or {}).get(line, lines[line].unit_price)),
                    description=lines[line].description,
                    unit=lines[line].unit,
                    order_line=lines[line],
                    tax_code=lines[line].tax_code,
                )
                for line, quantity in quantities.items()
            ],
        )
        return self._capture(data, who)

    def stray_bill(self, sku: str, number: str, quantity: int, who: str = "finn") -> Invoice:
        """An invoice that names no order of ours."""
        item = self.items[sku]
        line = InvoiceLineInput(
            quantity=Decimal(quantity),
            unit_price=item.unit_price,
            description=item.name,
            unit=item.unit,
            tax_code=item.tax_code,
        )
        data = InvoiceInput(
            number=number,
            issue_date=self.today(),
            due_date=self.today() + timedelta(days=30),
            currency=item.currency,
            vendor=item.vendor,
            lines=[line],
        )
        return self._capture(data, who)

    def _capture(self, data: InvoiceInput, who: str) -> Invoice:
        invoice = invoicing.services.capture(
            entity=self.entity, data=data, actor=self.people[who], at=self.at
        )
        self._match(invoice, str(invoice.pk))
        invoice.refresh_from_db()
        return invoice

    def _match(self, invoice: Invoice, key: str) -> None:
        invoicing.services.match(invoice_id=invoice.pk, key=f"history:{key}", at=self.at)

    def accept(self, invoice: Invoice, comment: str, who: str = "fay") -> None:
        """Somebody with the authority accepts the variances, one by one."""
        for exception in invoice.exceptions.unresolved().order_by("pk"):
            invoicing.services.resolve(
                exception=exception,
                resolution="accept",
                reason_code="price_agreed",
                comment=comment,
                actor=self.people[who],
                at=self.at,
            )


def play(*, entity: Entity, stories: list[Story], now: datetime, prints: bool = True) -> None:
    """Play all stories of an entity up to `now`; without `prints` no order has its document yet."""
    player = Player(entity, now, prints=prints)
    waiting: list[tuple[datetime, int, Iterator[datetime]]] = []
    for index, story in enumerate(stories):
        steps = story(player)
        waiting.append((next(steps), index, steps))
    heapq.heapify(waiting)
    while waiting:
        player.at, index, steps = heapq.heappop(waiting)
        upcoming = next(steps, None)
        if upcoming is not None and upcoming <= now:
            heapq.heappush(waiting, (upcoming, index, steps))


def settle_outbox(*, since: datetime, now: datetime) -> None:
    """The history did itself what workers did then; today's asks the approvers who still decide
    and prints the recent orders."""
    done = OutboxItem.objects.filter(done_at__isnull=True, created_at__gte=since)
    still_to_do = ("notifications.approval_requested", "purchase_orders.render_document")
    done.exclude(handler__in=still_to_do).update(done_at=now)
