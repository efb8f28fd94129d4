"""Steps of budgets: set, cut, transferred, spent from outside, taken over into another year."""

import copy
from decimal import Decimal
from typing import Any

from budgeting.inputs import JournalInput, JournalLineInput
from budgeting.models import YearEnd
from budgeting.services import changes, journals, year_ends
from budgeting.tasks import _due, activate_forward
from budgets.ledger import rolling
from budgets.models import BudgetCell
from budgets.services import BudgetBelowUse
from core.errors import DomainError
from tests.invariants.machine import years
from tests.invariants.machine.books import SPLIT
from tests.invariants.machine.cells import ACT, ZERO, nothing
from tests.invariants.machine.ground import CODING, Ground
from tests.invariants.machine.picking import EXACT

AFTER = {
    "incomplete": ("resume", "reverse"),
    "run": ("reverse", "close", "reverse"),
    "closed": ("reopen",),
}


class Money(Ground):
    def set_budget(self, name: str, amount: int) -> None:
        """Of today's month or year; less than before is a cut."""
        key = self.books.cells.paying(name, self.today)
        cell = self.books.cells.cells[key]
        too_little = cell.control == "stop" and cell.used > amount + cell.overdraft
        try:
            self.set_cell(key, Decimal(amount), cell.control)
        except BudgetBelowUse:
            assert too_little, "a budget was not cut though nothing used it"
            self.refused["set budget: below use"] += 1
        else:
            assert not too_little, "a budget was cut below what is in use"
            self.done["cut budget" if amount < cell.amount else "set budget"] += 1
            cell.amount = Decimal(amount)

    def transfer(self, giver: str, taker: str, amount: int) -> None:
        """Proposed here; it moves when the last has agreed, which `decide` sees."""
        keys = [self.books.cells.paying(name, self.today) for name in (giver, taker)]
        stored = self.stored()
        if giver == taker or not all(key in stored for key in keys):
            return
        source, target = (BudgetCell.objects.get(pk=stored[key][0]) for key in keys)
        self.attempt(
            "propose transfer",
            lambda: changes.transfer(
                source=source,
                target=target,
                amount=Decimal(amount),
                reason="So be it.",
                actor=self.org.dora,
                at=self.now,
            ),
        )

    def spend_outside(self, name: str, amount: int) -> None:
        """Other books say so: a stop lets it pass, and allows what it lacks."""
        center, account = CODING[name]
        self.count += 1
        line = JournalLineInput(
            cost_center=self.org.cost_centers[center],
            gl_account=self.org.gl_accounts[account],
            project=None,
            amount=Decimal(amount),
        )
        data = JournalInput(
            external_id=f"J-{self.count}",
            posting_date=self.today,
            currency="EUR",
            description="Payroll",
            source="payroll",
            lines=[line],
        )
        if self.attempt(
            "journal",
            lambda: journals.post(
                entity=self.org.entity, data=data, actor=self.org.cora, at=self.now
            ),
        ):
            moves = nothing()
            moves[self.books.cells.paying(name, self.today)][ACT] += amount
            self.books.cells.apply(moves, overdraw=True)

    # ---- year ends: C22, C29

    def year_end(self, policy: str) -> None:
        """Looked at, then asked for; the worker runs it, which `follow_year_end` sees."""
        standing = [pk for pk in self._documents() if years.to_roll(self.books, pk)]
        held = sum(share.held for pk in standing for share in years.to_roll(self.books, pk))
        try:
            shown = year_ends.preview(entity=self.org.entity, fiscal_year=SPLIT, policy=policy)
        except DomainError as refusal:
            self.refused[f"preview: {refusal.slug}"] += 1
        else:
            assert sum((each.amount for each in shown), ZERO) == held, "the preview says otherwise"
            short = {each.commitment.document_id for each in shown if each.is_short}
            assert short == self._refused(policy), "the preview foresees something else"
        made = self.attempt(
            "request year end",
            lambda: year_ends.request(
                entity=self.org.entity,
                fiscal_year=SPLIT,
                policy=policy,
                reason="So be it.",
                actor=self.org.cora,
                at=self.now,
            ),
        )
        if made:
            self.year_ends[made.pk] = years.YearEnd(policy == YearEnd.Policy.WITH_BUDGET)

    def _refused(self, policy: str) -> set[Any]:
        """What would stay behind if the worker came now."""
        books = copy.deepcopy(self.books)
        end = years.YearEnd(policy == YearEnd.Policy.WITH_BUDGET)
        return {pk for pk in self.waiting_documents() if not years.roll(books, end, pk)}

    def _documents(self) -> list[Any]:
        return [*self.books.requests, *self.books.changes, *self.books.orders]

    def waiting_documents(self) -> list[Any]:
        """In which order the worker takes over what is open."""
        years_of = {year.year: year.pk for year in self.org.entity.fiscal_years.all()}
        found = rolling.to_roll(
            entity_id=self.org.entity.pk, year_id=years_of[SPLIT], next_year=SPLIT + 1
        )
        return list(dict.fromkeys(found.values_list("document_id", flat=True)))

    def follow_year_end(self, year_end: YearEnd, waiting: list[Any]) -> None:
        """`year_end` as it was before the worker came, with what waited for it then."""
        if year_end.status != "requested":
            return
        end = self.year_ends[year_end.pk]
        expected = {pk for pk in self._documents() if years.to_roll(self.books, pk)}
        assert set(waiting) == expected, "the year end forgets documents, or finds too many"
        went = [years.roll(self.books, end, pk) for pk in waiting]
        year_end.refresh_from_db()
        assert year_end.status == ("run" if all(went) else "incomplete")
        self.done["year end"] += 1
        self.done["year end went"] += sum(went)

    def end_year(self, verb: str, pick: int) -> None:
        """Resume, reverse, close and open again; mostly what its state allows."""
        year_end = YearEnd.objects.order_by("pk").last()
        if year_end is None:
            return
        if (allowed := AFTER.get(year_end.status)) and pick % 4 < EXACT:
            verb = allowed[pick // 4 % len(allowed)]
        said = {"year_end": year_end, "actor": self.org.cora, "at": self.now, "reason": "Well."}
        if not self.attempt(f"{verb} year", lambda: getattr(year_ends, verb)(**said)):
            return
        if verb == "reverse":
            assert years.unroll(self.books, self.year_ends[year_end.pk]), "reversed without room"
        elif verb == "close":
            self.books.closed.add(SPLIT)
            assert not [pk for pk in self._documents() if years.to_roll(self.books, pk)]
        elif verb == "reopen":
            self.books.closed.discard(SPLIT)

    def activate(self) -> None:
        """The nightly job: what waited for this year is committed now."""
        due = _due(self.org.entity, self.today.year) if self.today.year > SPLIT else {}
        activate_forward(at=self.now)
        if due:
            self.done["activate"] += years.activate(self.books, due, self.today)
