"""Settings of the project; where it keeps its data comes from the environment."""

import os
from pathlib import Path

BASE_DIR = Path(os.environ["HEADCOUNT_TEST_FOLDER"])
SECRET_KEY = "only for tests"
DEBUG = os.environ.get("HEADCOUNT_TEST_DEBUG") == "1"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "site_of_tests.shop",
    "headcount.django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "headcount.django.middleware.AnalyticsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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
ROOT_URLCONF = "site_of_tests.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        "OPTIONS": {"timeout": 20},
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_TZ = True
SITE_NAME = "myshop"
HEADCOUNT_APP = "shopfloor"
HEADCOUNT_APP_VERSION = "7.1"
HEADCOUNT_TOKENS_MODEL = "shop.Key"
HEADCOUNT_STATE = os.environ.get("HEADCOUNT_TEST_STATE", BASE_DIR / "state")
if "HEADCOUNT_TEST_DISABLED" in os.environ:
    ANALYTICS_DISABLED = True
CELERY_BROKER_URL = os.environ.get("HEADCOUNT_TEST_BROKER", "memory://")
