"""The building blocks of pages. Each tag says what it shows; templates/components/ says how."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput, Select
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

# What a state asks of the reader: info = moving by itself, wait = somebody must act,
# good = reached, bad = failed or forbidden, quiet = over, plain = not begun.
TONES = {
    "plain": "draft new open waiting none not_sent prospect captured track",
    "info": "submitted in_approval pending active issued matching in_payment processing sent "
    "queued ordered running in_review partially_ordered partial proposed released warned shipped",
    "wait": "in_exception on_hold assigned returned disputed expiring suspended overdue escalated "
    "reopened accepted_with_changes warn unconfirmed over held",
    "good": "approved accepted posted matched cleared paid confirmed resolved full passed pass "
    "delivered applied exported authorised acknowledged balanced ok final kept corrected run",
    "bad": "rejected blocked failed refused exception block stop missing duplicate bounced",
    "quiet": "closed cancelled withdrawn archived expired terminated reversed void waived skipped "
    "superseded retired short_closed returned_to_vendor revoked used",
}
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}
HUES = 6


def humanise(word: str) -> str:
    """`on_hold` as `On hold`."""
    text = str(word).replace("_", " ").replace(".", " ").strip()
    return text[:1].upper() + text[1:]


def read(item: Any, name: str, default: Any = None) -> Any:
    """A named value of a mapping or an object."""
    if isinstance(item, Mapping):
        return item.get(name, default)
    return getattr(item, name, default)


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """An icon of static/img/icons.svg; decoration unless `label` gives it words."""
    sprite = f"{static('img/icons.svg')}#{name}"
    words = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return format_html(
        '<svg class="icon{}" {}><use href="{}"></use></svg>',
        f" {css}" if css else "",
        SafeString(words),
        sprite,
    )


@register.simple_tag
def pill(value: Any, label: str = "", tone: str = "") -> SafeString:
    """A state as a word in its colour. `value` is the stored word, or a document with a status."""
    word = read(value, "status", value)
    display = getattr(value, "get_status_display", None)
    text = label or (display() if display else getattr(word, "label", "")) or humanise(word)
    tone = tone or TONE_OF.get(str(getattr(word, "value", word)), "plain")
    return format_html('<span class="pill pill-{}">{}</span>', tone, text)


@register.filter
def tone_of(word: str) -> str:
    """The tone of a state word, for classes such as `mark-good`."""
    return TONE_OF.get(str(word), "plain")


@register.filter(name="humanise")
def humanise_filter(word: str) -> str:
    return humanise(word)


@register.simple_tag
def form_key() -> SafeString:
    """Put into a form that must have one effect however often it is sent; see `core.web.once`."""
    return format_html('<input type="hidden" name="form_key" value="{}">', uuid4().hex)


@register.simple_tag
def avatar(user: Any, css: str = "") -> SafeString:
    """The initials of a person on a tint that stays theirs; the portal where there is none."""
    if not user:
        return format_html('<span class="avatar pill-plain" aria-hidden="true">{}</span>', "PO")
    name = str(user)
    parts = [part for part in name.replace("@", " ").split() if part[0].isalnum()] or ["?"]
    initials = (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper()
    hue = sum(name.encode()) % HUES
    return format_html(
        '<span class="avatar hue-{}{}" aria-hidden="true">{}</span>',
        hue,
        f" {css}" if css else "",
        initials,
    )


@register.simple_tag
def person(user: Any) -> SafeString:
    """Avatar and name; `The portal` where nobody acted."""
    return format_html(
        '<span class="person">{}<span>{}</span></span>', avatar(user), user or "The portal"
    )


@register.inclusion_tag("components/field.html")
def field(
    bound: BoundField,
    label: str = "",
    help: str | bool = "",
    before: str = "",
    after: str = "",
) -> dict[str, Any]:
    """A form field with its label, help and errors tied to it for screen readers.

    `help=False` shows none. `before` and `after` are words glued to the control, as a currency.
    """
    return {
        "field": bound,
        "label": label or bound.label,
        "help": bound.help_text if help == "" else help,
        "control": dressed(bound, {}),
        "before": before,
        "after": after,
        "is_check": isinstance(bound.field.widget, CheckboxInput),
    }


@register.simple_tag
def control(bound: BoundField, **attributes: str) -> SafeString:
    """Only the control of a field, named by its label for screen readers, for grids and filters.

    Attributes are written with `_` for `-`: `{% control form.quantity data_role="quantity" %}`.
    """
    given = {name.replace("_", "-"): value for name, value in attributes.items()}
    return dressed(bound, {"aria-label": bound.label, **given})


def dressed(bound: BoundField, given: dict[str, str]) -> SafeString:
    """A control in the portal's classes, tied to its help and errors."""
    widget = bound.field.widget
    base = "form-control"
    if isinstance(widget, CheckboxInput):
        base = "form-check-input"
    elif isinstance(widget, Select):
        base = "form-select"
    attrs = dict(given)
    attrs["class"] = " ".join(
        filter(None, [base, widget.attrs.get("class"), attrs.pop("class", "")])
    )
    described = [f"{bound.auto_id}_help"] if bound.help_text and "aria-label" not in attrs else []
    if bound.errors:
        attrs["aria-invalid"] = "true"
        described.append(f"{bound.auto_id}_errors")
    if described:
        attrs["aria-describedby"] = " ".join(described)
    return bound.as_widget(attrs=attrs)


