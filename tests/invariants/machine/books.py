"""What the books must say of documents, reckoned without the portal: decimals and semantics §3.

A document is paid by budgets in equal parts. Amounts are chosen so that halves and rates leave no
rounding: how cents are shared has tests of its own. Each event says what it would move; the verb
that is its name moves it.
"""

import copy
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from tests.invariants.machine.cells import ACT, ENC, PRE, ZERO, Cells, Key, Moves, nothing
from tests.invariants.machine.documents import Bill, Change, Order, Request, Share

RESERVES_AT = {"E": ENC, "F": ACT}  # accounts that take from the budget later than others (C28)
SPLIT = 2026  # a service that runs over years is paid by this one and the next in halves


class Books:
    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.requests: dict[Any, Request] = {}
        self.orders: dict[Any, Order] = {}
        self.changes: dict[Any, Change] = {}
        self.bills: dict[Any, Bill] = {}
        self.closed: set[int] = set()

    def shares(
        self, payers: Iterable[str], amount: Decimal, day: date, stage: int, *, spans: bool
    ) -> list[Share]:
        """What each pays at a stage; nothing where its account takes from the budget later."""
        found, payers = [], tuple(payers)
        for name in payers:
            whole = amount / len(payers) if stage >= RESERVES_AT.get(name, PRE) else ZERO
            later = whole / 2 if spans and day.year == SPLIT else ZERO
            found.append(Share(self.cells.paying(name, day), whole - later, later, whole=whole))
        return found

    def taking(self, shares: Iterable[Share], stage: int, sign: int = 1) -> Moves:
        """+ what shares come to, or − what they hold."""
        moves = nothing()
        for share in shares:
            moves[share.cell][stage] += share.amount if sign > 0 else -share.held
        return moves

    def standing(self, share: Share, day: date) -> Key:
        """Nothing is posted to a closed year: what holds nothing there goes on in this one."""
        name, year, _ = share.cell
        return (
            self.cells.paying(name, day) if year in self.closed and not share.held else share.cell
        )

    def accrued(self) -> dict[Key, Decimal]:
        sums: dict[Key, Decimal] = dict.fromkeys(self.cells.cells, ZERO)
        for order in self.orders.values():
            for share in order.shares:
                sums[share.cell] += order.waits()
        return sums

    # ---- requests and changes: C1, C2, C4, C18, C27

    def asking(self, request: Request, day: date, stage: int = PRE) -> list[Share]:
        total = request.quantity * request.price
        return self.shares(request.payers, total, day, stage, spans=request.spans)

    def reserve(self, request: Request, day: date) -> bool:
        request.shares = self.asking(request, day)
        return self.cells.apply(self.taking(request.shares, PRE), overdraw=request.emergency)

    def free(self, shares: list[Share]) -> None:
        """C4, or a change that is not made."""
        self.cells.apply(self.taking(shares, PRE, -1))
        for share in shares:
            share.lapse()

    # ---- orders: C3, C5, C18 to C21

    def demanding(self, order: Order, day: date) -> Moves:
        """What an order asks of its budgets before it is issued, whenever they are to pay."""
        return self.taking(self.shares(order.payers, order.total, day, ACT, spans=order.spans), ENC)

    def issuing(self, order: Order, day: date) -> Moves:
        order.shares = self.shares(order.payers, order.total, day, ENC, spans=order.spans)
        moves = self.taking(order.shares, ENC)
        for share, now, _ in self._conversions(order):
            moves[share.cell][PRE] -= now
        return self._drawn(moves, order, order.total, day)

    def issue(self, key: Any, order: Order, day: date) -> None:
        emergency = order.request is not None and order.request.emergency
        self.cells.apply(self.issuing(order, day), overdraw=emergency)
        for share, now, later in self._conversions(order):
            share.used += now
            share.later -= later
        if order.request:
            order.took = order.quantity
            order.request.ordered += order.took
        if order.blanket:
            self._draw(order, order.total, day)
            order.blanket.releases.append(order)
        self.orders[key] = order

    def _drawn(self, moves: Moves, order: Order, drawn: Decimal, day: date) -> Moves:
        """What its blanket order gives or gets in the same breath; an ended one keeps nothing."""
        for share, part in order.blanket.drawing(order, drawn) if order.blanket else []:
            left = share.held if order.blanket and order.blanket.ended else part
            moves[self.standing(share, day)][ENC] -= left
        return moves

    def _draw(self, order: Order, drawn: Decimal, day: date) -> None:
        for share, part in order.blanket.drawing(order, drawn) if order.blanket else []:
            share.cell = self.standing(share, day)
            share.used += part
            if order.blanket and order.blanket.ended:
                share.lapse()
        order.drawn = drawn

    def _conversions(self, order: Order) -> list[tuple[Share, Decimal, Decimal]]:
        """C3: the estimate × q_order/q_requested, at most what remains; the last takes the rest.

        Of this year and the next in proportion to what each still has.
        """
        found, request = [], order.request
        for share in request.shares if request else []:
            rest = share.held + share.later
            done = request.ordered + order.quantity >= request.quantity
            asked = rest if done else min(rest, share.whole * order.quantity / request.quantity)
            now = asked * share.held / rest if rest else ZERO
            found.append((share, now, asked - now))
        return found

    def differences(self, change: Change, day: date) -> list[tuple[Share, Decimal, Decimal]]:
        """C18: what each share will come to, this year and the next."""
        order, found = change.order, []
        total = change.quantity * change.price * order.rate / len(order.shares)
        for share, name in zip(order.shares, order.payers, strict=True):
            whole = total if RESERVES_AT.get(name, PRE) <= ENC else ZERO
            waits = order.spans and day.year == SPLIT
            later = max(whole / 2 - share.drawn, ZERO) if waits else ZERO
            found.append((share, whole - later, later))
        return found

    def rises(self, change: Change, day: date) -> list[Share]:
        """What is held while it waits, in the cells of what it raises."""
        return [
            Share(self.standing(share, day), now - share.amount)
            for share, now, _ in self.differences(change, day)
            if now > share.amount and RESERVES_AT.get(share.cell[0], PRE) == PRE
        ]

    def hold(self, change: Change, day: date) -> None:
        change.shares = self.rises(change, day)
        self.cells.apply(self.taking(change.shares, PRE))

    def changing(self, change: Change, day: date) -> Moves:
        moves = self.taking(change.shares, PRE, -1)
        for share, now, _ in self.differences(change, day):
            moves[self.standing(share, day)][ENC] += now - share.amount
        return self._drawn(moves, change.order, self._changed_total(change), day)

    def _changed_total(self, change: Change) -> Decimal:
        return change.quantity * change.price * change.order.rate

    def change(self, change: Change, day: date) -> None:
        moves = self.changing(change, day)
        self._draw(change.order, self._changed_total(change), day)
        for share, now, later in self.differences(change, day):
            share.cell = self.standing(share, day)
            share.amount, share.later = now, later
        for share in change.shares:
            share.used += share.held
        change.order.quantity, change.order.price = change.quantity, change.price
        self.cells.apply(moves)

    def end(self, order: Order, how: str) -> None:
        """Closed it drew what was billed of it, at its own price; cancelled it drew nothing."""
        order.ended, order.accrues = how, False
        order.drawn = order.used if how == "closed" else ZERO

    def release(self, order: Order, day: date) -> None:
        moves = self.taking(order.shares, ENC, -1)
        self.cells.apply(self._drawn(moves, order, order.drawn, day))
        self._draw(order, order.drawn, day)
        for share in order.shares:
            share.lapse()

    def reopening(self, order: Order, day: date) -> Moves:
        moves = nothing()
        for share in order.shares:
            moves[self.standing(share, day)][ENC] += share.given
        return self._drawn(moves, order, order.total, day)

    def reopen(self, order: Order, day: date) -> None:
        self.cells.apply(self.reopening(order, day))
        self._draw(order, order.total, day)
        order.ended, order.accrues, order.late = "", True, ZERO
        for share in order.shares:
            share.cell = self.standing(share, day)
            share.later += share.lapsed
            share.given = share.lapsed = ZERO

    # ---- invoices: C7 to C12, C14, C16, C17

    def clearing(self, bill: Bill, pieces: Decimal, day: date) -> Moves:
        """What `clear` would move; the documents stay as they are."""
        return self._clear(copy.deepcopy(bill), pieces, day)

    def _taken(
        self, bill: Bill, pieces: Decimal, day: date
    ) -> list[tuple[Key, Decimal, Decimal, Decimal]]:
        order, found = bill.order, []
        final = order.billed + pieces >= order.quantity
        part = pieces * order.price * order.rate / len(order.shares)
        for share in order.shares:
            cell = self.standing(share, day)
            if bill.sign < 0:
                found.append((cell, ZERO, ZERO, ZERO))
                continue
            drawn = min(max(part - share.held, ZERO), share.later)
            held = share.held + drawn
            taken, ended = (held, share.later - drawn) if final else (min(held, part), ZERO)
            found.append((cell, taken, drawn, ended))
        return found

    def clear(self, bill: Bill, pieces: Decimal, day: date) -> bool:
        """−ENC at the order's price and rate, +ACT at the invoice's. A credit gives none back."""
        return self.cells.apply(self._clear(bill, pieces, day))

    def _clear(self, bill: Bill, pieces: Decimal, day: date) -> Moves:
        moves = self._given_up_first(bill.order, day)
        bill.taken = self._taken(bill, pieces, day)
        for cell, taken, drawn, _ in bill.taken:
            moves[cell][ENC] += drawn - taken
            moves[cell][ACT] += bill.cost
        bill.pieces, bill.is_cleared = bill.sign * pieces, True
        for share, (cell, taken, drawn, ended) in zip(bill.order.shares, bill.taken, strict=True):
            share.cell = cell
            share.draw(drawn)
            share.later -= ended
            share.used += taken
        bill.order.billed += bill.pieces
        return self._drawn_late(moves, bill.order, day)

    def _given_up_first(self, order: Order, day: date) -> Moves:
        """What a closed release holds for the worker goes back to what its blanket order commits
        before an invoice moves that."""
        moves = nothing()
        if order.is_closed_release and order.blanket and order.blanket.total:
            moves = self._drawn(self.taking(order.shares, ENC, -1), order, order.drawn, day)
            self._draw(order, order.drawn, day)
            for share in order.shares:
                share.lapse()
        return moves

    def _drawn_late(self, moves: Moves, order: Order, day: date) -> Moves:
        """A closed release draws what is billed of it, whenever that changes."""
        if order.is_closed_release:
            order.late = max(order.late + order.used - order.drawn, ZERO)
            moves = self._drawn(moves, order, order.used, day)
            self._draw(order, order.used, day)
        return moves

    def voiding(self, bill: Bill, day: date, *, closed: bool) -> Moves:
        """What `void` would move; the documents stay as they are."""
        return self._void(copy.deepcopy(bill), day, closed=closed)

    def void(self, bill: Bill, day: date, *, closed: bool) -> None:
        """C17: the mirror; what comes back to a closed order is given up with all that it holds."""
        self.cells.apply(self._void(bill, day, closed=closed))

    def _void(self, bill: Bill, day: date, *, closed: bool) -> Moves:
        moves = self._given_up_first(bill.order, day)
        for share, (cell, taken, drawn, ended) in zip(bill.order.shares, bill.taken, strict=True):
            back = taken - drawn
            moves[share.cell][ENC] += -share.held if closed and taken > 0 else back
            moves[cell][ACT] -= bill.cost
            share.used -= taken
            share.draw(-drawn)
            share.later += ended
            if closed and taken > 0:
                share.lapse()
        bill.order.billed -= bill.pieces
        bill.is_cleared = False
        return self._drawn_late(moves, bill.order, day)
