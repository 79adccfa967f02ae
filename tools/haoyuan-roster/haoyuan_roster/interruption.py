"""Ctrl-C raises KeyboardInterrupt, as always; and it is remembered, because libraries swallow one that comes at a bad moment."""

import signal
import threading

pressed = threading.Event()


def watch() -> None:
    """Remember Ctrl-C from now on; in the main thread only, which alone hears of it."""

    def interrupt(_signal: int, _frame: object) -> None:
        pressed.set()
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, interrupt)
