"""The OpenAPI description: what every operation shares is added here, once."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.permissions import SAFE_METHODS

from core.api.errors import MEDIA_TYPE
from core.api.serializers import ProblemSerializer

MEANINGS = {
    "400": "Malformed: a bad header, filter, cursor or body.",
    "401": "No valid token and no session.",
    "403": "Not allowed: the person's role, or the token's scopes (missing-scope).",
    "404": "Unknown, or not visible to the caller; never told apart.",
    "409": "Illegal transition or a conflict, such as budget-exceeded or duplicate-invoice.",
    "412": "`If-Match` named another version (stale-version).",
    "413": "The body or file is too large.",
    "415": "This media type or kind of file is not accepted.",
    "422": "A rule is broken; `errors` names the fields.",
    "429": "Too many requests; see `Retry-After`.",
    "503": "Nothing can be written, or read, for a while; see `Retry-After`.",
}
READING = ("400", "401", "403", "404", "429", "503")
OTHER_ADDRESS = "The id is the word of another address, such as `import`; see `Allow`."
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 200, "pattern": "^[ -~]{1,200}$"},
    OpenApiParameter.HEADER,
    description="The same key and body gives the first answer again for 24 hours.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "examples": ['"3"']},
    OpenApiParameter.HEADER,
    description="The version that the caller saw, in quotes.",
)


# for an operation that refuses by state although its method does not by itself
CONFLICT = {
    (409, MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description="Refused by the state.")
}

INVALID = {
    (422, MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description="A field is not accepted.")
}


class Schema(AutoSchema):
    """Adds the shared problem answers, headers and one tag per resource to each operation."""

    def get_summary(self) -> str | None:
        """The first sentence of the description."""
        return (self.get_description() or "").partition("\n")[0].partition(". ")[0].rstrip(".")

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.removeprefix("/api/v1").split("/") if part]
        return parts[:1] or ["api"]

    def get_override_parameters(self) -> list[Any]:
        found = list(super().get_override_parameters())
        if "{id}" in self.path:
            found.append(OpenApiParameter("id", str, OpenApiParameter.PATH, description="Opaque."))
        if self.method == "POST" and getattr(self.view, "takes_idempotency_key", False):
            found.append(IDEMPOTENCY_KEY)
        if self.method not in SAFE_METHODS and "{" in self.path:
            found.append(IF_MATCH)
        return found

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        told = {each: MEANINGS[each] for each in READING}
        if self.method not in SAFE_METHODS:
            told = MEANINGS
        if self._has_neighbours():
            told = {**told, "405": OTHER_ADDRESS}
        for status in sorted(told.keys() - bodies.keys()):
            answer = OpenApiResponse(ProblemSerializer, description=told[status])
            bodies[status] = self._get_response_for_code(answer, status, [MEDIA_TYPE])
        return bodies

    def _has_neighbours(self) -> bool:
        """True where the collection has addresses of its own that stand where an id would."""
        if not self.path.endswith("/{id}/"):
            return False
        members = (each for base in type(self.view).__mro__ for each in vars(base).values())
        return any(getattr(each, "detail", None) is False for each in members)
