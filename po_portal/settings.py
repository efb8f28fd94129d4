"""All settings of the portal, read from the environment; what is missing or wrong stops the start.

    ENV            demo (default) or production       DATA_DIR      files, mail, SQLite (./var)
    DATABASE_URL   empty: SQLite in DATA_DIR          REDIS_URL     empty: broker in DATA_DIR
    PORTAL_URL     the address that people use        PORT          of that address by default
    SECRET_KEY     own key, needed in production      EMAIL_URL     empty: files in DATA_DIR/mail
    ALLOWED_HOSTS  further host names                 TRUST_PROXY   believe X-Forwarded-Proto
    PORTAL_DEMO    demo people and the mail page      LOG_LEVEL     INFO
    ANCHOR_DIR     heads of the audit trail, hourly (DATA_DIR/anchors)
    APP_DATABASE_ROLE, APP_DATABASE_PASSWORD          who web and workers are in PostgreSQL
    SEALING_KEYS, SEALING_INDEX_KEY                   bank accounts at rest (ADR 27)

po_portal/guards.py says which combinations are refused.
"""

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from core import sealed
from po_portal import guards, logs
from po_portal.environment import database, env, folder, one_of, switch, whole

# --- Where the portal stands -----------------------------------------------------------------
BASE_DIR = Path(__file__).resolve().parent.parent
ENV = one_of("ENV", ("demo", "production"))
PRODUCTION = ENV == "production"
DEBUG = switch("DEBUG", default=False)
DATA_DIR = folder("DATA_DIR", BASE_DIR / "var")
PORT = whole("PORT", 8000, least=1, most=65535)
PORTAL_URL_GIVEN = bool(env.str("PORTAL_URL", default=""))
PORTAL_URL = (env.str("PORTAL_URL", default="") or f"http://127.0.0.1:{PORT}").rstrip("/")
PORTAL_DEMO = switch("PORTAL_DEMO", default=not PRODUCTION)
SECRET_KEY = env.str("SECRET_KEY", default="") or guards.DEFAULT_SECRET_KEY
ALLOWED_HOSTS = [
    urlsplit(PORTAL_URL).hostname or "",
    *env.list("ALLOWED_HOSTS", default=[]),
    "127.0.0.1",  # health is asked from inside; links are built from PORTAL_URL alone
    "localhost",
]
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]

# --- What it is made of ----------------------------------------------------------------------
INSTALLED_APPS = [
    "po_portal",
    "core",
    "accounts",
    "approvals",
    "budgets",
    "vendors",
    "budgeting",
    "chargeback",
    "requisitions",
    "purchase_orders",
    "invoicing",
    "reports",
    "notifications",
    "administration",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
    "simple_history",
]
MIDDLEWARE = [
    "po_portal.middleware.request_log",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "po_portal.middleware.private_answers",
    "po_portal.middleware.readable",
    "po_portal.middleware.only_read",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "po_portal.middleware.local_time",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "po_portal.sessions.ending",
    "po_portal.sessions.SecondFactorFirst",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "po_portal.urls"
WSGI_APPLICATION = "po_portal.wsgi.application"
FORM_RENDERER = "core.forms.Renderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
SIMPLE_HISTORY_DATE_INDEX = "Composite"

# --- Data ------------------------------------------------------------------------------------
# The role that web and workers sign in as; `prepare`, run as the owner, gives it its rights.
APP_DATABASE_ROLE = env.str("APP_DATABASE_ROLE", default="")
APP_DATABASE_PASSWORD = env.str("APP_DATABASE_PASSWORD", default="")
DATABASES = {"default": database("DATABASE_URL", file=DATA_DIR / "portal.sqlite3")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE: a transaction that upgrades from read to write would fail instead of waiting.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"] |= {
        "ENGINE": "core.postgresql",
        "CONN_MAX_AGE": whole("DB_CONN_MAX_AGE", 600, least=0, most=3600),  # it keeps its plans
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": "po_portal",
            # Off (0) behind a pooler that gives each transaction another connection.
            "prepare_threshold": whole("DB_PREPARE_AFTER", 3, least=0, most=1000) or None,
            "options": " ".join(
                (
                    f"-c lock_timeout={whole('DB_LOCK_TIMEOUT_MS', 10_000, least=0, most=600_000)}",
                    "-c statement_timeout="
                    f"{whole('DB_STATEMENT_TIMEOUT_MS', 30_000, least=0, most=86_400_000)}",
                    "-c idle_in_transaction_session_timeout=60000 -c synchronous_commit=on",
                    # Compiling costs more than the short statements of a portal take, and on
                    # today's disks a jump costs hardly more than the next page.
                    "-c jit=off -c random_page_cost=1.1",
                )
            ),
        },
    }
