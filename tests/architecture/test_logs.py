"""A log holds no key that opens a decision page."""

import logging

import pytest

from po_portal import logs


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("prefix", ["a", "v"])
def test_a_link_of_a_mail_cannot_be_read_from_the_log(as_json: bool, prefix: str) -> None:
    made = logs.configuration(level="INFO", as_json=as_json)["formatters"]["lines"]
    kind = made.pop("()")
    record = logging.makeLogRecord(
        {
            "name": "django.request",
            "levelname": "WARNING",
            "msg": "Not Found: %s",
            "args": (f"/{prefix}/s3cr3t-token/",),
            "request": f"<WSGIRequest: GET '/{prefix}/s3cr3t-token/'>",
            "status_code": 404,
        }
    )
    line = kind(**made).format(record)
    assert f"/{prefix}/…/" in line or f"/{prefix}/\\u2026/" in line
    assert "404" in line
    assert "s3cr3t" not in line
