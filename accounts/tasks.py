"""What the portal tidies up among people's accounts."""

from datetime import datetime, timedelta

from accounts import forgetting, second_factor
from accounts.models import ApiToken
from core.periodic import job


@job("accounts.forget_tokens", every=timedelta(hours=1))
def forget_tokens(*, at: datetime) -> None:
    """Delete API tokens whose time is over; they were refused from that moment on."""
    ApiToken.objects.filter(expiry__lt=at).delete()


@job("accounts.reseal_factors", every=timedelta(days=1))
def reseal_factors(*, at: datetime) -> None:
    """Seal under the present key what an older one sealed, so that the older one can go."""
    for row in second_factor.sealed_long_ago():
        second_factor.reseal(row)


@job("accounts.forget_people", every=timedelta(days=1))
def forget_people(*, at: datetime) -> None:
    """Take away names and addresses of those who left as long ago as their entity keeps them."""
    for person in forgetting.due(at=at):
        forgetting.forget(person=person, at=at)
