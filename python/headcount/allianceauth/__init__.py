"""The drop-in for Alliance Auth: `INSTALLED_APPS += ["headcount.allianceauth"]` in local.py is all it needs."""
