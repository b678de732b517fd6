"""No models; what add-ons import at the top of their modules is imported here, while models load."""

from allianceauth.analytics.tasks import analytics_event

__all__ = ["analytics_event"]
