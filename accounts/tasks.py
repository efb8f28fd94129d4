"""What the portal tidies up among people's accounts."""

from datetime import datetime, timedelta

from accounts.models import ApiToken
from core.periodic import job


@job("accounts.forget_tokens", every=timedelta(hours=1))
def forget_tokens(*, at: datetime) -> None:
    """Delete API tokens whose time is over; they were refused from that moment on."""
    ApiToken.objects.filter(expiry__lt=at).delete()
