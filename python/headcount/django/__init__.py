"""Headcount for any Django project: add `headcount.django` to INSTALLED_APPS."""
