"""An entrant's receipt: is she in the list that was drawn from, with this weight?"""

from collections.abc import Iterator

from haoyuan_draw.check import Check, Verdict
from haoyuan_draw.merkle import root_by_path
from haoyuan_draw.record import Entered, Receipt, Record


def check_receipt(receipt: Receipt, root: str) -> Iterator[Check]:
    """Against a root that is known from elsewhere."""
    yield _weight(receipt)
    yield Check("root", receipt.root == root, f"the receipt is for the root {receipt.root}, the draw's is {root}")
    found = root_by_path(receipt.entry.leaf, receipt.index, receipt.entrants, receipt.path)
    at = f"entrant {receipt.index + 1} of {receipt.entrants}"
    said = f"the path from {at} leads to {found.hex() if found else 'nowhere'}"
    yield Check("path", found is not None and found.hex() == root, said)


def check_against(receipt: Receipt, record: Record, verdict: Verdict) -> Iterator[Check]:
    """Against the whole public record, which has been verified."""
    yield Check("record", verdict.verified, "the record " + ("is sound" if verdict.verified else "does not verify"))
    yield from check_included(receipt, record, verdict)


def check_included(receipt: Receipt, record: Record, verdict: Verdict) -> Iterator[Check]:
    """Whether the record is the one that the receipt is of, and holds its entry; whether it is sound is another question."""
    yield from check_receipt(receipt, record.root)
    result = verdict.of(receipt.entry.pseudonym)
    stands = receipt.index < len(record.entries) and record.entries[receipt.index] == receipt.entry
    yield Check("list", stands, "the list " + ("has" if stands else "does not have") + " this entry in this place")
    same = (receipt.session_id, receipt.commitment, receipt.entrants, receipt.digest) == (
        record.session["id"],
        record.commitment,
        record.entrants,
        record.digest,
    )
    yield Check("draw", same, "receipt and record are " + ("of the same draw" if same else "of different draws"))
    rank, won = (result.rank, result.segment is not None) if result else (None, False)
    outcome = f"rank {rank}, {'a' if won else 'no'} number; the receipt says rank {receipt.rank}, "
    yield Check(
        "outcome", (receipt.rank, receipt.won) == (rank, won), outcome + ("a number" if receipt.won else "no number")
    )


def check_entered(entered: Entered, record: Record) -> Iterator[Check]:
    """A receipt from before the draw. Who has left before the close is rightly no longer in the list."""
    yield _weight(entered)
    stands = entered.entry in record.entries
    yield Check("list", stands, "the list " + ("has" if stands else "does not have") + " this entry")
    same = (entered.session_id, entered.commitment) == (record.session["id"], record.commitment)
    yield Check("draw", same, "session and commitment are " + ("the same" if same else "others"))


def _weight(receipt: Receipt | Entered) -> Check:
    total = sum(points for _, points in receipt.parts)
    parts = " + ".join(f"{points} {name}" for name, points in receipt.parts) or "0"
    return Check("weight", total == receipt.entry.weight, f"{parts} = {total}, the weight is {receipt.entry.weight}")