@register.inclusion_tag("components/errors.html")
def form_errors(form: BaseForm | None = None, problem: Any = None) -> dict[str, Any]:
    """What must be put right before this can be saved, each with a link to its field.

    `problem` is a `core.errors.DomainError`; its detail and field errors join those of the form.
    """
    rows = [{"text": text, "target": ""} for text in form.non_field_errors()] if form else []
    if form is not None:
        rows += [
            {"text": text, "target": form[name].auto_id, "label": form[name].label}
            for name, texts in form.errors.items()
            if name in form.fields
            for text in texts
        ]
    rows += [{"text": error.detail, "target": ""} for error in getattr(problem, "errors", [])]
    return {"rows": rows, "title": str(getattr(problem, "detail", "")) if problem else ""}


@register.inclusion_tag("components/empty.html")
def empty(
    title: str, text: str = "", icon: str = "inbox", url: str = "", action: str = ""
) -> dict[str, str]:
    """An empty page or card that says what to do next."""
    return {"title": title, "text": text, "icon": icon, "url": url, "action": action}


@register.inclusion_tag("components/alert.html")
def alert(text: str, tone: str = "info", title: str = "", icon: str = "") -> dict[str, str]:
    """A note in the page. Tones: info, good, wait, bad, plain."""
    icons = {"good": "circle-check", "wait": "alert-triangle", "bad": "alert-circle"}
    return {
        "text": text,
        "tone": tone,
        "title": title,
        "icon": icon or icons.get(tone, "info-circle"),
    }


@register.inclusion_tag("components/tile.html")
def tile(
    label: str,
    value: Any,
    *,
    currency: str = "",
    hint: str = "",
    tone: str = "",
    url: str = "",
) -> dict[str, Any]:
    """A figure worth looking at first; put tiles into `<div class="tiles">`."""
    return {
        "label": label,
        "value": value,
        "currency": currency,
        "is_money": isinstance(value, Decimal) and bool(currency),
        "hint": hint,
        "tone": tone,
        "url": url,
    }


@register.inclusion_tag("components/tabs.html", takes_context=True)
def tabs(
    context: template.Context, items: Iterable[Any], current: str, parameter: str = "show"
) -> dict[str, Any]:
    """Saved filters as links. `items`: (key, label[, count]); the rest of the query stays."""
    request = context.get("request")
    query = request.GET.copy() if request is not None else {}
    rows = []
    for item in items:
        key, label, *rest = item
        kept = {k: v for k, v in query.items() if k not in (parameter, "after", "before")}
        rows.append(
            {
                "label": label,
                "count": rest[0] if rest else None,
                "is_current": key == current,
                "url": "?" + urlencode({**kept, parameter: key} if key else kept),
            }
        )
    return {"rows": rows}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(
    context: template.Context, next: str = "", previous: str = "", text: str = ""
) -> dict[str, str]:
    """Older and newer by keyset cursors (`?after=`, `?before=`); filters stay in the address."""
    request = context.get("request")
    query = request.GET.items() if request is not None else ()
    kept = {k: v for k, v in query if k not in ("after", "before")}
    return {
        "next": "?" + urlencode({**kept, "after": next}) if next else "",
        "previous": "?" + urlencode({**kept, "before": previous}) if previous else "",
        "text": text,
    }


@register.inclusion_tag("components/files.html")
def file_list(attachments: Iterable[Any], empty_text: str = "No files yet.") -> dict[str, Any]:
    """Files with name, size and link: items carry `name`, `url`, `size`, and maybe `at`."""
    return {"files": list(attachments), "empty_text": empty_text}


@register.inclusion_tag("components/file_drop.html")
def file_drop(
    name: str = "files", accept: str = "", text: str = "", *, multiple: bool = True
) -> dict[str, Any]:
    """A place to drop files; an ordinary file input underneath, named `name`."""
    return {"name": name, "accept": accept, "text": text, "multiple": multiple}


@register.simple_block_tag
def fact(content: str, label: str) -> SafeString:
    """One pair of `<dl class="facts">`: `{% fact "Vendor" %}…{% endfact %}`."""
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, SafeString(content.strip()))


@register.inclusion_tag("components/confirm.html", takes_context=True)
def confirm(
    context: template.Context,
    id: str,
    url: str,
    title: str,
    text: str,
    action: str,
    *,
    tone: str = "danger",
    reason: str = "",
) -> dict[str, Any]:
    """A question before a step that cannot be taken back.

    Opened by `<a class="btn" href="#ID" data-dialog="ID">`; without scripts the link's target
    stands open in the page. `reason` is the label of a text that must be given, posted as `reason`.
    """
    return {
        "id": id,
        "url": url,
        "title": title,
        "text": text,
        "action": action,
        "tone": tone,
        "reason": reason,
        "csrf_token": context.get("csrf_token", ""),
    }


@register.simple_tag
def select_of(items: Sequence[Any], current: str, name: str, label: str) -> SafeString:
    """A filter drop-down of (value, label) pairs with an accessible name."""
    options = [
        format_html(
            '<option value="{}"{}>{}</option>',
            value,
            SafeString(" selected") if str(value) == str(current or "") else "",
            text,
        )
        for value, text in items
    ]
    return format_html(
        '<select class="form-select" name="{}" aria-label="{}">{}</select>',
        name,
        label,
        SafeString("".join(options)),
    )
