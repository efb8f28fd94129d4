"""Who answers for which kind of service: as it is, and the form to propose otherwise."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

import vendors.queries
from accounts.models import Role
from administration.forms import ServiceOwnersForm
from administration.models import ChangeRequest
from administration.views.changes import propose
from core.web import require_role
from vendors.models import ServiceType


@login_required
def service_owners(request: HttpRequest) -> HttpResponse:
    require_role(request, Role.ADMINISTRATOR)
    entity = request.user.entity
    rows = vendors.queries.service_owner_rows(entity)
    form = ServiceOwnersForm(
        request.POST or None,
        entity=entity,
        initial={row.service_type: row.owner_id for row in rows},
    )
    return propose(
        request,
        form,
        _wanted,
        {"kind": ChangeRequest.Kind.SERVICE_OWNERS},
        template="administration/services.html",
        context={"entity": entity, "owners": [form[kind] for kind in ServiceType.values]},
    )


def _wanted(said: dict[str, Any]) -> dict[str, Any]:
    return {kind: str(said[kind].pk) if said[kind] else None for kind in ServiceType.values}
