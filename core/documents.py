"""What every document shares: an opaque id, a version, a protected state, a place in the trail."""

from functools import cache
from typing import Any, ClassVar

from django.apps import apps
from django.db import models
from django_fsm import FSMFieldMixin

from core.errors import StaleVersion
from core.ids import new_id
from core.rows import ComposedSave


class ProtectedStates(models.Model):
    """Makes protected FSM fields safe under threads.

    django-fsm lifts the protection of a field shared by all instances while it refreshes one;
    here the instance's own value is dropped instead, so that protection never lapses.
    """

    class Meta:
        abstract = True

    def _protected_fields(self) -> list[models.Field]:
        return [
            field
            for field in self._meta.concrete_fields
            if isinstance(field, FSMFieldMixin) and field.protected
        ]

    def refresh_from_db(self, using: Any = None, fields: Any = None, **kwargs: Any) -> None:
        for field in self._protected_fields():
            if fields is None or field.name in fields:
                self.__dict__.pop(field.attname, None)
        super().refresh_from_db(using=using, fields=fields, **kwargs)

    def clean_fields(self, exclude: Any = None) -> None:
        protected = {field.name for field in self._protected_fields()}
        super().clean_fields(exclude=set(exclude or ()) | protected)


class Document(ProtectedStates, ComposedSave):
    """A record with a life of its own: requisition, order, receipt, invoice, vendor …

    `document_type` is its name in the trail, the API and the ledger; `stream` names the hash
    chain that its events belong to; `version` counts saves, for stale-write checks.
    """

    document_type: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            self.version += 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version"}
        super().save(*args, **kwargs)

    def require_version(self, expected: int | None) -> None:
        """Refuse to work on another version than the caller saw; None: any. Raises StaleVersion."""
        if expected is not None and self.version != expected:
            raise StaleVersion(f"It is version {self.version} now, not {expected}.")

    @property
    def stream(self) -> str:
        raise TypeError(f"{type(self).__name__} must name its stream")

    @property
    def reference(self) -> str:
        """What people call it: its number, or its title while it has none."""
        return getattr(self, "number", None) or str(self)


@cache
def document_model(document_type: str) -> type[Document]:
    """The model of a document type. Raises LookupError for an unknown one."""
    for model in apps.get_models():
        if issubclass(model, Document) and model.document_type == document_type:
            return model
    raise LookupError(document_type)
