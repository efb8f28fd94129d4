"""A round replayed: do the stored facts and the policy of that day lead to the same people again?

The chain is built anew from the snapshot's facts, by the policies and with the people, limits,
roles and delegations of the moment at which it was built, and held against who was asked then.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from approvals import chain, simulation
from approvals.archive import Archive
from approvals.directory import Directory
from approvals.models import ApprovalRequest, ApprovalStep
from approvals.simulation import Chain, signatures
from core.errors import RuleBroken
from core.models import TrailEvent

OPENED = "approval_request.opened"


@dataclass(frozen=True)
class Replay:
    """What a round came to then and comes to again: names stage by stage; no `differences`: the
    same. `again` is None where it would be refused."""

    round_: ApprovalRequest
    rule: str
    then: tuple[str, ...]
    again: tuple[str, ...] | None
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.differences


def replay(round_: ApprovalRequest, archive: Archive | None = None) -> Replay:
    """Replay one round. Reads only. Statements: 13, or 2 with an archive that was read before."""
    archive = archive or Archive(round_.entity)
    directory = archive.directory(round_)
    steps = list(ApprovalStep.objects.filter(request=round_))
    then = _written(round_)
    if then is None:
        then = simulation.asked_for(ApprovalStep.objects.filter(request=round_)).get(round_.pk, ())
    rule, again, refusal = _again(round_, archive, directory)
    names = _Names(directory)
    found = _seats(then, steps, names)
    if rule != round_.rule_name:
        was, now = (f"“{each}”" if each else "no rule" for each in (round_.rule_name, rule))
        found.append(f"{was} decided then; the stored facts lead to {now}.")
    if refusal:
        found.append(f"It would be refused: {refusal}")
    elif again is not None:
        found += _people(then, again, names)
    return Replay(
        round_,
        rule,
        names.stages(then),
        None if again is None else names.stages(again),
        tuple(found),
    )


def replay_all(rounds: Iterable[ApprovalRequest]) -> Iterable[Replay]:
    """Replay many, the archive of each entity read once."""
    archives: dict[UUID, Archive] = {}
    for each in rounds:
        if each.entity_id not in archives:
            archives[each.entity_id] = Archive(each.entity)
        yield replay(each, archives[each.entity_id])


def _again(
    round_: ApprovalRequest, archive: Archive, directory: Directory
) -> tuple[str, Chain | None, str]:
    """The rule that the facts lead to, the chain that it makes, or why it is refused."""
    facts, name = {"amount": str(round_.amount), **round_.facts}, ""
    try:
        rule = archive.book(round_).choose(facts).rule
        name = rule.name if rule else ""
        groups = chain.build(
            rule=rule,
            requester=directory.person(round_.requester_id) or round_.requester,
            facts=facts,
            directory=directory,
            applies_to=round_.subject_type,
        )
    except RuleBroken as refused:
        return name, None, refused.detail
    return name, simulation.chain_from((each.stage, each.needs, each.people) for each in groups), ""


def _written(round_: ApprovalRequest) -> Chain | None:
    """The chain as the trail wrote it down when the round began; older rounds have none there."""
    opened = TrailEvent.objects.filter(document_id=round_.pk, type=OPENED).first()
    seats = (opened.data or {}).get("chain") if opened else None
    if seats is None:
        return None
    return simulation.chain_of_seats(
        (each["stage"], each["group"], each["mode"], each["quorum"], UUID(each["assignee"]))
        for each in seats
    )


def _seats(then: Chain, steps: list[ApprovalStep], names: "_Names") -> list[str]:
    """Whether the steps are those of the chain and of who was put in somebody's place since."""
    asked = _of(then)
    first = {each.assignee_id for each in steps if not each.replaces_id and each.kind != "added"}
    found = []
    if first - asked:
        found.append(f"{names.said(first - asked)} has a step that the trail does not know.")
    if gone := asked - {each.assignee_id for each in steps}:
        found.append(f"{names.said(gone)} was asked by the trail and has no step.")
    return found


def _of(of: Chain) -> set[UUID]:
    return {person for stage in of for group in stage for person in group.people}


def _people(then: Chain, again: Chain, names: "_Names") -> list[str]:
    if then == again:
        return []
    old, new = _of(then), _of(again)
    found = []
    if old - new:
        found.append(f"{names.said(old - new)} was asked and is not found again.")
    if new - old:
        found.append(f"{names.said(new - old)} is found and was not asked.")
    if not found and signatures(then) != signatures(again):
        found.append(f"{signatures(then)} had to agree then, {signatures(again)} again.")
    return found or ["The same people, asked in another order."]


class _Names:
    """People of then in words; who is not on record is looked up as they are called now."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def said(self, people: Iterable[UUID]) -> str:
        return ", ".join(sorted(self._name(each) for each in people))

    def stages(self, of: Chain) -> tuple[str, ...]:
        return tuple(
            " + ".join(
                self.said(group.people)
                if group.needs == len(group.people)
                else f"{group.needs} of {self.said(group.people)}"
                for group in stage
            )
            for stage in of
        )

    def _name(self, person_id: UUID) -> str:
        found = self._directory.person(person_id) or User.objects.filter(pk=person_id).first()
        return str(found) if found else str(person_id)
