"""One purchase's whole life through the services, as nine people and the portal live it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import approvals.services
import invoicing.services
import purchase_orders.services
import requisitions.services
from approvals.models import ApprovalStep
from bench.stage import NOW, SEED, TODAY, Stage
from invoicing.inputs import InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice
from po_portal.demo import generator
from po_portal.demo.organisation import GERMANY
from purchase_orders.inputs import ReceiptInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions.inputs import DistributionInput, LineInput, RequisitionInput
from requisitions.models import Requisition

VENDOR = "V-1001"  # hardware: three-way, received and billed by piece


@dataclass
class Ended:
    """What a life left behind, for those who look at single steps."""

    invoice: Invoice
    approvers: int


def purchases(
    lines: int, *, count: int, start: int = 1, one_budget: bool = False
) -> Iterator[generator.Purchase]:
    """Purchases of exactly so many pieces of small hardware: two approvers each, of any length.

    `one_budget`: every line is paid by the budget that pays the first.
    """
    small = [
        item
        for item in generator.catalog(GERMANY)
        if item.vendor == VENDOR and item.unit_price < 200
    ]
    shelves = generator.Shelves((VENDOR,), (1,), {VENDOR: tuple(small)})
    for number in range(start, start + count):
        made = generator.purchase(
            entity=GERMANY, seed=SEED, number=number, day=TODAY, lines=(lines, lines),
            shelves=shelves,
        )  # fmt: skip
        # From 1 000 the budget's owner is asked, too; up to 10 000 one manager suffices.
        quantity = Decimal(6 if lines < 10 else 3 if lines < 20 else 1)
        payer = made.lines[0]
        same = {"cost_center": payer.cost_center, "project": payer.project} if one_budget else {}
        lines_ = tuple(replace(line, quantity=quantity, **same) for line in made.lines)
        yield replace(made, lines=lines_)


def request_input(stage: Stage, purchase: generator.Purchase) -> RequisitionInput:
    return RequisitionInput(
        title=purchase.title,
        currency=purchase.currency,
        vendor=stage.vendors[purchase.vendor],
        service_type=purchase.service_type,
        lines=[
            LineInput(
                catalog_item=stage.items[purchase.vendor, line.item.sku],
                quantity=line.quantity,
                distributions=[
                    DistributionInput(
                        stage.cost_centers[line.cost_center],
                        stage.gl_accounts[line.gl_account],
                        stage.projects[line.project] if line.project else None,
                    )
                ],
            )
            for line in purchase.lines
        ],
    )


def live(stage: Stage, purchase: generator.Purchase, *, run: str) -> Ended:
    """Requested, approved, ordered, issued, received, billed, matched and cleared for payment.

    `run` keeps the vendor's invoice numbers of several runs apart. Every step is a transaction of
    its own with its locks, rights, history, trail and outbox rows.
    """
    wanted, approvers = approved(stage, purchase)
    order = issued(stage, wanted)
    lines = list(order.lines.all())
    received(stage, order, lines, purchase.number)
    invoice = billed(stage, order, lines, f"{run}-{purchase.number}")
    invoicing.services.match(invoice_id=invoice.pk, key=f"bench:{invoice.pk}", at=NOW)
    return Ended(invoice, approvers)


def approved(stage: Stage, purchase: generator.Purchase) -> tuple[Requisition, int]:
    """The request, and how many people had to say yes."""
    rita = stage.people["rita"]
    wanted = requisitions.services.create(
        requester=rita, data=request_input(stage, purchase), at=NOW
    )
    requisitions.services.submit(requisition=wanted, actor=rita, at=NOW)
    return wanted, _approve(wanted.pk)


def issued(stage: Stage, wanted: Requisition) -> PurchaseOrder:
    bea = stage.people["bea"]
    (order,) = purchase_orders.services.create_from_requisition(
        requisition=wanted, actor=bea, at=NOW
    )
    return purchase_orders.services.issue(order=order, actor=bea, at=NOW)


def ordered(stage: Stage, purchase: generator.Purchase) -> PurchaseOrder:
    return issued(stage, approved(stage, purchase)[0])


def received(
    stage: Stage, order: PurchaseOrder, lines: list[PurchaseOrderLine], number: int
) -> None:
    purchase_orders.services.post_receipt(
        order=order,
        lines=[ReceiptInput(line, line.quantity) for line in lines],
        received_on=TODAY,
        delivery_note=f"DN-{number}",
        actor=stage.people["rob"],
        at=NOW,
    )


def billed(
    stage: Stage, order: PurchaseOrder, lines: list[PurchaseOrderLine], number: str
) -> Invoice:
    """The vendor's invoice, as ordered; not matched yet."""
    return invoicing.services.capture(
        entity=stage.entity,
        data=InvoiceInput(
            number=number,
            issue_date=TODAY,
            currency=order.currency,
            vendor=order.vendor,
            order_reference=order.number,
            lines=[
                InvoiceLineInput(
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    description=line.description,
                    order_line=line,
                    tax_code=line.tax_code,
                )
                for line in lines
            ],
        ),
        actor=stage.people["finn"],
        at=NOW,
    )


def _approve(requisition_id: object) -> int:
    """Everybody in the chain says yes in turn, each from a step as an inbox holds it."""
    chain = ApprovalStep.objects.filter(request__subject_id=requisition_id)
    steps = chain.select_related("request", "assignee__entity").order_by("stage", "group", "id")
    for step in steps:
        approvals.services.decide(step=step, decision="approve", actor=step.assignee, at=NOW)
    return len(steps)
