"""What ties blanket orders to their releases, their log and their numbers."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from budgets.invariants import MOST_FAULTS, Proof, disagreements, figures, first
from budgets.models import Commitment, Stage
from core.money import ZERO
from purchase_orders import drawing
from purchase_orders.agreements import HOLDING
from purchase_orders.models import Agreement, DrawDown, PurchaseOrder, PurchaseOrderLine

_STATUS = PurchaseOrder.Status


def draw_downs() -> Proof:
    """Released on every blanket order = its draw-downs = what its releases draw in their states.

    An open release draws what it comes to, a cancelled one nothing, a closed one what is billed of
    it at its own prices.
    """
    stored = Agreement.objects.values_list("pk", "released")
    counted = DrawDown.objects.values_list("agreement_id", "amount")
    odd = disagreements(stored, counted, most=MOST_FAULTS)
    faults = [
        *(
            f"{_name(key)}: released {figures(says)}, its draw-downs {figures(told)}"
            for key, says, told in odd
        ),
        *first(_states()),
        *first(_strays()),
    ]
    return Proof(f"{DrawDown.objects.count():,} draw-downs", faults)


def _name(pk: int) -> str:
    return f"blanket order {Agreement.objects.select_related('order').get(pk=pk).order}"


def _states() -> Iterator[str]:
    drawn: dict[UUID, Decimal] = defaultdict(Decimal)
    sums = DrawDown.objects.order_by().values_list("release").annotate(sum=Sum("amount"))
    drawn.update(dict(sums))
    releases = PurchaseOrder.objects.filter(agreement__isnull=False).order_by("pk")
    used = _billed_of_closed()
    for pk, number, status, net in releases.values_list("pk", "number", "status", "net"):
        draws = net if status in HOLDING else used[pk]
        if drawn[pk] != draws:
            yield f"release {number or pk}: is {status} of {net:,.2f} and draws {drawn[pk]:,.2f}"


def _billed_of_closed() -> dict[UUID, Decimal]:
    used: dict[UUID, Decimal] = defaultdict(Decimal)
    lines = PurchaseOrderLine.objects.filter(
        order__agreement__isnull=False, order__status=_STATUS.CLOSED
    )
    for line in lines.select_related("order").iterator(chunk_size=2000):
        used[line.order_id] += drawing.used(line, line.order.currency)
    return used


def _strays() -> Iterator[str]:
    """A draw-down belongs to the blanket order of its release."""
    rows = DrawDown.objects.select_related("agreement", "release").order_by("pk")
    for row in rows.iterator(chunk_size=2000):
        if row.release.agreement_id != row.agreement.order_id:
            yield f"draw-down {row.pk}: its release {row.release} is not of that blanket order"


def commitments() -> Proof:
    """What a blanket order commits itself: its limit or minimum, less what releases drew; nothing
    where releases commit, nor once it ended.

    What an ended release gave back counts once the worker took it off its own commitment.
    """
    terms = {each.order_id: each for each in Agreement.objects.select_related("order")}
    held: dict[UUID, list[Commitment]] = defaultdict(list)
    rows = Commitment.objects.filter(stage=Stage.ENC, document_id__in=list(terms))
    for row in rows.order_by("pk"):
        held[row.document_id].append(row)
    faults = (
        f"blanket order {each.order}: {words}"
        for pk, each in sorted(terms.items())
        for words in _committed(each, held[pk])
    )
    return Proof(f"{len(rows):,} commitments of {len(terms):,} blanket orders", first(faults))


def _committed(terms: Agreement, rows: list[Commitment]) -> Iterator[str]:
    whole = terms.committed
    amount = sum((row.document_amount for row in rows), ZERO)
    if not all(row.holds for row in rows):
        whole = min(whole, amount)
    if terms.order.issued_at is not None and amount != whole:
        yield f"commits {amount:,.2f}, agreed are {whole:,.2f}"
    used = sum((row.document_liquidated for row in rows), ZERO)
    drawn = min(terms.released + _being_given_back(terms), amount)
    if used != drawn:
        yield f"its releases took {used:,.2f} of it, they draw {drawn:,.2f}"


def _being_given_back(terms: Agreement) -> Decimal:
    """What ended releases still commit: the worker will give it back."""
    ended = terms.order.releases.filter(status__in=[_STATUS.CLOSED, _STATUS.CANCELLED])
    rows = Commitment.objects.filter(stage=Stage.ENC, document_id__in=ended.values("pk"))
    return sum((row.document_open for row in rows), ZERO)


def numbers() -> Proof:
    """The releases of every blanket order are numbered from 1, without a gap, each once."""
    taken: dict[UUID, list[str]] = defaultdict(list)
    issued = PurchaseOrder.objects.filter(agreement__isnull=False, number__isnull=False)
    for blanket, number in issued.order_by("agreement", "number").values_list(
        "agreement", "number"
    ):
        taken[blanket].append(number)
    faults = []
    count = 0
    for terms in Agreement.objects.select_related("order").order_by("pk"):
        number, last = terms.order.number, terms.last_release
        expected = [f"{number}/{turn:03d}" for turn in range(1, last + 1)]
        count += last
        if sorted(taken[terms.order_id]) != sorted(expected):
            faults.append(f"blanket order {number}: its releases are not numbered 1 to {last}")
    return Proof(f"{count:,} numbers of releases", faults[:MOST_FAULTS])
