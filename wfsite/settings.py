"""The settings of the site; what differs between machines comes from the environment or from .env."""

from pathlib import Path

import environ

from wfsite import environment, logs

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = environment.boolean(env, "DEBUG", default=False)
SECRET_KEY = environment.secret_key(env, debug=DEBUG)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])

INSTALLED_APPS = [
    "wfsite.apps.WorkflowsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_json_widget",
    "flows",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

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
            ],
        },
    },
]

ROOT_URLCONF = "wfsite.urls"
WSGI_APPLICATION = "wfsite.wsgi.application"

# The old tables hold local time without a zone; this is the zone, and the pages and log lines use it too.
TIME_ZONE = environment.time_zone(env, "DB_TIME_ZONE")
USE_TZ = True
DATABASES = {"default": environment.database(env, BASE_DIR, TIME_ZONE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Whether people reach the site over HTTPS, by a proxy before it: cookies travel no other way then, and browsers
# are told for a month to come no other way.
if environment.boolean(env, "HTTPS", default=False):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 30 * 24 * 60 * 60

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Nothing inline and nothing from another host; the editor's cursor and icons are data: images.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

LANGUAGE_CODE = "en"
USE_I18N = True
FORMAT_MODULE_PATH = "wfsite.formats"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Whether the site hands out its own style sheets and scripts, as `collectstatic` wrote them, or a web server before it.
SERVE_STATIC = environment.serve_static(env)
if SERVE_STATIC:
    MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")
    # Names change with the content, so that browsers keep files for ever and never show an old one.
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

# A flow document of 1 MiB may grow by half in a form; above this Django answers 400 and the text is lost.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# The packages whose classes a flow may call.
FLOWS_PROCEDURE_PACKAGES = env.list("FLOWS_PROCEDURE_PACKAGES", default=["procedures"])

# Whether runs are recorded, and what happens to a second run of a flow: it is refused, or waits for the first.
FLOWS_HISTORY = environment.boolean(env, "FLOWS_HISTORY", default=True)
FLOWS_WHEN_ACTIVE = environment.choice(env, "FLOWS_WHEN_ACTIVE", ("refuse", "queue"))

# What executes the runs that the admin, schedules and `runflow --enqueue` start: threads of the process that was asked,
# or workers of Celery, which are told by way of a broker.
FLOWS_DISPATCH = environment.dispatch(env)
if FLOWS_DISPATCH == "celery":
    # The tables of its scheduler; it loads Celery, which a site without workers does without.
    INSTALLED_APPS.append("django_celery_beat")
FLOWS_CELERY_APP = "wfsite.celery.app"
CELERY_BROKER_URL = environment.broker_url(env)
CELERY_VISIBILITY_SECONDS = environment.number(env, "CELERY_VISIBILITY_SECONDS", default=300, least=1, most=604_800)
# After so many runs, or with so much memory, a process of a worker makes room for a fresh one.
WORKER_MAX_RUNS = environment.number(env, "WORKER_MAX_RUNS", default=1000, least=1, most=10_000_000)
WORKER_MAX_MEMORY_MB = environment.number(env, "WORKER_MAX_MEMORY_MB", default=512, least=64, most=1_048_576)

LOG_DIR = Path(env.str("LOG_DIR", default=str(BASE_DIR / "var" / "log")))
LOG_LEVEL = environment.log_level(env)
LOGGING = logs.logging_config(
    LOG_DIR,
    LOG_LEVEL,
    console=environment.log_console(env),
    file={
        "maxBytes": environment.number(env, "LOG_FILE_MB", default=10, least=1, most=10_000) * 2**20,
        "backupCount": environment.number(env, "LOG_FILE_COUNT", default=10, least=1, most=1000),
    },
    database={
        "capacity": environment.number(env, "LOG_DB_CAPACITY", default=20_000, least=1000, most=10_000_000),
        "capacity_bytes": environment.number(env, "LOG_DB_MEMORY_MB", default=64, least=1, most=4096) * 2**20,
        # SQLite takes 32,766 values in a statement, and a row has four.
        "batch_rows": environment.number(env, "LOG_DB_BATCH_ROWS", default=500, least=1, most=5000),
        "flush_seconds": environment.seconds(env, "LOG_DB_FLUSH_SECONDS", default=0.2, least=0.01, most=60),
    },
)
