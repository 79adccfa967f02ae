"""What is found wrong in a file."""

from collections import Counter
from dataclasses import dataclass, field

from haoyuan_roster_format import Note

MOST_KEPT = 1000
"""Notes that are kept to be shown; the others are counted."""


@dataclass
class Findings:
    """Notes in the order of the file. A line of a CSV file may stand for hundreds of sessions with one fault: that is one note."""

    notes: list[Note] = field(default_factory=list)
    errors: int = 0
    warnings: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    _said: set[tuple[str, str]] = field(default_factory=set)

    def add(self, *notes: Note, once: bool = False) -> None:
        """Note them; `once`: unless the same is known of the same place."""
        for note in notes:
            if once and (note.path, note.code) in self._said:
                continue
            if once:
                self._said.add((note.path, note.code))
            self.errors += note.severity == "error"
            self.warnings += note.severity == "warning"
            self.codes[note.code] += 1
            if len(self.notes) < MOST_KEPT:
                self.notes.append(note)

    @property
    def left_off(self) -> int:
        return self.errors + self.warnings - len(self.notes)
