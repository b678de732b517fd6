"""Stands in for `allianceauth.analytics.signals` of Alliance Auth 3: the engine listens to Celery itself."""
