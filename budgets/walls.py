"""What keeps the books from being altered: the chains, their anchors, triggers and constraints."""

from budgets import invariants
from budgets.invariants import MOST_FAULTS, Proof, first
from core import anchors, app_role, append_only, constraints, told, trail
from core.models import TrailEvent

CONSTRAINED = ("M1", "M3", "M6", "M7", "M8", "M14")


def register() -> None:
    invariants.register("Audit trail", chains, proves=("T3",))
    invariants.register("Anchors", anchored, proves=("T4",))
    invariants.register("Only grows", only_grows, proves=("M5", "T5"))
    invariants.register("Told changes", all_told, proves=("T1",))
    invariants.register("Constraints", constrained, proves=CONSTRAINED)


def chains() -> Proof:
    """Every hash chain holds from its first event to its head."""
    faults = (
        f"trail {each.stream} event {each.sequence}: {each.problem}" for each in trail.verify_all()
    )
    return Proof(f"{TrailEvent.objects.count():,} events", first(faults))


def anchored() -> Proof:
    """Every chain passes through the heads that were written outside the database."""
    faults = (f"anchor {each.place}: {each.problem}" for each in anchors.verify())
    return Proof(f"{anchors.count():,} anchors", first(faults))


def only_grows() -> Proof:
    """The database refuses to change or delete what only grows, and the portal has no right to."""
    faults = [
        *(f"table {name}: no trigger refuses its changes" for name in append_only.unprotected()),
        *(f"table {name}: the portal's role may alter it" for name in app_role.too_much()),
    ]
    return Proof(f"{len(append_only.tables())} tables that only grow", faults)


def all_told() -> Proof:
    """The database refuses changes of state, money, rights and settings that no event tells."""
    return Proof(f"{len(told.tables())} tables that are told of", told.unguarded()[:MOST_FAULTS])


def constrained() -> Proof:
    """The database has every constraint that the portal's rules rest on."""
    faults = [
        *(f"table {table}: constraint {name} is gone" for name, table in constraints.missing()),
        *(f"table {table}: {column} would take NaN" for table, column in constraints.open_to_nan()),
    ]
    return Proof(f"{len(constraints.declared())} constraints", faults[:MOST_FAULTS])
