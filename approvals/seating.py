"""One person decides once: groups of people made disjoint without asking for less than they did.

Whoever agrees to a chain as it comes out of `once_each` has agreed to the chain that went in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from accounts.models import User
from approvals.steps import ALL, ANY, QUORUM


@dataclass(frozen=True, slots=True)
class Seat:
    """One person's place in a chain. `required_limit`: base currency, checked when they approve.

    `scope` names the parts of the content that the say is about; empty: all of it.
    """

    person: User
    why: str
    required_limit: Decimal | None = None
    kind: str = ""
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Seats asked at the same time; groups of one stage are open together, stages in order."""

    mode: str
    seats: tuple[Seat, ...]
    stage: int = 1
    quorum: int = 0
    sla_hours: Decimal | None = None

    @property
    def needs(self) -> int:
        """How many must agree."""
        if self.mode == ALL:
            return len(self.seats)
        return self.quorum if self.mode == QUORUM else 1

    @property
    def people(self) -> frozenset[UUID]:
        return frozenset(seat.person.pk for seat in self.seats)


def once_each(groups: Sequence[Group]) -> list[Group]:
    """Groups in which nobody sits twice and whose consent is consent to all that were given.

    Who must sign somewhere keeps the first place where it is a must, and that say counts wherever
    the person was to be asked: a choice among several asks for as many fewer. Of two choices, one
    of which always settles the other, that one stays; else the later does without the people of
    the earlier, and where it cannot, those whom both know must sign for both.
    """
    known = _merged(groups)
    groups = [replace(group, seats=_distinct(group.seats)) for group in groups]
    musts: set[UUID] = set()
    for group in groups:
        if group.needs >= len(group.seats):
            musts |= group.people
    while True:
        made, shared = _settle(groups, musts)
        if not shared:
            return _numbered(made, known)
        musts |= shared


def _settle(groups: list[Group], musts: set[UUID]) -> tuple[list[Group], set[UUID]]:
    """One attempt; the second value names people who must sign as well for it to be possible."""
    places = _places(groups, musts)
    kept: list[Group] = []
    for index, group in enumerate(groups):
        signing = tuple(s for s in group.seats if places.get(s.person.pk) == index)
        if signing:
            kept.append(replace(group, mode=ALL, quorum=0, seats=signing))
        open_seats = tuple(s for s in group.seats if s.person.pk not in musts)
        needs = group.needs - (len(group.seats) - len(open_seats))
        if needs > 0:
            choice = replace(group, mode=QUORUM, quorum=needs, seats=open_seats)
            if shared := _add_choice(kept, choice):
                return kept, shared
    return kept, set()


def _places(groups: list[Group], musts: set[UUID]) -> dict[UUID, int]:
    """Where each who must sign does: first where everybody must, else first where they are."""
    places: dict[UUID, int] = {}
    for only_musts in (True, False):
        for index, group in enumerate(groups):
            if only_musts and group.needs < len(group.seats):
                continue
            for seat in group.seats:
                if seat.person.pk in musts:
                    places.setdefault(seat.person.pk, index)
    return places


def _add_choice(kept: list[Group], group: Group) -> set[UUID]:
    """Add a choice beside the earlier ones; the people who must sign if that is not possible."""
    for earlier in [each for each in kept if each.mode == QUORUM]:
        theirs, mine = earlier.people, group.people
        if group.needs - len(mine - theirs) >= earlier.needs:
            kept.remove(earlier)  # whoever settles this one has settled that one
        elif earlier.needs - len(theirs - mine) >= group.needs:
            return set()
        elif theirs & mine:
            left = tuple(seat for seat in group.seats if seat.person.pk not in theirs)
            if len(left) < group.needs:
                return set(theirs & mine)
            group = replace(group, seats=left)
    kept.append(group)
    return set()


def _distinct(seats: Iterable[Seat]) -> tuple[Seat, ...]:
    first: dict[UUID, Seat] = {}
    for seat in seats:
        first.setdefault(seat.person.pk, seat)
    return tuple(first.values())


def _merged(groups: Sequence[Group]) -> dict[UUID, tuple[Decimal | None, tuple[str, ...]]]:
    """For each person the strictest limit and the widest scope of all the seats they had."""
    merged: dict[UUID, tuple[Decimal | None, tuple[str, ...]]] = {}
    for group in groups:
        for seat in group.seats:
            limit, scope = merged.get(seat.person.pk, (seat.required_limit, seat.scope))
            limits = [each for each in (limit, seat.required_limit) if each is not None]
            whole = not scope or not seat.scope
            scope = () if whole else tuple(dict.fromkeys((*scope, *seat.scope)))
            merged[seat.person.pk] = (max(limits, default=None), scope)
    return merged


def _numbered(
    groups: list[Group], known: dict[UUID, tuple[Decimal | None, tuple[str, ...]]]
) -> list[Group]:
    """Stages without gaps, plain names for plain modes, everybody's limit and scope."""
    stages = {stage: number for number, stage in enumerate(sorted({g.stage for g in groups}), 1)}
    made = []
    for group in sorted(groups, key=lambda each: each.stage):
        seats = tuple(
            replace(seat, required_limit=known[seat.person.pk][0], scope=known[seat.person.pk][1])
            for seat in group.seats
        )
        needs = group.needs
        mode = ALL if needs >= len(seats) else ANY if needs == 1 else QUORUM
        quorum = needs if mode == QUORUM else 0
        stage = stages[group.stage]
        made.append(Group(mode, seats, stage, quorum, group.sla_hours))
    return made
