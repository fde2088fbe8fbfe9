"""A believable shop on Celery: what the demo's workers run."""
