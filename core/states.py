"""The field that holds a document's state."""

from typing import Any

from django.db.models.signals import class_prepared
from django_fsm import FSMField


class StateField(FSMField):
    """django-fsm's field, without what it costs migrations.

    They make every model anew hundreds of times, and each field of those would be told of every
    class that is made after it: half the time of `migrate`. Their models have no transitions.
    """

    def contribute_to_class(self, cls: Any, name: str, *args: Any, **kwargs: Any) -> None:
        super().contribute_to_class(cls, name, *args, **kwargs)
        if cls.__module__ == "__fake__":
            class_prepared.disconnect(self._collect_transitions)
