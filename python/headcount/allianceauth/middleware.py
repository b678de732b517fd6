"""Stands in for `allianceauth.analytics.middleware` of Alliance Auth 3; on later versions the app adds it."""

from typing import Any

from headcount.django import middleware


class AnalyticsMiddleware(middleware.AnalyticsMiddleware):
    """Records page views."""

    def process_response(self, request: Any, response: Any) -> Any:
        """As the original was called by those who test it."""
        middleware.record(request, response)
        return response
