"""Points the original at a server of the benchmark, as its README says for a collector."""

from django.apps import AppConfig
from django.conf import settings


class NearbyConfig(AppConfig):
    """Runs when the original's modules are loaded."""

    name = "nearby"

    def ready(self) -> None:
        from allianceauth.analytics import tasks

        google = "https://www.google-analytics.com"
        tasks.ANALYTICS_URL = tasks.ANALYTICS_URL.replace(google, settings.NEARBY)
