"""Which documents belong to the life of another: filled by the apps above, read from below."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from uuid import UUID

from core.documents import Document

_found: dict[str, list[Callable[[Document], Iterable[UUID]]]] = defaultdict(list)


def register(document_type: str, function: Callable[..., Iterable[UUID]]) -> None:
    """Have `function(document)` name the ids of documents that came of a document of this type."""
    if function not in _found[document_type]:
        _found[document_type].append(function)


def ids_of(document: Document) -> list[UUID]:
    """The ids of everything that came of a document, above the app that owns it."""
    return [pk for function in _found[document.document_type] for pk in function(document)]
