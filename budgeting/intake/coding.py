"""Codes of an entity, read once for all rows of a file."""

from typing import Any

from accounts.models import Entity
from budgeting.intake import values
from budgeting.intake.sheets import Row
from budgeting.intake.values import NotAValue
from budgets.models import CostCenter, GLAccount, Project
from core.errors import FieldError

_MODELS: dict[str, tuple[Any, str]] = {
    "cost_center": (CostCenter, "cost centre"),
    "gl_account": (GLAccount, "GL account"),
    "project": (Project, "project"),
}


class Coding:
    """Cost centres, GL accounts and projects of one entity by code. Statements: 3."""

    def __init__(self, entity: Entity) -> None:
        self._known = {
            name: {each.code: each for each in model.objects.filter(entity=entity)}
            for name, (model, _) in _MODELS.items()
        }

    def find(self, row: Row, column: str, *, required: bool = True) -> Any:
        """What a row's code stands for; None for an empty one that may be. Raises NotAValue.

        A code of another entity is as unknown as any.
        """
        code = values.words(row[column], most=32, required=required)
        if not code:
            return None
        found = self._known[column].get(code)
        if found is None:
            raise NotAValue("unknown", f"There is no {_MODELS[column][1]} {code!r}.")
        if not found.is_active:
            raise NotAValue("inactive", f"{found} is not used any more.")
        return found


class Reading:
    """Reads the columns of one row and keeps every fault with its column."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def read(self, column: str, read: Any, *given: Any, **more: Any) -> Any:
        """What `read` makes of it; None, and a fault noted, where it cannot be read."""
        try:
            return read(*given, **more)
        except NotAValue as fault:
            self.errors.append(FieldError(f"/{column}", fault.code, fault.words))
            return None
