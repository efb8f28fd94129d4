"""Postings in few words: an order of one line, an invoice of one line, and what they leave."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import User
from budgets import ledger
from budgets.ledger import Settlement, Share, Source
from budgets.models import BudgetCell, Commitment
from core.ids import new_id
from core.money import line_net
from tests.factories import NOW, TODAY, Organisation

ZERO = Decimal(0)


def D(text: str | int) -> Decimal:
    return Decimal(text)


@dataclass
class Paper:
    """A document with one line and one distribution, as the ledger sees it; there is no other."""

    cell: BudgetCell
    kind: str = "paper order"
    currency: str = "EUR"
    rate: Decimal = Decimal(1)
    id: UUID = field(default_factory=new_id)
    line: UUID = field(default_factory=new_id)
    distribution: UUID = field(default_factory=new_id)

    @property
    def source(self) -> Source:
        return Source(
            entity=self.cell.entity,
            document_type=self.kind,
            document_id=self.id,
            number=f"{self.kind}-1",
            currency=self.currency,
            rate=self.rate,
        )

    def share(self, amount: Decimal, **facts: Any) -> Share:
        return Share(
            line_id=facts.pop("line_id", self.line),
            line_number=facts.pop("line_number", 1),
            distribution_id=facts.pop("distribution_id", self.distribution),
            cost_center_id=self.cell.cost_center_id,
            gl_account_id=self.cell.gl_account_id,
            project_id=self.cell.project_id,
            amount=amount,
            **facts,
        )


@dataclass
class Desk:
    """Somebody who posts to one cell at a fixed time, and reads what it holds."""

    org: Organisation
    cell: BudgetCell
    actor: User | None = None
    reason: str = ""

    def _facts(self, **facts: Any) -> dict[str, Any]:
        return {"on": TODAY, "at": NOW, "actor": self.actor, "reason": self.reason, **facts}

    def reserve(self, amount: Decimal, **facts: Any) -> Paper:
        paper = Paper(self.cell, "paper requisition", **facts)
        ledger.reserve(source=paper.source, shares=[paper.share(amount)], **self._facts())
        return paper

    def order(
        self,
        quantity: str,
        price: str,
        *,
        uses: Paper | None = None,
        takes: Decimal = ZERO,
        reason: str | None = None,
        **facts: Any,
    ) -> Paper:
        paper = Paper(self.cell, "paper order", **facts)
        net = line_net(quantity=D(quantity), unit_price=D(price), currency=paper.currency)
        share = paper.share(
            net,
            quantity=D(quantity),
            converts=uses.distribution if uses else None,
            converts_amount=takes,
        )
        facts = self._facts() if reason is None else self._facts(reason=reason)
        ledger.encumber(source=paper.source, shares=[share], **facts)
        return paper

    def bill(
        self,
        order: Paper,
        *,
        actual: str,
        liquidate: str = "0",
        quantity: str = "0",
        final: bool = False,
        reencumber: str = "0",
        paper: Paper | None = None,
        **facts: Any,
    ) -> Paper:
        paper = paper or Paper(self.cell, "paper invoice", **facts)
        settlement = Settlement(
            line_id=paper.line,
            line_number=1,
            order_distribution_id=order.distribution,
            quantity=D(quantity),
            liquidate=D(liquidate),
            reencumber=D(reencumber),
            actual=D(actual),
            final=final,
        )
        ledger.liquidate(source=paper.source, settlements=[settlement], **self._facts())
        return paper

    def void(self, invoice: Paper, *, reencumber: bool = True) -> None:
        ledger.mirror(
            source=invoice.source, reencumber=reencumber, **self._facts(reason="Entered twice")
        )

    def close(self, order: Paper) -> Decimal:
        return ledger.release(source=order.source, **self._facts(reason="Nothing more comes"))

    def reopen(self, order: Paper) -> None:
        ledger.reencumber(source=order.source, **self._facts(reason="More comes after all"))

    def cancel(self, order: Paper) -> Decimal:
        return ledger.cancel(source=order.source, **self._facts(reason="Not needed"))

    def give_back(self, requisition: Paper) -> Decimal:
        return ledger.release_reservation(
            source=requisition.source, **self._facts(reason="Nothing more is ordered")
        )

    @property
    def now(self) -> BudgetCell:
        return BudgetCell.objects.get(pk=self.cell.pk)

    @property
    def stages(self) -> tuple[Decimal, Decimal, Decimal]:
        """PRE, ENC, ACT of the cell."""
        cell = self.now
        return cell.pre_encumbered, cell.encumbered, cell.spent

    @property
    def available(self) -> Decimal:
        return self.now.available


def held(paper: Paper) -> Decimal:
    """What a document's distribution holds, base currency."""
    return Commitment.objects.get(distribution_id=paper.distribution).open
