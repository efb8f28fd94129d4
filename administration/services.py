"""Proposing a change of the set-up, taking it back, and adding people."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

import accounts.services
import approvals.services
from accounts import forgetting
from accounts.authority import require_administrator
from accounts.models import Entity, Role, User
from administration import kinds
from administration.models import ChangeRequest
from approvals.models import ApprovalPolicy, ApprovalRequest
from core import events, text
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.transactions import atomic
from core.transitions import perform
from invoicing.services.tolerances import require_keeper
from vendors.changes import WHO_IS_PAID
from vendors.inputs import VendorInput
from vendors.models import BankAccount, Vendor

MOST_REASON = 2000
OF_A_PERSON = (
    ChangeRequest.Kind.ROLES,
    ChangeRequest.Kind.LIMITS,
    ChangeRequest.Kind.MANAGER,
    ChangeRequest.Kind.MITIGATION,
    ChangeRequest.Kind.SECOND_FACTOR,
)
OF_A_VENDOR = (ChangeRequest.Kind.VENDOR, ChangeRequest.Kind.BANK)


class StaleChange(Conflict):
    slug = "stale-change"
    title = "What this would change was changed meanwhile; propose it anew."


@atomic
def propose(
    *,
    entity: Entity,
    kind: str,
    after: dict[str, Any],
    reason: str,
    actor: User,
    at: datetime,
    person: User | None = None,
    policy: ApprovalPolicy | None = None,
    vendor: Vendor | None = None,
) -> ChangeRequest:
    """Ask somebody else to agree to a change; nothing holds before they do.

    `after` is what is wanted, by kind: {roles: […]}, {approval_limit: …}, {manager: id}, {first,
    second, valid_until}, {} for a policy or a second factor, {pairs: [[duty, duty, roles too]]},
    {setting: value}, what is new of a vendor, {account: id}, a tolerance. Raises NotAllowed for
    all but administrators (vendor managers where it is about a vendor, heads of accounts payable
    and controllers for tolerances) and for what is about oneself, Invalid, RolesConflict, Conflict
    while the same is proposed already.
    """
    _PROPOSERS.get(kind, require_administrator)(entity, actor)
    if person is not None and person.pk == actor.pk:
        raise NotAllowed("Somebody else must change what you may do.")
    _require_fit(entity, kind, person, policy, vendor)
    if errors := text.check(reason, "/reason", most=MOST_REASON, required=True, multiline=True):
        raise Invalid(errors=errors)
    entity = Entity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    change = ChangeRequest(
        entity=entity,
        kind=kind,
        person=person,
        policy=policy,
        vendor=vendor,
        after=dict(after),
        reason=reason.strip(),
        proposed_by=actor,
        created_at=at,
    )
    change.before = kinds.of(change).read(change)
    change.after = kinds.of(change).check(change, change.after, at)
    _require_alone(change)
    if change.before == change.after:
        raise Invalid("Nothing would change.")
    change._history_user = actor
    change.save()
    _ask(change, at)
    return change


@atomic
def withdraw(*, change: ChangeRequest, actor: User, at: datetime) -> ChangeRequest:
    """Take a proposal back. Raises IllegalTransition, NotAllowed for all but its proposer."""
    change = locked(change.pk)
    perform(change.withdraw, actor=actor, at=at)
    change.save()
    kinds.of(change).drop(change, actor, at, "the proposal was taken back")
    approvals.services.cancel(
        subject_type=change.document_type,
        subject_id=change.pk,
        actor=actor,
        at=at,
        reason="the proposal was taken back",
    )
    events.publish("setting_change.withdrawn", change, actor=actor, at=at)
    return change


@atomic
def add_person(
    *,
    entity: Entity,
    email: str,
    name: str,
    actor: User,
    at: datetime,
    job_title: str = "",
    manager: User | None = None,
    roles: Iterable[str] = (),
) -> User:
    """A new person, whose roles are proposed in the same step and given once somebody agrees.

    Raises as `accounts.services.add_person` and `propose` do.
    """
    person = accounts.services.add_person(
        entity=entity,
        email=email,
        name=name,
        actor=actor,
        at=at,
        job_title=job_title,
        manager=manager,
    )
    if roles := sorted(set(roles)):
        propose(
            entity=entity,
            kind=ChangeRequest.Kind.ROLES,
            after={"roles": roles},
            reason="New here.",
            actor=actor,
            at=at,
            person=person,
        )
    return person


def locked(pk: Any) -> ChangeRequest:
    """The change as stored now, locked until the transaction ends."""
    rows = ChangeRequest.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("entity", "person", "policy", "vendor", "proposed_by").get(pk=pk)


def digest(change: ChangeRequest) -> str:
    """SHA-256 over everything that is agreed to."""
    stated = [
        change.kind,
        str(change.person_id),
        str(change.policy_id),
        *([str(change.vendor_id)] if change.vendor_id else []),
        change.before,
        change.after,
        change.reason,
    ]
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def require_fresh(change: ChangeRequest) -> None:
    """Raise StaleChange when what it would change is not any more what its proposer saw."""
    if kinds.of(change).read(change) != change.before:
        raise StaleChange(
            f"{change}: it was changed since this was proposed. Reject it; it can be proposed anew."
        )


def told(change: ChangeRequest) -> list[dict[str, Any]]:
    """What differs, as the trail keeps it: people by key."""
    keys = {each["name"]: each["id"] for each in people_in([change.before, change.after])}
    return [
        {"field": row.field, "old": keys.get(row.old, row.old), "new": keys.get(row.new, row.new)}
        for row in kinds.of(change).rows(change)
    ]


def people_in(value: Any) -> Iterator[dict[str, Any]]:
    """Whoever stands by id and name in what was proposed, wherever that is."""
    if isinstance(value, dict) and value.keys() == {"id", "name"}:
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from people_in(each)


@forgetting.also
def forget(person: User, was: User, at: datetime) -> None:
    """Take a person out of what was proposed about them, or names them, and out of its titles."""
    about = ChangeRequest.objects.filter(
        Q(person=person) | Q(before__icontains=str(person.pk)) | Q(after__icontains=str(person.pk))
    )
    for change in about.select_for_update(of=("self",), no_key=True).order_by("pk"):
        for row in (change, *change.history.all()):
            for each in people_in([row.before, row.after]):
                each["name"] = person.name if each["id"] == str(person.pk) else each["name"]
            row.save()
        events.publish("setting_change.name_forgotten", change, actor=None, at=at)
        for round_ in ApprovalRequest.objects.filter(subject_id=change.pk):
            for row in (round_, *round_.history.all()):
                row.subject_title = row.subject_title.replace(was.name, person.name)
                row.save()


def propose_vendor(
    *, vendor: Vendor, data: VendorInput, actor: User, at: datetime, reason: str
) -> ChangeRequest:
    """Ask somebody else to agree to what a vendor manager wants to change of a vendor."""
    return propose(
        entity=vendor.entity,
        kind=ChangeRequest.Kind.VENDOR,
        after=asdict(data),
        reason=reason,
        actor=actor,
        at=at,
        vendor=vendor,
    )


def propose_bank_account(
    *, account: BankAccount, actor: User, at: datetime, reason: str
) -> ChangeRequest:
    """Ask somebody else to verify a bank account that a vendor manager asked for."""
    return propose(
        entity=account.entity,
        kind=ChangeRequest.Kind.BANK,
        after={"account": str(account.pk)},
        reason=reason,
        actor=actor,
        at=at,
        vendor=account.vendor,
    )


def _require_vendor_manager(entity: Entity, actor: User) -> None:
    works_here = actor.is_active and actor.entity_id == entity.pk
    if not (works_here and actor.has_role(Role.VENDOR_MANAGER)):
        raise NotAllowed("You are not allowed to manage vendors.")


_PROPOSERS = {
    **dict.fromkeys(OF_A_VENDOR, _require_vendor_manager),
    ChangeRequest.Kind.TOLERANCE: require_keeper,
}


def _require_fit(
    entity: Entity,
    kind: str,
    person: User | None,
    policy: ApprovalPolicy | None,
    vendor: Vendor | None,
) -> None:
    if kind not in ChangeRequest.Kind.values:
        raise Invalid(errors=[FieldError("/kind", "unknown", "There is no such change.")])
    needs_person, needs_policy = kind in OF_A_PERSON, kind == ChangeRequest.Kind.POLICY
    if needs_person != (person is not None):
        raise Invalid(
            errors=[FieldError("/person", "required", "Say whom, for changes of people.")]
        )
    if needs_policy != (policy is not None):
        raise Invalid(errors=[FieldError("/policy", "required", "Say which, for policies.")])
    if (kind in OF_A_VENDOR) != (vendor is not None):
        raise Invalid(errors=[FieldError("/vendor", "required", "Say which, for vendors.")])
    about = person or policy or vendor
    if about is not None and about.entity_id != entity.pk:
        pointer = "/person" if person else "/policy" if policy else "/vendor"
        raise Invalid(errors=[FieldError(pointer, "unknown", "None of this entity.")])
    if person is not None and not person.is_active:
        raise Invalid(errors=[FieldError("/person", "left", f"{person} does not work here.")])


def _require_alone(change: ChangeRequest) -> None:
    """One open change of a thing at a time; under the entity's lock, so of two one is refused."""
    open_ones = ChangeRequest.objects.filter(
        entity=change.entity,
        kind=change.kind,
        person=change.person,
        policy=change.policy,
        vendor=change.vendor,
        status=ChangeRequest.Status.PROPOSED,
    )
    scope = kinds.of(change).scope
    same = any(scope(each.after) == scope(change.after) for each in open_ones)
    if change.kind != ChangeRequest.Kind.MITIGATION and same:
        raise Conflict(f"{change}: another change waits for its approval already.")


