"""Figures with their limits: a table to read, a JSON file to keep."""

import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.cpu import Usage


@dataclass
class Figure:
    """One thing measured, in several rounds. `values` and `limits` pair up, both of the same minute."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    limit_is: str = ""
    goal: str = ""
    better: str = "higher"
    met: bool | None = None
    notes: list[str] = field(default_factory=list)
    cpu: list[Usage] = field(default_factory=list)
    """Milliseconds an operation, by group."""

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios to their own limits: it wobbles less than the figures themselves."""
        if not self.limits:
            return None
        return statistics.median(v / limit for v, limit in zip(self.values, self.limits, strict=True))


def cpu_figure(name: str, usages: Sequence[Usage], goal: float, *, without: str = "") -> Figure:
    """CPU milliseconds an operation beside their goal; `without` leaves a group out."""
    kept = [Usage({group: ms for group, ms in u.groups.items() if group != without}) for u in usages]
    figure = Figure(name, "ms CPU", [u.total for u in kept], goal=f"at most {goal:g}", better="lower", cpu=kept)
    figure.met = figure.value <= goal
    return figure


def table(figures: Sequence[Figure]) -> str:
    """All of them as text."""
    rows: list[tuple[str, ...]] = [("figure", "median", "spread", "unit", "limit (same minute)", "ratio", "goal", "")]
    rows += [_row(f) for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _row(f: Figure) -> tuple[str, ...]:
    limit = f"{_number(statistics.median(f.limits))} {f.limit_is}" if f.limits else ""
    ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
    met = {True: "met", False: "MISSED", None: ""}[f.met]
    spread = f"{_number(min(f.values))}..{_number(max(f.values))}" if len(f.values) > 1 else ""
    return f.name, _number(f.value), spread, f.unit, limit, ratio, f.goal, met


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def details(figure: Figure) -> str:
    """What stands below a figure while it is measured: its CPU by group, and its notes."""
    lines = [f"{figure.name}: {_number(figure.value)} {figure.unit}"]
    if figure.cpu:
        groups = {g: statistics.median(u.groups.get(g, 0.0) for u in figure.cpu) for g in figure.cpu[0].groups}
        parts = sorted(groups.items(), key=lambda item: -item[1])
        lines.append("    " + ", ".join(f"{name} {ms:.2f}" for name, ms in parts if ms >= 0.005))
    lines += [f"    {note}" for note in figure.notes]
    return "\n".join(lines)


def machine() -> str:
    """What it ran on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    cores = 0
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else ():
        name, _, value = line.partition(":")
        cores += name.strip() == "processor"
        model = value.strip() if name.strip() == "model name" else model
    return f"{cores} x {model}, Linux {platform.release()}, Python {platform.python_version()}"


def save(path: Path, figures: Sequence[Figure], **about: str) -> None:
    """Write all rounds of all figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        **about,
        "figures": [{**asdict(f), "value": f.value, "ratio": f.ratio} for f in figures],
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
