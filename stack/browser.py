"""Chromium of this machine: for the tests of the pages and for their measurement. No browser is ever downloaded."""

import os

from stack.server import find_program, program

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Its path; CHROMIUM names another than those that are usual."""
    return next(filter(None, map(find_program, _names())), None)


def executable() -> str:
    """As find. Raises ServersUnavailable if there is none."""
    return find() or program(_names()[0])


def _names() -> tuple[str, ...]:
    named = os.environ.get("CHROMIUM")
    return (named,) if named else NAMES


def arguments() -> list[str]:
    """It asks nobody for anything by itself, and runs as root where we do."""
    quiet = ["disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update"]
    return [f"--{flag}" for flag in [*quiet, "disable-sync", *(["no-sandbox"] if os.geteuid() == 0 else [])]]
