"""The tax codes of an entity, as documents name them."""

from accounts.models import Entity, TaxCode


def tax_codes(entity: Entity) -> dict[str, TaxCode]:
    """The tax codes of an entity by their code. Statements: 1."""
    return {code.code: code for code in TaxCode.objects.filter(entity=entity)}
