"""Pages of requisitions: list, form with live check, one requisition with all it holds."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

import approvals.queries
import core.queries
from core import attachments, outbox
from core.errors import DomainError, FieldError
from core.forms import one_more_row, rows_of
from core.money import minor_units
from core.transactions import atomic
from core.web import Repeated, act, keyset_page, once, place, visible_or_404
from requisitions import forms, presentation, queries, services
from requisitions.coding import CODING, CodingChoices
from requisitions.inputs import RequisitionInput
from requisitions.models import Requisition
from requisitions.outlook import Outlook, outlook, standing
from vendors.models import CatalogItem
from vendors.queries import search_catalog

TABS = (
    ("mine", "Mine"),
    ("waiting", "Waiting for me"),
    ("submitted", "In approval"),
    ("approved", "Approved"),
    ("all", "All"),
)
_CARRIED = ("percent", "tax_code", "kind", "basis")
DONE = {
    "submit": "Sent for approval.",
    "withdraw": "Withdrawn. You can change it and send it again.",
    "cancel": "Cancelled; what was reserved goes back to the budget.",
    "close": "Closed; the rest of its reservation goes back to the budget.",
    "copy": "Copied. Check the draft and send it.",
}
AT_ONCE = "Approved at once by policy: nobody needed to be asked."


@login_required
def requisition_list(request: HttpRequest) -> HttpResponse:
    tab, search = request.GET.get("show", "mine"), request.GET.get("q", "")
    found = _tab(request, tab, search)
    page = keyset_page(found, request)
    holders = queries.holders(page.items)
    context = {
        "page": page,
        "rows": [(each, holders[each.pk]) for each in page.items],
        "tabs": TABS,
        "tab": "" if search else tab,
        "search": search,
    }
    return render(request, "requisitions/list.html", context)


def _tab(request: HttpRequest, tab: str, search: str) -> Any:
    if search:
        return queries.listing(request.user, search=search)
    if tab == "waiting":
        return queries.waiting_for(request.user).select_related("entity", "requester", "vendor")
    if tab in Requisition.Status.values:
        return queries.listing(request.user, status=tab)
    return queries.listing(request.user, mine=tab != "all")


@login_required
def create(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@login_required
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = Requisition.objects.visible_to(request.user).filter(requester=request.user)
    requisition = visible_or_404(found.select_related("entity", "vendor"), pk)
    if "edit" not in queries.available_actions(requisition, request.user):
        messages.error(request, "Withdraw it first: it is with its approvers.")
        return redirect("requisitions:detail", pk=pk)
    return _form(request, requisition)


def _form(request: HttpRequest, requisition: Requisition | None) -> HttpResponse:
    """The form, new or of a draft. Saving keeps a draft; sending submits it as well."""
    head, lines = _bound(request, requisition)
    status = 200
    if request.method == "POST" and "add_line" not in request.POST:
        if all([head.is_valid(), lines.is_valid()]):
            try:
                requisition, saved = _save(request, requisition, head, lines)
            except Repeated as before:
                return redirect(before.address)
            if saved:
                return saved
        status = 422
    context = {
        "form": head,
        "lines": lines,
        "requisition": requisition,
        "minor_units": _minor_units(head),
        "stamp": requisition.version if requisition else request.user.requisitions.count(),
        "answer": _answer(requisition) if requisition else None,
        "faulty": sum(bool(line.errors) for line in lines) if status == 422 else 0,
        "refused": status == 422,
        "emergencies": presentation.emergencies(request.user.entity),
        "at_once": request.user.delegated_order_limit,
    }
    return render(request, "requisitions/form.html", context, status=status)


def _minor_units(head: forms.RequisitionForm) -> int:
    try:
        return minor_units(str(head["currency"].value() or "EUR").upper())
    except ValueError:
        return 2


def _bound(request: HttpRequest, requisition: Requisition | None) -> tuple[Any, Any]:
    """Head and lines as posted, as stored, or as a new form begins."""
    entity = request.user.entity
    if request.method == "POST":
        data = _with_new_line(request)
        return forms.RequisitionForm(data, entity=entity), _grid(
            CodingChoices(entity, data), data=data
        )
    if requisition is not None:
        initial, rows, parts = forms.initial_of(requisition)
        return forms.RequisitionForm(initial=initial, entity=entity), _grid(
            CodingChoices(entity, parts=parts), initial=rows
        )
    item = _wanted_item(request)
    choices = CodingChoices(entity)
    initial = {
        "currency": item.currency if item else entity.currency,
        "service_type": item.service_type if item else "other",
        "ship_to": f"{entity.name}\n{entity.address}".strip(),
    }
    return forms.RequisitionForm(initial=initial, entity=entity), _grid(
        choices, initial=[forms.blank_row(request.user, choices, item)]
    )


def _grid(choices: CodingChoices, **options: Any) -> Any:
    return forms.LineFormSet(prefix="lines", form_kwargs={"choices": choices}, **options)


def _wanted_item(request: HttpRequest) -> CatalogItem | None:
    """The catalog item that `?item=` asks for."""
    try:
        wanted = UUID(request.GET.get("item", ""))
    except ValueError:
        return None
    found = CatalogItem.objects.visible_to(request.user).orderable().select_related("vendor")
    return found.filter(pk=wanted).first()


def _with_new_line(request: HttpRequest) -> Any:
    """Without scripts "Add line" is a submit: the same form comes back one line longer, and the
    new line is coded as the one above it."""
    data = request.POST
    if "add_line" in data:
        last = rows_of(data, "lines")
        data = one_more_row(data, "lines")
        for key, value in list(data.items()):
            name = key.removeprefix(f"lines-{last - 1}-")
            if name != key and name.startswith((*CODING, *_CARRIED)):
                data[f"lines-{last}-{name}"] = value
    return data


def _said(lines: Any) -> list[Any]:
    """The forms of lines that ask for something."""
    return [
        form
        for form in lines
        if form.has_changed() and form.is_valid() and not form.cleaned_data.get("DELETE")
    ]


def _save(
    request: HttpRequest, requisition: Requisition | None, head: Any, lines: Any
) -> tuple[Requisition | None, HttpResponse | None]:
    """Keep what was said and maybe send it: the draft as it is now, and where to go next.

    Nowhere where something was refused: the form stays and says why at its fields.
    """
    kept = _said(lines)
    try:
        data = head.as_input([form.as_input() for form in kept])
        if requisition is None:
            requisition = once(
                request,
                lambda: _store(request, None, data),
                address=lambda made: reverse("requisitions:detail", args=[made.pk]),
            )
        else:
            requisition = _store(request, requisition, data)
        if "send" not in request.POST:
            messages.success(request, "The draft is kept.")
            return requisition, redirect("requisitions:edit", pk=requisition.pk)
        requisition = services.submit(
            requisition=requisition, actor=request.user, at=timezone.now()
        )
    except DomainError as refusal:
        place(head, kept, _by_form_field(refusal), field_of=_field)
        if requisition is not None and "send" in request.POST:
            messages.info(request, "It is kept as a draft and was not sent yet.")
        return requisition, None
    messages.success(request, AT_ONCE if requisition.approved_at else DONE["submit"])
    return requisition, redirect("requisitions:detail", pk=requisition.pk)


@atomic
def _store(
    request: HttpRequest, requisition: Requisition | None, data: RequisitionInput
) -> Requisition:
    """Draft and files together: a file that is refused leaves the draft as it was."""
    now = timezone.now()
    if requisition is None:
        saved = services.create(requester=request.user, data=data, at=now)
    else:
        saved = services.edit(requisition=requisition, data=data, actor=request.user, at=now)
    for file in request.FILES.getlist("files"):
        attachments.attach(
            document=saved, data=file.read(), name=file.name or "", actor=request.user, at=now
        )
    return saved


def _field(parts: list[str]) -> str:
    """`/lines/0/distributions/1/cost_center` is the field `cost_center_2`."""
    if len(parts) >= 5 and parts[2] == "distributions" and parts[3].isdigit():
        return f"{parts[4]}_{int(parts[3]) + 1}"
    return "percent_1" if parts[2:3] == ["distributions"] else "".join(parts[2:3])


def _by_form_field(refusal: DomainError) -> DomainError:
    """`/references/dpia` and `/risk/data_residency` are fields of the head."""
    names = {"references": "/reference_", "risk": "/"}
    for place_, error in enumerate(refusal.errors):
        group, _, name = error.pointer.strip("/").partition("/")
        if group in names:
            refusal.errors[place_] = replace(error, pointer=names[group] + name)
    return refusal


@login_required
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The live answer beside the form: what the budgets say and whom it would go to.

    It judges the lines that are complete; a title or a line still being typed is no reason to be
    silent about the rest.
    """
    data = request.POST.copy()
    data["title"] = data.get("title", "").strip() or "–"
    entity = request.user.entity
    head = forms.RequisitionForm(data, entity=entity)
    lines = _grid(CodingChoices(entity, data), data=data)
    complete = _said(lines) if lines.management_form.is_valid() else []
    context: dict[str, Any] = {"currency": entity.currency, "form": head, "is_live": True}
    if complete and head.is_valid():
        asked = [each for each in lines if each.has_changed() and not each["DELETE"].value()]
        counted, answer = _judged(request, head, complete)
        context |= {"incomplete": len(asked) - counted, **answer}
        if found := answer.get("outlook"):
            _ask(head, found, was_refused="refused" in data)
    return render(request, "requisitions/_outlook.html", context)


