"""Settings: each one is read from the environment here, once, typed.

`.env.example` names them all with a line of explanation; `hetri/checks.py` refuses weak ones in production.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from django.templatetags.static import static

from core.database import WatchedConnection
from hetri import openapi
from hetri.schedule import SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
django_stubs_ext.monkeypatch()  # generic Django classes can be subscripted where the code runs, too

# --- The installation -------------------------------------------------------------------------------
DEBUG: bool = env.bool("HETRI_DEBUG", default=False)
SECRET_KEY: str = env.str("HETRI_SECRET_KEY")
HOOK_SECRET: str = env.str("HETRI_HOOK_SECRET")  # the media server shows it when it asks who may publish
VIDEO_KEY: str = env.str("HETRI_VIDEO_KEY")  # HMAC key of playback tokens; nginx has it too
CLAIM_KEY: str = env.str("HETRI_CLAIM_KEY")  # HMAC key of claim codes; lives outside the database
PUBLIC_URL: str = env.str("HETRI_URL", default="https://localhost:8443")
_public = urlsplit(PUBLIC_URL)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# localhost: health checks and the media server's questions, from inside.
_more_hosts: list[str] = env.list("HETRI_ALLOWED_HOSTS", default=[])
ALLOWED_HOSTS: list[str] = [_public.hostname or "localhost", "localhost", *_more_hosts]
# The port is the same for all names; a leading dot allows what lies below.
CSRF_TRUSTED_ORIGINS: list[str] = [
    f"{_public.scheme}://{_public.netloc}",
    *(
        f"{_public.scheme}://{f'*{name}' if name.startswith('.') else name}{f':{_public.port}' if _public.port else ''}"
        for name in _more_hosts
    ),
]
VAR_DIR = Path(env.str("HETRI_VAR", default=str(BASE_DIR / "var")))

# --- Applications -----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "staff.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "channels",
    "django_pg_migration_tools",
    "core",
    "accounts",
    "pets",
    "devices",
    "treats",
    "provisioning",
    "telemetry",
    "streaming",
    "firmware",
    "staff",
    "pages",
    "demo",
    "hetri",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "core.middleware.measure",
    "core.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.middleware.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SessionAuthMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "core.middleware.Refusals",
]

ROOT_URLCONF = "hetri.urls"
ASGI_APPLICATION = "hetri.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "pages" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.context.look",
            ]
        },
    }
]

# --- Database ---------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"].update(
    {
        # The pool lends a connection to a thread for one request; CONN_MAX_AGE must stay 0 with it.
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **DATABASES["default"].get("OPTIONS", {}),
            "pool": {
                "min_size": 1,
                "max_size": env.int("HETRI_DB_POOL_MAX", default=20),
                "timeout": 3,
                # The longest pause between tries to connect: whoever waits gets a line within a second of the
                # database's return. Its default of 300 s let the tail grow to the length of the outage.
                "reconnect_timeout": 1,
                "connection_class": WatchedConnection,
            },
            "connect_timeout": 3,
        },
        "TEST": {"NAME": env.str("HETRI_TEST_DATABASE", default="test_hetri")},
    }
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis, Celery ----------------------------------------------------------------------------------
REDIS_URL: str = env.str("REDIS_URL")  # rediss://...?ssl_ca_certs=FILE: TLS, the certificate and its name checked
# Counts tries and remembers one-time codes that were used: every process has to see the same.
# Nobody waits for a Redis that hangs: who asks for a page is told so after a second.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}
CELERY_BROKER_URL: str = env.str("HETRI_CELERY_BROKER_URL", default=REDIS_URL.replace("unix://", "redis+socket://"))
# Longer than a worker's own wait for tasks (1 s).
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 1}
LIVE_CHANNEL: str = env.str("HETRI_LIVE_CHANNEL", default="hetri:live")

# --- MQTT -------------------------------------------------------------------------------------------
MQTT_HOST: str = env.str("HETRI_MQTT_HOST", default="127.0.0.1")
MQTT_PORT: int = env.int("HETRI_MQTT_PORT", default=1883)
MQTT_TLS: bool = env.bool("HETRI_MQTT_TLS", default=False)  # for a broker elsewhere
MQTT_CA: str = env.str("HETRI_MQTT_CA", default="")  # PEM; empty: what the system trusts
MQTT_USER: str = env.str("HETRI_MQTT_USER", default="hetri")
MQTT_PASSWORD: str = env.str("HETRI_MQTT_PASSWORD")
MQTT_CLIENT_ID: str = env.str("HETRI_MQTT_CLIENT_ID", default="hetri-ingest")
MQTT_PUBLIC_HOST: str = env.str("HETRI_MQTT_PUBLIC_HOST", default=_public.hostname or "localhost")
MQTT_PROBE_HOST: str = env.str("HETRI_MQTT_PROBE_HOST", default=MQTT_PUBLIC_HOST)
MQTT_PUBLIC_PORT: int = env.int("HETRI_MQTTS_PORT", default=8883)
MQTT_PROBE_PORT: int = env.int("HETRI_MQTT_PROBE_PORT", default=MQTT_PUBLIC_PORT)
BROKER_REGISTRY = "broker.mosquitto.MosquittoRegistry"  # a class with the shape of broker.registry.BrokerRegistry
MQTT_PASSWORD_FILE = Path(env.str("HETRI_MQTT_PASSWORD_FILE", default=str(VAR_DIR / "mosquitto" / "collars.passwd")))
TLS_CA = Path(env.str("HETRI_TLS_CA", default=str(VAR_DIR / "tls" / "ca.pem")))

# --- Metrics ----------------------------------------------------------------------------------------
METRICS_LISTEN: str = env.str("HETRI_METRICS_LISTEN", default="")  # host:port of /metrics, each process its own
# Where the served certificates are looked at, from inside: the name of each door, and its host:port.
TLS_DOORS: dict[str, str] = env.dict(
    "HETRI_TLS_DOORS",
    default={
        "https": f"localhost:{env.int('HETRI_HTTPS_PORT', default=8443)}",
        "mqtts": f"{MQTT_PROBE_HOST}:{MQTT_PROBE_PORT}",
        "rtmps": f"localhost:{env.int('HETRI_RTMPS_PORT', default=1936)}",
    },
)

# --- Video ------------------------------------------------------------------------------------------
RTMP_PUBLIC_HOST: str = env.str("HETRI_RTMP_PUBLIC_HOST", default=MQTT_PUBLIC_HOST)
RTMP_PUBLIC_PORT: int = env.int("HETRI_RTMPS_PORT", default=1936)
RTMP_HOST: str = env.str("HETRI_RTMP_HOST", default="127.0.0.1")
RTMP_PORT: int = env.int("HETRI_RTMP_PORT", default=1935)
RTMP_HTTP_PORT: int = env.int("HETRI_RTMP_HTTP_PORT", default=8935)
HLS_DIR = Path(env.str("HETRI_HLS_DIR", default=str(VAR_DIR / "hls")))
ACCESS_DIR = VAR_DIR / "video" / "access"
VIEWING_LOG = VAR_DIR / "video" / "viewings.log"
RELAY_LISTEN: str = env.str("HETRI_RELAY_LISTEN", default=str(VAR_DIR / "run" / "relay.sock"))
BACKUP_EVERY_S: float = env.float("HETRI_BACKUP_EVERY_H", default=0.0) * 3600  # for the alert: `backup` makes them
# Public halves (PEM) of the keys that sign the collars' programs; one that is not there is none.
RELEASE_PUBLIC_KEYS = [
    Path(path) for path in env.list("HETRI_RELEASE_PUBLIC_KEYS", default=[str(VAR_DIR / "release.pub")])
]
STREAMS_MAX: int = env.int("HETRI_STREAMS_MAX", default=8)
STREAMS_PER_OWNER: int = env.int("HETRI_STREAMS_PER_OWNER", default=3)
STREAM_START_S = 10  # a collar that shows no picture within this time is given up
STREAM_FIRST_KEY_S = 20  # one whose pictures come waits for a key frame first: 250 pictures apart as many encoders come
STREAM_LEASE_S: int = env.int("HETRI_STREAM_LEASE_S", default=30)
STREAM_LINGER_S: int = env.int("HETRI_STREAM_LINGER_S", default=15)
STREAM_WIDTH: int = env.int("HETRI_STREAM_WIDTH", default=640)
STREAM_HEIGHT: int = env.int("HETRI_STREAM_HEIGHT", default=480)
STREAM_FPS: int = env.int("HETRI_STREAM_FPS", default=10)
VIDEO_TOKEN_S: int = env.int("HETRI_VIDEO_TOKEN_S", default=120)

# --- What Hetri promises ----------------------------------------------------------------------------
TREAT_EXPIRY_S: int = env.int("HETRI_TREAT_EXPIRY_S", default=30)
SOCKETS_PER_USER: int = env.int("HETRI_SOCKETS_PER_USER", default=100)  # at each web process
DEVICES_PER_OWNER: int = env.int("HETRI_DEVICES_PER_OWNER", default=20)
NEW_DEVICES_PER_HOUR: int = env.int("HETRI_NEW_DEVICES_PER_HOUR", default=600)  # of an owner; each rewrites a file
PETS_PER_OWNER: int = env.int("HETRI_PETS_PER_OWNER", default=100)
RETENTION_DAYS: int = env.int("HETRI_RETENTION_DAYS", default=400)
PARTITION: str = env.str("HETRI_PARTITION", default="day")
# What one collar may send: bytes a second in the long run and at once; a message counts 1,024 beside its own.
INGEST_RATE: float = env.float("HETRI_INGEST_RATE_KIB", default=256) * 1024
INGEST_BURST: float = env.float("HETRI_INGEST_BURST_KIB", default=32_768) * 1024
SUSPEND_S: int = env.int("HETRI_SUSPEND_S", default=60)
REJECTED_PER_DEVICE: int = env.int("HETRI_REJECTED_PER_DEVICE", default=100)

# --- People -----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = ["accounts.hashers.BoundedArgon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "pages.account.forms.NameForm"
ACCOUNT_FORMS = {
    "signup": "pages.account.allauth_forms.SignupForm",
    "reset_password": "pages.account.allauth_forms.ResetForm",
    "reset_password_from_key": "pages.account.allauth_forms.ResetKeyForm",
    "change_password": "pages.account.allauth_forms.ChangeForm",
    "reauthenticate": "pages.account.allauth_forms.AgainForm",
}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # in the browser that signed up, and in no other
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
SIGNUP: str = env.str("HETRI_SIGNUP", default="") or "open"  # open, invite, closed (hetri.checks)
MFA_FORMS = {
    "authenticate": "pages.account.factor_forms.CodeForm",
    "reauthenticate": "pages.account.factor_forms.CodeAgainForm",
    "activate_totp": "pages.account.factor_forms.FirstCodeForm",
}
MFA_ADAPTER = "accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Hetri"
MFA_TOTP_TOLERANCE = 1  # steps; used codes are remembered for as long (accounts.second_factor)
LOGIN_REDIRECT_URL = "home"
SESSION_COOKIE_AGE = 30 * 24 * 3600
# Whether staff need the second factor; what only this machine reaches (the demo) may do without.
# Empty, as .env.example has it, is not off.
_ASKED = env.str("HETRI_STAFF_SECOND_FACTOR", default="")
STAFF_SECOND_FACTOR: bool = env.bool("HETRI_STAFF_SECOND_FACTOR") if _ASKED else _public.hostname not in LOOPBACK
STAFF_SESSION_S: int = env.int("HETRI_STAFF_SESSION_S", default=12 * 3600)
SIGN_INS_PER_ACCOUNT: int = env.int("HETRI_SIGN_INS_PER_ACCOUNT", default=150)  # right ones, in 5 minutes
SESSIONS_PER_PERSON: int = env.int("HETRI_SESSIONS_PER_PERSON", default=100)
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
    "ALGORITHM": "HS256",
    "SIGNING_KEY": SECRET_KEY,
}

# --- HTTP -------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = False  # nginx redirects; a redirect from here could answer a machine's hook
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # it asks for that redirect
SECURE_HSTS_SECONDS: int = env.int("HETRI_HSTS_S", default=0 if _public.hostname == "localhost" else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "core.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}

# --- The staff's dashboard (its colours are in admin.css) --------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Hetri staff",
    "SITE_HEADER": "Hetri staff",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "staff.dashboard.fill",
    "STYLES": [lambda request: static("css/admin.css")],
    "SIDEBAR": {"show_search": True, "show_all_applications": False},
}

# --- API --------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.api.SafeJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = openapi.settings_for(PUBLIC_URL)

# --- Language, time, files --------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
FORMAT_MODULE_PATH = ["hetri.formats"]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("HETRI_STATIC_ROOT", default=str(VAR_DIR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or env.bool("HETRI_TESTING", default=False)
        else "core.storage.HashedStorage"
    },
}
MAIL_URL: str = env.str("HETRI_MAIL_URL", default="")
if MAIL_URL:
    vars().update(env.email_url_config(MAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = env.str("HETRI_MAIL_DIR", default=str(VAR_DIR / "mail"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("HETRI_MAIL_FROM", default=f"Hetri <hetri@{_public.hostname or 'localhost'}>")

# --- Logs -------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"refusals": {"()": "core.logs.RefusalsInALine"}},
    "formatters": {
        "console": {"()": "core.logs.ConsoleFormatter"},
        "json": {"()": "core.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["refusals"],
            "formatter": env.str("HETRI_LOG_FORMAT", default="console"),
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("HETRI_LOG_LEVEL", default="INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "websockets": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "django.channels.server": {"level": "WARNING"},
        # Some tasks run each second; what they do they say themselves.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_BEAT_SCHEDULER = "core.heartbeat:TickingScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULE = SCHEDULE
