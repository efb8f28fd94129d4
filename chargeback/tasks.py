"""What the worker does for allocations. A handler may be delivered more than once."""

from chargeback import services
from chargeback.models import Allocation
from core import outbox
from core.models import TrailEvent


@outbox.handler("chargeback.run")
def run(*, event_id: str, document_id: str) -> None:
    """Share the month that was asked for, dated by the asking however late the worker comes."""
    at = TrailEvent.objects.get(pk=event_id).at
    services.perform_run(allocation=Allocation.objects.get(pk=document_id), at=at)
