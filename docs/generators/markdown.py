"""Tables and other small pieces of Markdown."""

from collections.abc import Iterable, Sequence


def notice(source: str) -> str:
    """The first line of a generated page."""
    return f"<!-- Generated from {source} by `python -m docs.generate`. Change it there. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold any text."""
    lines = [_line(head), "|" + "---|" * len(head)]
    lines += [_line(row) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def code(value: str) -> str:
    return f"`{value}`" if value else ""


def paragraphs(*parts: str) -> str:
    """Paragraphs as a page."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def summary(docstring: str | None) -> str:
    """A docstring's first paragraph, on one line."""
    return " ".join((docstring or "").strip().split("\n\n")[0].split())
