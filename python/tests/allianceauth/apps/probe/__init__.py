"""A community app: pages and tasks for the tests to drive."""
