"""What `startproject` writes, as far as a command needs it: the contrib apps and an SQLite database."""

import os

SECRET_KEY = "a-key-for-a-project-that-does-nothing-at-all-0123456789"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "empty",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BENCH_DATABASE"]}}
USE_TZ = True
