"""What simple history keeps of documents, written by composed statements like the documents."""

from typing import Any

from simple_history import manager, models

from core.rows import ComposedSave


class HistoricalRecords(models.HistoricalRecords):
    """A row with each save of a document, as django-simple-history makes it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, bases=(ComposedSave,), **kwargs)

    def finalize(self, sender: Any, **kwargs: Any) -> None:
        super().finalize(sender, **kwargs)
        found = sender.__dict__.get(self.manager_name)
        if isinstance(found, manager.HistoryDescriptor):
            setattr(sender, self.manager_name, _History(found))


class _History:
    """The history of a document; django-simple-history makes a class each time it is asked for."""

    def __init__(self, found: manager.HistoryDescriptor) -> None:
        self._model = found.model
        self._manager = found.manager_class.from_queryset(found.queryset_class)

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self._manager(self._model, instance)