def _ask(change: ChangeRequest, at: datetime) -> None:
    """Whoever it is about has no say, and who worked on a policy does not put it into force."""
    excluded = [change.person_id] if change.person_id else []
    if change.policy is not None:
        excluded += change.policy.editors.values_list("pk", flat=True)
    events.publish(
        "setting_change.proposed",
        change,
        actor=change.proposed_by,
        at=at,
        reason=change.reason,
        changes=told(change),
        data={"kind": change.kind, "person": str(change.person_id or "")},
    )
    if change.kind == ChangeRequest.Kind.VENDOR and change.vendor is not None:
        events.publish(
            "vendor.change_proposed",
            change.vendor,
            actor=change.proposed_by,
            at=at,
            reason=change.reason,
            changes=told(change),
        )
    approvals.services.request(
        document=change,
        requester=change.proposed_by,
        amount=Decimal(0),
        facts={
            "excluded": [str(each) for each in excluded],
            "sign_in": _why_signed_in(change),
        },
        digest=digest(change),
        title=str(change),
        actor=change.proposed_by,
        at=at,
    )


def _why_signed_in(change: ChangeRequest) -> str:
    if change.vendor:
        return WHO_IS_PAID
    if change.kind == ChangeRequest.Kind.TOLERANCE:
        return "it changes what is paid without a look"
    return "it changes what somebody may do"