# The first key seals, the others open what is older; kept apart from the database (core/sealed.py).
SEALING_KEYS = sealed.read_keys(env.str("SEALING_KEYS", default="")) or guards.DEFAULT_SEALING_KEYS
SEALING_INDEX_KEY = env.str("SEALING_INDEX_KEY", default="") or guards.DEFAULT_INDEX_KEY
MEDIA_ROOT = DATA_DIR / "files"
# Where the heads of the audit trail go every hour: best a place that only grows.
ANCHOR_DIR = Path(env.str("ANCHOR_DIR", default="") or DATA_DIR / "anchors").resolve()
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

REDIS_URL = env.str("REDIS_URL", default="")
# Sign-in limits count in the cache, so it must be one for all processes.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "portal",
    }
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
    }
}

# --- Background work: the outbox is the queue, Celery runs it, the broker only rings -----------
OUTBOX_LEASE_SECONDS = 60
OUTBOX_LAG_ALARM_SECONDS = 120
CELERY_TIMEZONE = "UTC"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 40
CELERY_TASK_TIME_LIMIT = 50
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = whole("WORKER_CONCURRENCY", 2, least=1, most=64)
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 600_000  # KiB; a long PDF takes 280 MB
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_TASK_PUBLISH_RETRY = False
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 3600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # A ring that fails costs seconds; a request that waits for a dead broker costs a customer.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
    }
else:
    BROKER_DIR = DATA_DIR / "broker"
    for folder in ("queue", "control"):
        (BROKER_DIR / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.1,
    }
CELERY_BEAT_SCHEDULE = {
    # Messages expire so that rings do not pile up while no worker runs.
    "sweep": {"task": "core.tasks.sweep", "schedule": 10.0, "options": {"expires": 30}},
    "tick": {"task": "core.tasks.tick", "schedule": 60.0, "options": {"expires": 120}},
}

# --- Sign-in ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "po_portal.signin.AccountAdapter"
ACCOUNT_FORMS = {"reset_password": "po_portal.signin.PasswordResetForm"}
PASSWORD_RESET_TIMEOUT = 2 * 3600
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_ADAPTER = "po_portal.signin.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "po_portal.signin.SignInCodeForm",
    "reauthenticate": "po_portal.signin.ProofCodeForm",
}
MFA_TOTP_ISSUER = "PO Portal"
MFA_TOTP_TOLERANCE = 1  # half minutes either way; a code opens once all the same
# axes counts failures (in the database, so truly) per address and source; allauth bounds the rate
# per source, and of one address from all sources together.
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "100/h/key"}
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "po_portal.signin.tried_address"
AXES_LOCKOUT_TEMPLATE = "429.html"
AXES_DISABLE_ACCESS_LOG = True
AXES_HTTP_RESPONSE_CODE = 429
AXES_VERBOSE = False

# --- What browsers are told ------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Tabler's CSS draws its carets from data: pictures
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = PRODUCTION
# Cookies are kept per host, not per port: two portals side by side must not share a name.
SESSION_COOKIE_NAME = "portal_session" if PRODUCTION else f"portal_session_{PORT}"
CSRF_COOKIE_NAME = "portal_csrf" if PRODUCTION else f"portal_csrf_{PORT}"
SECURE_SSL_REDIRECT = PRODUCTION and switch("SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked from inside, without TLS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
if switch("TRUST_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

STATIC_URL = "/static/"
# Only production collects; the demo serves what the finders find, straight from the checkout.
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 3600 if PRODUCTION else 0

# --- REST interface --------------------------------------------------------------------------
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "core.api.errors.problem_details",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "core.api.authentication.TokenAuthentication",
        "core.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "core.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.Schema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.ScopedRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"token": "10/min", "import": "120/min", "report": "120/min"},
    "NUM_PROXIES": 0,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer"}
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105
SPECTACULAR_SETTINGS = {
    "TITLE": "PO Portal",
    "DESCRIPTION": "Purchase orders from request to payment hand-off.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [],  # closed lists stay where they are used
}

# --- Mail ------------------------------------------------------------------------------------
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="PO Portal <portal@demo.example>")
if env.str("EMAIL_URL", default=""):
    mail = env.email_url("EMAIL_URL")
    EMAIL_BACKEND = mail["EMAIL_BACKEND"]
    EMAIL_HOST, EMAIL_PORT = mail["EMAIL_HOST"], mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = mail["EMAIL_HOST_USER"], mail["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS = mail.get("EMAIL_USE_TLS", False)
    EMAIL_USE_SSL = mail.get("EMAIL_USE_SSL", False)
else:
    EMAIL_BACKEND = "notifications.backends.FolderBackend"

# --- Logs ------------------------------------------------------------------------------------
LOG_LEVEL = one_of("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR"))
LOGGING = logs.configuration(level=LOG_LEVEL, as_json=PRODUCTION)

if _problems := guards.settings_problems(globals()):
    raise ImproperlyConfigured("PO Portal refuses to start: " + "; ".join(_problems))
