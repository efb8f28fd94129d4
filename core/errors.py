"""Refusals. Each exception states the broken rule and carries what a person needs to go on."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field. `pointer` is a JSON pointer such as `/lines/0/quantity`."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """A refused call; it changed nothing. `slug` and `status` are the API's type and code.

    `leaves_trace` says whether the trail remembers the attempt, where its service is `told`.
    """

    slug = "rule-broken"
    status = 422
    title = "A rule forbids this."
    leaves_trace = False

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        self.detail = detail or self.title
        self.errors = list(errors)
        super().__init__(self.detail)


class RuleBroken(DomainError):
    """The input is well formed but breaks a rule; `errors` name the fields."""


class Invalid(RuleBroken):
    """One or more fields hold values that cannot be accepted."""

    slug = "invalid"
    title = "Some fields need your attention."


class NotAllowed(DomainError):
    slug = "not-allowed"
    status = 403
    title = "You are not allowed to do this."
    leaves_trace = True


class IllegalTransition(DomainError):
    slug = "illegal-transition"
    status = 409
    title = "The document is not in a state that allows this."


class Conflict(DomainError):
    slug = "conflict"
    status = 409
    title = "This conflicts with the present state."


class StaleVersion(DomainError):
    slug = "stale-version"
    status = 412
    title = "Somebody changed this in the meantime."
    leaves_trace = True


class Missing(DomainError):
    """Unknown or not visible: the two are never told apart."""

    slug = "not-found"
    status = 404
    title = "Not found."


class TooLarge(DomainError):
    slug = "too-large"
    status = 413
    title = "The file is too large."


class WrongType(DomainError):
    slug = "wrong-type"
    status = 415
    title = "This kind of file is not accepted."
