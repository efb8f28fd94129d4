"""The second factor: a code from an app, or one of ten recovery codes; who has it and who must.

Codes are tried under the person's lock and each opens once. Five wrong ones in a quarter of an hour
pause the person's codes, counted by the trail, so truly across processes. What a code is reckoned
from is kept sealed (core/sealed.py). ADR 28 says why it is so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp

from accounts.authority import locked_person, require_two_people
from accounts.models import ApiToken, Role, User
from core import events, sealed
from core.composed import Composed
from core.errors import Conflict, DomainError, FieldError, Invalid, NotAllowed
from core.models import TrailEvent
from core.transactions import atomic

FINANCE_ROLES = (Role.AP_CLERK, Role.AP_MANAGER, Role.CONTROLLER, Role.FINANCE)
MOST_WRONG = 5
PAUSE = timedelta(minutes=15)
CODES_SHOWN = timedelta(minutes=15)
REFUSED = "person.second_factor_refused"
_KEPT, _LAST = "viewed_at", "last_counter"
_SEALED = ("secret", "seed")

_enrolled = Composed[Authenticator](
    lambda person: Authenticator.objects.filter(user_id=person, type=Authenticator.Type.TOTP)
)


class CodesPaused(DomainError):
    slug = "too-many-requests"
    status = 429
    title = "Too many wrong codes. Wait 15 minutes, then try again."


class SecondFactorRequired(NotAllowed):
    """Somebody who must have a second factor and has none can do nothing else."""

    slug = "second-factor-required"
    title = "Your organisation asks for a second factor. Set it up in the portal first."


@dataclass(frozen=True)
class Factor:
    """What a person has, and how many recovery codes are left."""

    since: datetime
    last_used_at: datetime | None
    codes_left: int


def has(person: User) -> bool:
    """Whether the person has a second factor. Statements: 1."""
    return bool(_enrolled(person.pk))


def is_missing(person: User) -> bool:
    """Whether the entity asks for a second factor that the person has not.

    Statements: none where the entity does not ask, the person's roles and one more where it does.
    """
    entity = person.entity
    asked = entity is not None and entity.finance_second_factor
    return asked and person.has_role(*FINANCE_ROLES) and not has(person)


def require(person: User) -> None:
    """Raise SecondFactorRequired where it is missing."""
    if is_missing(person):
        raise SecondFactorRequired()


def factor_of(person: User) -> Factor | None:
    """What the person has, or nothing. Statements: 1."""
    rows = {each.type: each for each in Authenticator.objects.filter(user=person)}
    app, codes = rows.get(Authenticator.Type.TOTP), rows.get(Authenticator.Type.RECOVERY_CODES)
    if app is None:
        return None
    used = [each.last_used_at for each in rows.values() if each.last_used_at]
    left = len(codes.wrap().get_unused_codes()) if codes else 0
    return Factor(app.created_at, max(used, default=None), left)


@atomic
def enrol(*, person: User, secret: str, code: str, at: datetime) -> None:
    """Give a person the second factor whose secret their app now holds, proven by its code.

    Ten recovery codes come with it. Raises Conflict for somebody who has one, CodesPaused, Invalid
    for a code that the app cannot have shown; `try_out` records that one.
    """
    person = locked_person(person)
    if has(person):
        raise Conflict("You have a second factor already.")
    counter = _counter(secret, code)
    if counter is None:
        raise wrong_code()
    row = totp.TOTP.activate(person, secret).instance
    row.data[_LAST] = counter
    row.created_at = row.last_used_at = at
    row.save()
    _make_codes(person, at)
    events.publish("person.second_factor_added", person, actor=person, at=at)


@atomic
def check(
    *, person: User, code: str, at: datetime, actor: User | None = None
) -> Authenticator | None:
    """What a code opens: the app's or a recovery code's row; nothing for a wrong or used code.

    A wrong one is recorded. `actor` is the person once they are signed in. Raises CodesPaused.
    """
    person = locked_person(person)
    _require_unpaused(person, at)
    for row in Authenticator.objects.filter(user=person).order_by("-type"):
        if _opens(row, code):
            row.last_used_at = at
            row.save(update_fields=["data", "last_used_at"])
            if row.type == Authenticator.Type.RECOVERY_CODES:
                left = len(row.wrap().get_unused_codes())
                said = {"codes_left": left}
                events.publish("person.recovery_code_used", person, actor=actor, at=at, data=said)
            return row
    _refuse(person, actor, at)
    return None


@atomic
def try_out(*, person: User, secret: str, code: str, at: datetime) -> bool:
    """Whether an app that is being set up shows this code; a wrong one is recorded.

    Raises CodesPaused.
    """
    person = locked_person(person)
    _require_unpaused(person, at)
    fits = _counter(secret, code) is not None
    if not fits:
        _refuse(person, person, at)
    return fits


@atomic
def remove(*, person: User, at: datetime) -> None:
    """Take one's own second factor away; tokens made with it end. The caller asked for a proof.

    Raises Conflict where there is none.
    """
    person = locked_person(person)
    _take_away(person)
    events.publish("person.second_factor_removed", person, actor=person, at=at)


@atomic
def reset(
    *, person: User, actor: User | None, proposed_by: User | None, at: datetime, reason: str = ""
) -> None:
    """Take somebody's second factor away who has lost it, by two others.

    Raises NotAllowed without two others, Conflict where there is none.
    """
    person = locked_person(person)
    require_two_people(person.entity, actor=actor, proposed_by=proposed_by, person=person)
    _take_away(person)
    data = {"proposed_by": str(proposed_by.pk)} if proposed_by else {}
    events.publish(
        "person.second_factor_reset", person, actor=actor, at=at, reason=reason, data=data
    )


@atomic
def renew_codes(*, person: User, at: datetime) -> None:
    """Ten new recovery codes; the old ones open nothing more. Raises Conflict without factor."""
    person = locked_person(person)
    if not has(person):
        raise Conflict("Set up a second factor first.")
    _make_codes(person, at)
    events.publish("person.recovery_codes_renewed", person, actor=person, at=at)


def codes_to_show(*, person: User, at: datetime) -> list[str]:
    """Recovery codes until the person says that they are kept, a quarter of an hour at most."""
    row = _codes_of(person)
    if row is None or row.data.get(_KEPT) or at - row.created_at > CODES_SHOWN:
        return []
    codes: list[str] = row.wrap().get_unused_codes()
    return codes


@atomic
def keep_codes(*, person: User, at: datetime) -> None:
    """The person has written the codes down: they are not shown again."""
    row = _codes_of(locked_person(person))
    if row is not None and not row.data.get(_KEPT):
        row.data[_KEPT] = at.timestamp()
        row.save(update_fields=["data"])


def wrong_code() -> Invalid:
    words = "This code does not fit. Take the newest one from your app."
    return Invalid(words, errors=[FieldError("/code", "wrong", words)])


def _codes_of(person: User) -> Authenticator | None:
    kind = Authenticator.Type.RECOVERY_CODES
    return Authenticator.objects.filter(user=person, type=kind).first()


def _make_codes(person: User, at: datetime) -> None:
    kind = Authenticator.Type.RECOVERY_CODES
    Authenticator.objects.filter(user=person, type=kind).delete()
    row = RecoveryCodes.activate(person).instance
    row.created_at = at
    row.save()


def _take_away(person: User) -> None:
    """Nothing that was shown once is worth anything afterwards, tokens made with it included."""
    if not has(person):
        raise Conflict(f"{person} has no second factor.")
    Authenticator.objects.filter(user=person).delete()
    ApiToken.objects.filter(user=person, second_factor=True).delete()


def _opens(row: Authenticator, code: str) -> bool:
    """Whether a code is this row's; it is used up by the asking."""
    if row.type == Authenticator.Type.RECOVERY_CODES:
        codes = row.wrap()
        opened = codes.validate_code(code)
        row.data = codes.instance.data
        return bool(opened)
    counter = _counter(sealed.unseal(row.data["secret"]), code)
    if counter is None or counter <= row.data.get(_LAST, -1):
        return False
    row.data[_LAST] = counter
    return True


