"""(c) Matching of 10 000 invoice lines: the judgement alone, and with everything it writes."""

import uuid

from bench import life
from bench.measuring import Result, seconds
from bench.stage import NOW, TODAY, Stage
from invoicing import matching, services
from invoicing.facts import lines_of, match_input
from invoicing.models import Invoice
from purchase_orders.models import PurchaseOrder

AIM = 20_000
LINES = 100


def run(stage: Stage, *, lines: int) -> list[Result]:
    """Invoices of 100 lines; every line passes, as most do."""
    invoices = [_billed(stage, number) for number in range(lines // LINES)]
    given = [_facts(invoice) for invoice in invoices]
    for each in given[:3]:
        matching.match(each)
    outcomes: list[matching.MatchOutcome] = []
    judged = seconds(lambda: outcomes.extend(matching.match(each) for each in given))
    if {each.outcome for each in outcomes} != {"matched"}:
        raise RuntimeError("an invoice that agrees with its order did not match")
    key = uuid.uuid4().hex
    written = seconds(
        lambda: [
            services.match(invoice_id=each.pk, key=f"{key}:{each.pk}", at=NOW) for each in invoices
        ]
    )
    cleared = Invoice.objects.filter(pk__in=[each.pk for each in invoices], status="cleared")
    if cleared.count() != len(invoices):
        raise RuntimeError("a matched invoice was not cleared")
    how = f"{len(invoices)} invoices of {LINES} lines"
    return [
        Result("Match, the pure function with its explanations", lines / judged, "lines/s", AIM,
               how=f"{how}, {sum(len(each.results) for each in outcomes):,} explained checks"),
        Result("Match, cleared: run, results, ledger, order, trail", lines / written, "lines/s",
               how=how),
    ]  # fmt: skip


def _billed(stage: Stage, number: int) -> Invoice:
    """An order of 100 lines, received and billed as ordered, that nobody has matched yet."""
    (purchase,) = life.purchases(LINES, count=1, start=500_000 + number)
    order = life.ordered(stage, purchase)
    lines = list(order.lines.all())
    life.received(stage, order, lines, purchase.number)
    return life.billed(stage, order, lines, f"M{uuid.uuid4().hex[:12]}")


def _facts(invoice: Invoice) -> matching.MatchInput:
    order = PurchaseOrder.objects.select_related("entity", "vendor").get(pk=invoice.order_id)
    invoice.order = order
    return match_input(
        invoice,
        order_lines=list(lines_of(order.pk)),
        today=TODAY,
        waiting_until=TODAY,
        at=NOW,
    )
