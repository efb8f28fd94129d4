"""Duties kept apart as a grid, proposals to change it, and the exceptions."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import duties
from accounts.models import Duty, Entity, Role
from administration import queries
from administration.kinds.values import pair_words
from administration.models import READERS, ChangeRequest
from administration.views.changes import propose
from core.web import require_role

FREE, APART, ROLES_TOO = "", "apart", "roles"
STRENGTHS = ((FREE, "One may"), (APART, "Apart"), (ROLES_TOO, "Roles too"))


class PairsForm(forms.Form):
    """One choice for each two duties, and why."""

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        present = {(each.first, each.second): each for each in duties.pairs_of(entity)}
        self.pairs = every_pair()
        for pair in self.pairs:
            row = present.get(pair)
            self.fields[name_of(pair)] = forms.ChoiceField(
                choices=STRENGTHS,
                required=False,
                label=pair_words(*pair),
                initial=FREE if row is None else ROLES_TOO if row.at_grant else APART,
            )
        self.fields["reason"] = forms.CharField(
            label="Why", max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
        )

    def wanted(self, said: dict[str, Any]) -> dict[str, Any]:
        """The pairs as a change request takes them."""
        chosen = ((pair, said[name_of(pair)]) for pair in self.pairs)
        return {"pairs": [[*pair, how == ROLES_TOO] for pair, how in chosen if how]}


@dataclass(frozen=True)
class Cell:
    """Two duties in the grid: the field that says how they are kept apart, or the diagonal."""

    first: str
    second: str
    field: Any = None

    @property
    def other(self) -> str:
        return str(Duty(self.second).label)

    @property
    def shown(self) -> str:
        return dict(STRENGTHS)[self.field.value() or FREE]


def every_pair() -> list[duties.Pair]:
    values = [str(each) for each in Duty.values]
    return [
        duties.ordered(one, other)
        for index, one in enumerate(values)
        for other in values[index + 1 :]
    ]


def name_of(pair: duties.Pair) -> str:
    return f"{pair[0]}__{pair[1]}"


@login_required
def segregation(request: HttpRequest) -> HttpResponse:
    require_role(request, *READERS)
    if request.method == "POST":
        require_role(request, Role.ADMINISTRATOR)
    entity = request.user.entity
    form = PairsForm(request.POST or None, entity=entity)
    today = entity.day_of(timezone.now())
    context = {
        "grid": _grid(form),
        "duties": [Duty(each).label for each in Duty.values],
        "mitigations": queries.mitigations(entity)[:200],
        "today": today,
        "may_propose": request.user.has_role(Role.ADMINISTRATOR),
    }
    return propose(
        request,
        form,
        form.wanted,
        {"kind": ChangeRequest.Kind.DUTY_PAIRS},
        template="administration/segregation.html",
        context=context,
    )


def _grid(form: PairsForm) -> list[tuple[str, list[Cell | None]]]:
    """The lower half: one row for each duty, a cell for each duty before it."""
    values = [str(each) for each in Duty.values]
    rows = []
    for index, one in enumerate(values[1:], 1):
        cells = [
            Cell(one, other, form[name_of(duties.ordered(one, other))]) for other in values[:index]
        ]
        rows.append((str(Duty(one).label), [*cells, *[None] * (len(values) - 1 - index)]))
    return rows
