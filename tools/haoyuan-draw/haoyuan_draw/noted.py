"""What a record was compared with, and what not.

Whoever can change the platform's database can write another record that is sound in itself. What was noted before, and is
kept where the platform cannot reach it, is all that tells the two apart: so a verdict says what it was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from haoyuan_draw.check import Check, Known, Verdict
from haoyuan_draw.receipt import check_entered, check_included
from haoyuan_draw.record import Entered, Receipt, Record

Kept = Sequence[Receipt | Entered]


@dataclass(frozen=True)
class Gap:
    """What may have been rewritten unnoticed, and the options that would tell."""

    what: str
    give: tuple[str, ...]


def with_receipts(verdict: Verdict, record: Record, kept: Kept) -> Verdict:
    """The verdict with one check more for each receipt."""
    return replace(verdict, checks=[*verdict.checks, *(_known(one, record, verdict) for one in kept)])


def _known(kept: Receipt | Entered, record: Record, verdict: Verdict) -> Check:
    checks = check_entered(kept, record) if isinstance(kept, Entered) else check_included(kept, record, verdict)
    failed = [check.found for check in checks if not check.ok]
    said = "; ".join(failed) or f"entrant {kept.entry.seq}, weight {kept.entry.weight}, is in the list"
    return Check("receipt_known", not failed, f"the receipt of {kept.entry.pseudonym}: {said}")


def compared_with(known: Known, kept: Kept) -> list[str]:
    """What the verifier gave, in words."""
    names = [f"the {name}" for name in ("commitment", "root", "digest") if getattr(known, name) is not None]
    early = sum(isinstance(one, Entered) for one in kept)
    if late := len(kept) - early:
        names.append("1 receipt" if late == 1 else f"{late} receipts")
    if early:
        names.append(("1 receipt" if early == 1 else f"{early} receipts") + " of before the draw")
    return names


def gaps(known: Known, kept: Kept) -> list[Gap]:
    """What none of it covers. Only what is from before the draw says anything of the seed: afterwards another seed has another
    commitment and another digest. A receipt of before the draw covers its own entry, and no other.
    """
    whole = known.digest is not None or any(isinstance(one, Receipt) for one in kept)
    early = known.commitment is not None or any(isinstance(one, Entered) for one in kept)
    found = []
    if not early:
        found.append(Gap("the seed", ("--commitment",)))
    if not whole and known.root is None:
        found.append(Gap("the list of entrants", ("--root", "--digest", "--receipt")))
    if not whole:
        found.append(Gap("doctor, times and numbers", ("--digest", "--receipt")))
    return found


def in_words(known: Known, kept: Kept) -> str:
    """How far a sound record can be trusted: what follows on "VERIFIED"."""
    names = compared_with(known, kept)
    return f"against itself and {_listed(names, 'and')} noted before" if names else "against itself only"


def caveat(known: Known, kept: Kept) -> str:
    """What remains open, and what would close it; empty if nothing that this program can see."""
    said = [f"{gap.what} (give {_listed(gap.give, 'or')})" for gap in gaps(known, kept)]
    return f"; not compared with anything noted before: {_listed(said, 'and')}" if said else ""


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