def _counter(secret: str, code: str) -> int | None:
    """The half minute whose code it is, of this one and its two neighbours."""
    for counter in totp.yield_hotp_counters_from_time():
        expected = totp.format_hotp_value(totp.hotp_value(secret, counter))
        if compare_user_code(actual=code, expected=expected):
            return counter
    return None


def _require_unpaused(person: User, at: datetime) -> None:
    """Under the person's lock, so that codes tried at once are counted one after the other."""
    used = Authenticator.objects.filter(user=person, last_used_at__isnull=False)
    since = max([at - PAUSE, *used.values_list("last_used_at", flat=True)])
    wrong = TrailEvent.objects.filter(document_id=person.pk, type=REFUSED, at__gt=since)
    if wrong.count() >= MOST_WRONG:
        raise CodesPaused()


def _refuse(person: User, actor: User | None, at: datetime) -> None:
    events.publish(REFUSED, person, actor=actor, at=at, data={"why": "wrong-code"})


@atomic
def reseal(row_id: int) -> None:
    """Seal one row's secret under the present key; nothing where it is already."""
    row = Authenticator.objects.select_for_update(no_key=True).filter(pk=row_id).first()
    for name in _SEALED:
        if row is not None and name in row.data and not sealed.is_current(row.data[name]):
            row.data[name] = sealed.reseal(row.data[name])
            row.save(update_fields=["data"])


def sealed_long_ago() -> list[int]:
    """Rows whose secret an older key sealed. Statements: 1."""
    return [
        row.pk
        for row in Authenticator.objects.order_by("pk")
        if not all(sealed.is_current(row.data[name]) for name in _SEALED if name in row.data)
    ]
