"""Approvals: chains, the simulator, a long inbox, and the sweep for what is due."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import calendars
from accounts.models import Role, RoleAssignment, User
from approvals import chain, policy, services, simulation
from approvals.directory import Directory
from approvals.inputs import RuleInput
from approvals.models import ApprovalPolicy, ApprovalRequest, ApprovalStep
from approvals.policy import Book
from bench.filling import Table
from bench.measuring import Result, look_again, percentile, seconds, statements
from bench.stage import Stage
from core import events
from core.ids import new_id
from core.transactions import atomic
from requisitions.models import Requisition, RequisitionDistribution, RequisitionLine

AIM_CHAINS, AIM_SIMULATION, AIM_INBOX, AIM_SWEEP = 1000, 10, 150, 2
PEOPLE, RULES = 500, 50
PAGE = "/approvals/"
SERVICES = ("saas", "iaas", "professional_services", "hardware", "licence", "goods", "other")
KINDS = ("manager", "manager_chain", "budget_owner")


def run(stage: Stage, sizes: dict[str, int]) -> list[Result]:
    """All of it on one database; what was filled in for one part is there for the next."""
    _hire(stage)
    ada, cora, now = stage.people["ada"], stage.people["cora"], timezone.now()
    active = services.activate(policy_version=_draft(stage), actor=cora, at=now)
    chains = _chains(stage, times=sizes["chains"])
    services.retire(policy=active, actor=cora, at=now)
    draft = services.new_version(policy=active, actor=ada, at=now)
    return [
        *chains,
        _simulation(stage, draft, rounds=sizes["past"]),
        *_inbox(stage, waiting=sizes["waiting"], times=sizes["times"]),
        *_sweep(stage, steps=sizes["steps"], due=sizes["due"]),
    ]


@atomic
def _hire(stage: Stage) -> None:
    """Colleagues below axel and dora, so that the directory is that of a company."""
    missing = PEOPLE - User.objects.filter(entity=stage.entity).count()
    bosses = [stage.people["axel"], stage.people["dora"]]
    people = [
        User(email=f"colleague{n}@demo.example", name=f"Colleague {n:03}", entity=stage.entity,
             manager=bosses[n % 2])
        for n in range(missing)
    ]  # fmt: skip
    User.objects.bulk_create(people)
    RoleAssignment.objects.bulk_create(
        RoleAssignment(user=person, entity=stage.entity, role=Role.REQUESTER) for person in people
    )
    events.publish("entity.set_up", stage.entity, actor=None, at=timezone.now())


def _colleagues(stage: Stage) -> list[Any]:
    hired = User.objects.filter(entity=stage.entity, email__startswith="colleague")
    return list(hired.values_list("pk", flat=True))


def _draft(stage: Stage) -> ApprovalPolicy:
    """Fifty rules: bands of amounts by service type and cost centre, the last for the rest."""
    rules = []
    for number in range(RULES - 1):
        asked = [
            ("amount", "gte", str(5000 - 100 * number)),
            ("service_type", "eq", SERVICES[number % len(SERVICES)]),
            ("cost_centers", "contains", f"CC{100 * (1 + number % 6)}"),
            ("personal_data", "eq", number % 2 == 0),
        ]
        conditions = {"all": [dict(zip(("fact", "operator", "value"), each, strict=True))
                              for each in asked]}  # fmt: skip
        rules.append(RuleInput(f"Rule {number}", conditions, _steps(number)))
    rules.append(RuleInput("Rest", {"all": []}, _steps(0)))
    return services.draft_policy(
        entity=stage.entity, name="Bench", applies_to="requisition", description="", priority=1,
        rules=rules, requirements=[], actor=stage.people["ada"], at=timezone.now(),
    )  # fmt: skip


def _steps(number: int) -> list[dict[str, Any]]:
    kinds = ["manager_chain", KINDS[number % 3]][: 1 + number % 2]
    made = [{"mode": "all", "approvers": [{"kind": kind}]} for kind in kinds]
    finance = {"kind": "role", "value": "controller"}
    return [*made, {"mode": "any", "approvers": [finance, {"kind": "manager"}]}]


def _facts(stage: Stage, count: int) -> Iterator[dict[str, Any]]:
    """Requests of every kind, the same ones each time."""
    owners = {code: str(each.owner_id) for code, each in stage.cost_centers.items()}
    codes = sorted(owners)
    for n in range(count):
        code = codes[n % len(codes)]
        yield {
            "amount": f"{(n * 7919) % 30_000 + 50}.00", "cost_centers": [code], "currency": "EUR",
            "service_type": SERVICES[n * 3 % len(SERVICES)], "vendor_status": "approved",
            "budget_owners": [owners[code]], "personal_data": n % 3 == 0, "budget_state": "ok",
            "catalog_only": n % 5 == 0, "within_delegated_limit": False,
        }  # fmt: skip


def _chains(stage: Stage, *, times: int) -> list[Result]:
    """Rule chosen and people found, with people and rules read once and read each time."""
    now, rita = timezone.now(), stage.people["rita"]
    facts = list(_facts(stage, times))

    def build(choice: policy.Choice, directory: Directory, known: dict[str, Any]) -> None:
        chain.build(rule=choice.rule, requester=rita, facts=known, directory=directory,
                    applies_to="requisition")  # fmt: skip

    def batch() -> None:
        book = Book.in_force(entity=stage.entity, applies_to="requisition")
        directory = Directory.of(stage.entity, at=now)
        for known in facts:
            build(book.choose(known), directory, known)

    def one(known: dict[str, Any]) -> None:
        choice = policy.choose(entity=stage.entity, applies_to="requisition", facts=known)
        build(choice, Directory.of(stage.entity, at=now), known)

    def each() -> None:
        for known in facts[: max(times // 20, 20)]:
            one(known)

    batch()
    once, anew = min(seconds(batch) for _ in range(3)), min(seconds(each) for _ in range(3))
    with statements() as sent:
        one(facts[0])
    return [
        Result(f"Chains of {RULES} rules, read once for {times:,}", times / once, "chains/s",
               AIM_CHAINS, how=f"{PEOPLE} people"),
        Result("… rules and people read anew for each", max(times // 20, 20) / anew, "chains/s",
               how=f"{len(sent)} statements each"),
    ]  # fmt: skip


class _Rounds:
    """Rounds with their steps as COPY text."""

    def __init__(self, stage: Stage, **always: Any) -> None:
        mine = {"entity_id": stage.entity.pk, "version": 1}
        self.stage = stage
        self.requests = Table(
            ApprovalRequest,
            **mine,
            subject_type="requisition",
            digest="0" * 64,
            requester_id=stage.people["rita"].pk,
            **always,
        )
        self.steps = Table(ApprovalStep, **mine, why="asked", mode="all")  # fmt: skip

    def add(
        self, moment: Any, facts: dict[str, Any], *, subject_id: Any = None, requester: Any = None
    ) -> Any:
        round_id = new_id()
        self.requests.add(
            id=round_id, subject_id=subject_id or new_id(), created_at=moment,
            requester_id=requester or self.stage.people["rita"].pk,
            subject_title="Something that was asked for", amount=facts["amount"],
            facts=json.dumps(facts),
        )  # fmt: skip
        return round_id

    def write(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            self.requests.write(cursor)
            self.steps.write(cursor)


def _simulation(stage: Stage, draft: ApprovalPolicy, *, rounds: int) -> Result:
    """Rounds of the last weeks under the active policies, then under the draft."""
    now = timezone.now()
    rules = Book.in_force(entity=stage.entity, applies_to="requisition")
    directory, rita = Directory.of(stage.entity, at=now), stage.people["rita"]
    past = _Rounds(stage, status="approved")
    for number, facts in enumerate(_facts(stage, rounds)):
        moment = now - timedelta(minutes=5 + number)
        round_id = past.add(moment, facts)
        groups = chain.build(rule=rules.choose(facts).rule, requester=rita, facts=facts,
                             directory=directory, applies_to="requisition")  # fmt: skip
        for place, group in enumerate(groups, 1):
            for seat in group.seats:
                past.steps.add(
                    id=new_id(), request_id=round_id, stage=group.stage, group=place,
                    mode=group.mode, assignee_id=seat.person.pk, created_at=moment,
                    status="approved", decided_by_id=seat.person.pk, activated_at=moment,
                    decided_at=moment + timedelta(minutes=3),
                )  # fmt: skip
    past.write()
    look_again()
    seen: list[simulation.Simulation] = []
    since, until = now - timedelta(days=365), now + timedelta(minutes=1)
    took = min(
        seconds(lambda: seen.append(simulation.simulate(draft=draft, since=since, until=until)))
        for _ in range(3)
    )
    changed = len(seen[0].changed)
    if len(seen[0].rows) < rounds:
        raise RuntimeError(f"only {len(seen[0].rows)} of {rounds} rounds were tried")
    return Result(f"Simulation of {len(seen[0].rows):,} rounds, {RULES} rules", took, "s",
                  AIM_SIMULATION, at_least=False, how=f"{changed:,} chains change")  # fmt: skip


def _inbox(stage: Stage, *, waiting: int, times: int) -> list[Result]:
    """The page of somebody with very many open steps, each of a requisition of its own."""
    dora = stage.people["dora"]
    _ask(stage, dora, waiting)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(dora, backend="django.contrib.auth.backends.ModelBackend")
    took = []
    for place in range(times + 3):
        if place == 3:
            busy = time.process_time()
        began = time.perf_counter()
        answer = client.get(PAGE)
        if place >= 3:
            took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"the inbox answered {answer.status_code}")
    busy = (time.process_time() - busy) / times * 1000
    with statements() as sent:
        client.get(PAGE)
    return [
        Result(f"Inbox with {waiting:,} open steps, p95", percentile(took, 0.95), "ms", AIM_INBOX,
               at_least=False, how=f"{len(sent)} statements"),
        Result("… median", percentile(took, 0.5), "ms",
               how=f"{busy:.0f} ms of them processor time of Python"),
    ]  # fmt: skip


class _Wanted:
    """Submitted requisitions of one line as COPY text: many people ask all vendors."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.colleagues = stage, _colleagues(stage)
        self.vendors = list(stage.vendors.values())
        self.headers = Table(
            Requisition,
            entity_id=stage.entity.pk,
            version=1,
            currency="EUR",
            status="submitted",
            rate=1,
        )
        self.lines = Table(RequisitionLine, line_number=1, kind="goods", unit="C62", quantity=1)
        self.parts = Table(RequisitionDistribution, position=1, percent=100,
                           gl_account_id=stage.gl_accounts["6600"].pk)  # fmt: skip

    def add(self, number: int, moment: Any, facts: dict[str, Any]) -> tuple[Any, Any]:
        """Its id and whose it is."""
        pk, line, amount = new_id(), new_id(), facts["amount"]
        requester = self.colleagues[number % len(self.colleagues)]
        self.headers.add(
            id=pk, number=f"BENCH-{number:06}", title=f"Request {number}", total=amount,
            created_at=moment, submitted_at=moment, requester_id=requester,
            vendor_id=self.vendors[number % len(self.vendors)].pk,
        )  # fmt: skip
        self.lines.add(id=line, requisition_id=pk, description=f"Something {number}", net=amount,
                       unit_price=amount)  # fmt: skip
        center = self.stage.cost_centers[facts["cost_centers"][0]]
        self.parts.add(id=new_id(), line_id=line, amount=amount, cost_center_id=center.pk)
        return pk, requester

    def write(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for table in (self.headers, self.lines, self.parts):
                table.write(cursor)


def _ask(stage: Stage, person: User, count: int) -> None:
    """So many pending requisitions that wait for one person, none of them due."""
    now = timezone.now()
    due = calendars.add_working_time(stage.entity, now, calendars.working_days(stage.entity, 1))
    rounds, wanted = _Rounds(stage, status="pending"), _Wanted(stage)
    for number, facts in enumerate(_facts(stage, count)):
        moment = now - timedelta(minutes=number)
        pk, requester = wanted.add(number, moment, facts)
        round_id = rounds.add(moment, facts, subject_id=pk, requester=requester)
        rounds.steps.add(
            id=new_id(), request_id=round_id, group=1, status="active", created_at=moment,
            assignee_id=person.pk, activated_at=moment, due_at=due, next_nudge_at=due,
        )  # fmt: skip
    wanted.write()
    rounds.write()
    look_again()


def _sweep(stage: Stage, *, steps: int, due: int) -> list[Result]:
    """Reminders, and for every tenth an escalation, among very many steps that have time."""
    filled = seconds(lambda: _have_time(stage, steps - due))
    now = timezone.now()
    late = calendars.add_working_time(
        stage.entity, now - timedelta(days=6), calendars.working_days(stage.entity, 0)
    )
    waiting = list(
        ApprovalStep.objects.filter(
            assignee=stage.people["dora"], status="active", due_at__gt=now
        ).order_by("pk").values_list("pk", flat=True)[:due]
    )  # fmt: skip
    tenth = len(waiting) // 10
    past = {"next_nudge_at": now - timedelta(minutes=2)}
    ApprovalStep.objects.filter(pk__in=waiting[:tenth]).update(due_at=late, **past)
    ApprovalStep.objects.filter(pk__in=waiting[tenth:]).update(
        due_at=now - timedelta(minutes=2), **past
    )
    look_again()
    counts: dict[str, int] = {}
    took = seconds(lambda: counts.update(services.nudge(at=now)))
    if sum(counts.values()) != len(waiting):
        raise RuntimeError(f"{len(waiting)} were due: {counts}")
    idle = seconds(lambda: services.nudge(at=now))
    said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    return [
        Result(f"Sweep over {steps:,} steps, {len(waiting):,} due", took, "s", AIM_SWEEP,
               at_least=False, how=f"{said}; filled in {filled:.0f} s"),
        Result("… when nothing is due", idle * 1000, "ms"),
    ]  # fmt: skip


def _have_time(stage: Stage, count: int) -> None:
    """Open steps that are due in the days to come, ten people to a round."""
    now = timezone.now()
    people = _colleagues(stage)
    facts = {"amount": str(Decimal(100))}
    for start in range(0, count, 50_000):
        rounds = _Rounds(stage, status="pending")
        for number in range(start, min(start + 50_000, count)):
            if number % 10 == 0:
                round_id = rounds.add(now, facts)
            due = now + timedelta(hours=2, seconds=number % 400_000)
            rounds.steps.add(
                id=new_id(), request_id=round_id, group=1, status="active", created_at=now,
                assignee_id=people[number % len(people)], activated_at=now, due_at=due,
                next_nudge_at=due,
            )  # fmt: skip
        rounds.write()