def _ask(head: Any, found: Outlook, *, was_refused: bool) -> None:
    """Ask for what policy and budget want; once sending was refused, say again what is missing."""
    head.fields["budget_reason"].required = found.is_warned
    head.ask_for(found.references)
    if was_refused:
        for field in head.references:
            if field.field.required and not field.value():
                head.add_error(field.name, "Policy asks for this reference.")


def _judged(request: HttpRequest, head: Any, lines: list[Any]) -> tuple[int, dict[str, Any]]:
    """The outlook and how many lines it counts; lines that a rule refuses are left out."""
    try:
        found = outlook(
            requester=request.user,
            data=head.as_input([form.as_input() for form in lines]),
            at=timezone.now(),
        )
    except DomainError as refusal:
        faulty = {error.pointer.split("/")[2] for error in refusal.errors if _of_line(error)}
        sound = [form for index, form in enumerate(lines) if str(index) not in faulty]
        if faulty and sound and all(map(_of_line, refusal.errors)):
            return _judged(request, head, sound)
        return 0, {"problem": refusal}
    return len(lines), {"outlook": found, "route": presentation.route(found.steps)}


def _of_line(error: FieldError) -> bool:
    return error.pointer.startswith("/lines/")


@login_required
def catalog_search(request: HttpRequest) -> HttpResponse:
    """Suggestions while a line is typed."""
    words = next((value for name, value in request.GET.items() if name.endswith("description")), "")
    items = search_catalog(request.user, words)[:8] if len(words.strip()) > 1 else []
    choices = CodingChoices(request.user.entity) if items else None
    rows = [{"item": item, "fill": json.dumps(_fill(item, choices))} for item in items]
    return render(request, "requisitions/_suggestions.html", {"rows": rows})


