"""What can be wrong: with a value, with a file, with the connection."""


class Refused(Exception):
    """A value that cannot be taken. `code` is stable; the message is for people; `column`, where it is not known already."""

    def __init__(self, code: str, message: str, column: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.column = column


class Unusable(Exception):
    """The file, or the way it is asked for, does not do at all: exit status 2."""

    def __init__(self, message: str, code: str = "unreadable") -> None:
        super().__init__(message)
        self.code = code


class Undelivered(Exception):
    """The broker cannot be reached, refuses us, or takes our message to nobody: exit status 3."""
