"""`python -m bench.waits_report`: how often the intervals of waiting times hold, a table in docs/waiting.md and a plot for each clinic
in docs/waiting/. 40 seconds of CPU.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.clinics import CLINICS, Clinic
from bench.waits_study import DAYS, Interval, Moment, coverage, holds, study

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- study -->", "<!-- end of study -->"
WITHIN = (0.76, 0.84)
HORIZONS = (0, 5, 10, 20, 30, 45, 60, 90, 120, 180)
"""Minutes told, from which to which a point of a plot counts."""
LEAST = 40
"""So many moments make a point."""

MODELS: dict[str, Callable[[Moment], Interval | None]] = {
    "simulated": lambda m: m.simulated,
    "M/M/c, the long run": lambda m: m.steady,
    "M/M/c, those before her": lambda m: m.counted,
}
COLOURS = dict(zip(MODELS, ("#0b6e4f", "#c0392b", "#7f8c8d"), strict=True))


def held(moments: Sequence[Moment], model: str) -> list[bool]:
    return [holds(moment, MODELS[model](moment)) for moment in moments]


def table(studied: Sequence[tuple[Clinic, Sequence[Moment]]]) -> str:
    """A row for each clinic, and one for all together."""
    rows = ["| clinic | predictions | mean wait | " + " | ".join(f"{name}: held | width" for name in MODELS) + " |"]
    rows.append("|---" * (3 + 2 * len(MODELS)) + "|")
    rows += [_row(f"[{clinic.name}](waiting/{clinic.key}.svg)", moments) for clinic, moments in studied]
    return "\n".join([*rows, _row("all", together(studied))])


def together(studied: Sequence[tuple[Clinic, Sequence[Moment]]]) -> list[Moment]:
    """All moments. Days are told apart by clinic."""
    return [replace(m, day=(number, m.day)) for number, (_, moments) in enumerate(studied) for m in moments]


def _row(name: str, moments: Sequence[Moment]) -> str:
    cells = [name, f"{len(moments):,}", f"{statistics.fmean(m.waited for m in moments) / 60:.0f} min"]
    for model, interval in MODELS.items():
        given = [(high - low) / 60 for low, high in filter(None, map(interval, moments))]
        if not given:
            cells += ["refused", ""]
            continue
        share, error = coverage(moments, held(moments, model))
        text = f"{share:.1%} ± {error:.1%}".replace("%", " %")
        if model == "simulated":
            text = f"**{text}**" if WITHIN[0] <= share <= WITHIN[1] else f"**{text}: MISSED**"
        refused = 1 - len(given) / len(moments)
        cells += [
            text + (f", refused {refused:.0%}".replace("%", " %") if refused else ""),
            f"{statistics.fmean(given):.0f} min",
        ]
    return f"| {' | '.join(cells)} |"


def plot(clinic: Clinic, moments: Sequence[Moment], path: Path) -> None:
    """Left: what held, by the wait that was told. Right: intervals of other levels. The same input gives the same bytes."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "waits", "font.family": "sans-serif", "font.size": 9}):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        _by_horizon(left, moments)
        _calibration(right, moments)
        figure.suptitle(clinic.name, fontsize=10)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _by_horizon(axes: Axes, moments: Sequence[Moment]) -> None:
    axes.axhspan(WITHIN[0] * 100, WITHIN[1] * 100, color="#dfeee8")
    for model, colour in COLOURS.items():
        xs, shares, errors = [], [], []
        for low, high in pairwise(HORIZONS):
            some = [m for m in moments if low <= m.told.mean / 60 < high and MODELS[model](m) is not None]
            if len(some) >= LEAST:
                share, error = coverage(some, held(some, model))
                xs.append(statistics.fmean(m.told.mean for m in some) / 60)
                shares.append(100 * share)
                errors.append(196 * error)
        if xs:
            axes.errorbar(
                xs, shares, errors, color=colour, marker="o", markersize=3, capsize=2, linewidth=1, label=model
            )
    axes.set(xlabel="told: minutes on average", ylabel="intervals of 80 % that held, in %", ylim=(0, 103))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", frameon=False, fontsize=8)


def _calibration(axes: Axes, moments: Sequence[Moment]) -> None:
    levels = [n / 20 for n in range(1, 20)]
    shares = [100 * sum(abs(m.share - 0.5) <= level / 2 for m in moments) / len(moments) for level in levels]
    axes.plot([0, 100], [0, 100], color="#bbbbbb", linewidth=1)
    axes.plot(
        [100 * level for level in levels], shares, color=COLOURS["simulated"], marker="o", markersize=3, linewidth=1
    )
    axes.set(xlabel="level of the simulated interval, in %", ylabel="held, in %", xlim=(0, 100), ylim=(0, 100))
    axes.set_aspect("equal")


def write(text: str, page: Path) -> None:
    """Put the table between its marks. Raises ValueError if the page lacks them."""
    content = page.read_text(encoding="utf-8")
    before, after = content.index(BEGIN) + len(BEGIN), content.index(END)
    page.write_text(f"{content[:before]}\n{text}\n{content[after:]}", encoding="utf-8")


def main(argv: Sequence[str]) -> int:
    """The command line. Answers 1 if the intervals of a clinic do not hold as often as they should."""
    parser = argparse.ArgumentParser(prog="python -m bench.waits_report", description="How often the intervals hold")
    parser.add_argument("--days", type=int, default=DAYS, help="of each clinic")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of waiting.md")
    options = parser.parse_args(argv)
    studied = []
    for clinic in CLINICS:
        studied.append((clinic, study(clinic, options.days)))
        plot(clinic, studied[-1][1], options.docs / "waiting" / f"{clinic.key}.svg")
        print(_row(clinic.name, studied[-1][1]), flush=True)
    write(table(studied), options.docs / "waiting.md")
    shares = [coverage(moments, held(moments, "simulated"))[0] for _, moments in studied]
    return 0 if all(WITHIN[0] <= share <= WITHIN[1] for share in shares) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
