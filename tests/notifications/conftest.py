"""What the mail tests share with those of approvals."""

from tests.approvals.conftest import submitted  # noqa: F401
