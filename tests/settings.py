"""The portal's own settings in a folder that ends with the test run, with a cheap password hash."""

import atexit
import os
import shutil
import tempfile

if "PORTAL_TEST_DIR" not in os.environ:
    os.environ["PORTAL_TEST_DIR"] = tempfile.mkdtemp(prefix="portal-tests-")
    atexit.register(shutil.rmtree, os.environ["PORTAL_TEST_DIR"], ignore_errors=True)
os.environ["DATA_DIR"] = os.environ["PORTAL_TEST_DIR"]
os.environ["ENV"] = "demo"
os.environ.setdefault("LOG_LEVEL", "WARNING")
# Proofs read whole tables that the planner does not know yet, on machines that do much else.
os.environ.setdefault("DB_STATEMENT_TIMEOUT_MS", "120000")

from po_portal.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}
