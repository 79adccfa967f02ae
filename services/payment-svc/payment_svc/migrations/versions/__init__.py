"""Revisions of payment-svc."""
