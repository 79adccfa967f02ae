"""Alembic's chain of payment-svc."""
