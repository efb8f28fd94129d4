"""Taking away the second factor of somebody who has lost it, so that they can set up another."""

from datetime import datetime

from accounts import second_factor
from accounts.models import User
from administration.kinds.values import Kind, Values, only, two_people, wrong
from administration.models import ChangeRequest
from approvals.subjects import Change


def _read(change: ChangeRequest) -> Values:
    assert change.person is not None
    return {"second_factor": second_factor.has(change.person)}


def _check(change: ChangeRequest, after: Values, at: datetime) -> Values:
    only(after)
    if not change.before["second_factor"]:
        raise wrong("/person", "none", f"{change.person} has no second factor.")
    return {"second_factor": False}


def _apply(change: ChangeRequest, actor: User, at: datetime) -> None:
    assert change.person is not None
    second_factor.reset(person=change.person, reason=change.reason, **two_people(change, actor, at))


def _rows(change: ChangeRequest) -> list[Change]:
    return [Change("Second factor", "set up", "none; it can be set up anew")]


SECOND_FACTOR = Kind(_read, _check, _apply, _rows)