def _fill(item: CatalogItem, choices: Any) -> dict[str, str]:
    """The line's fields, and the head's where nobody chose anything yet."""
    return forms.filled_by(item, choices) | {"service_type": item.service_type}


def _answer(requisition: Requisition) -> Any:
    """Who said no last and why, while that is how it stands: the event, or None."""
    word = {Requisition.Status.RETURNED: "returned", Requisition.Status.REJECTED: "rejected"}
    if requisition.status not in word:
        return None
    said = core.queries.timeline(requisition).filter(type=f"requisition.{word[requisition.status]}")
    return said.select_related("actor").last()


def _says_the_chain(event: Any) -> bool:
    """Rounds and whom they asked stand in the chain beside the timeline; decisions are events."""
    return event.type.startswith("approval_request.") or event.type == "approval.requested"


@login_required
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    requisition = visible_or_404(queries.detailed(request.user), pk)
    holder = queries.holder(requisition)
    rounds = approvals.queries.trail_ids(requisition.pk)
    events = core.queries.timeline(requisition, related=rounds).reverse()
    context = {
        "requisition": requisition,
        "lines": requisition.lines.all(),
        "holder": holder,
        "life": presentation.life(requisition, holder),
        "checks": standing(requisition, timezone.now()),
        "actions": queries.available_actions(requisition, request.user),
        "events": [each for each in events if not _says_the_chain(each)],
        "answer": _answer(requisition),
        "comments": core.queries.comments(requisition),
        "files": core.queries.attachments(requisition),
        "promised": outbox.promised(requisition.pk, "purchase_orders.order_by_itself"),
        **presentation.beside(requisition, request.user, at=timezone.now()),
    }
    return render(request, "requisitions/detail.html", context)


@login_required
@require_POST
def perform(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """A button on the page."""
    if action not in DONE:
        raise Http404
    requisition = visible_or_404(Requisition.objects.visible_to(request.user), pk)
    who = {"requisition": requisition, "actor": request.user, "at": timezone.now()}
    reason = request.POST.get("reason", "")
    calls = {
        "submit": lambda: services.submit(**who),
        "withdraw": lambda: services.withdraw(**who, reason=reason),
        "cancel": lambda: services.cancel(**who, reason=reason),
        "close": lambda: services.close(**who, reason=reason),
        "copy": lambda: services.copy(**who),
    }
    page = reverse("requisitions:detail", args=[pk])
    return act(
        request,
        calls[action],
        done=DONE[action],
        to=lambda result: reverse(
            "requisitions:edit" if action == "copy" else "requisitions:detail", args=[result.pk]
        ),
        refused_to=page,
    )
