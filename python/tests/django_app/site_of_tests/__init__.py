"""A small Django project that uses the app as anyone would."""
