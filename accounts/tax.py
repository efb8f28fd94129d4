"""The tax codes of an entity, as documents name them."""

from accounts.models import Entity, TaxCode
from core.composed import Composed

_of_entity = Composed[TaxCode](lambda entity: TaxCode.objects.filter(entity=entity))


def tax_codes(entity: Entity) -> dict[str, TaxCode]:
    """The tax codes of an entity by their code. Statements: 1."""
    return {code.code: code for code in _of_entity(entity.pk)}
