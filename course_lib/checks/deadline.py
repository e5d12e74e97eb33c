"""Run code that may never return.

A learner's loop can be endless, and a signal would only work in the main thread of a POSIX process. So the code runs in
a thread of its own, and past the deadline an exception is planted in that thread, which surfaces at its next bytecode.
Nothing can hit the caller by accident: only the worker is ever interrupted, and only after the caller gave up on it.
"""

import ctypes
import threading
from collections.abc import Callable


class OutOfTime(SystemExit):
    """Ends the worker. A `SystemExit`, because those leave a thread without a traceback, wherever they strike."""


class DeadlineError(Exception):
    """The work did not end in time. `stopped` says whether its thread could be ended."""

    def __init__(self, stopped: bool) -> None:
        super().__init__("out of time")
        self.stopped = stopped


def run_with_deadline(work: Callable[[], None], seconds: float) -> None:
    """Run `work` in a thread and wait for its end.

    Arguments:
        work: what to do.
        seconds: how long it may take.

    Raises:
        DeadlineError: `work` took longer. Its thread has been ended, unless it sleeps or hangs in compiled code or
            swallows every exception: then it stays behind as a daemon.
        BaseException: whatever `work` raised.
    """
    raised: list[BaseException] = []

    def worker() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=worker, name="check", daemon=True)
    thread.start()
    try:
        _wait(thread, seconds)
    except BaseException:
        _stop(thread)
        raise
    if thread.is_alive():
        raise DeadlineError(stopped=_stop(thread))
    if raised:
        raise raised[0]


def _wait(thread: threading.Thread, seconds: float) -> None:
    # In short naps, because on Windows a long join would not notice an interrupt from the keyboard.
    nap = 0.05
    for _ in range(round(seconds / nap)):
        thread.join(nap)
        if not thread.is_alive():
            return


def _stop(thread: threading.Thread) -> bool:
    # More than once, for a loop around a bare `except:`, which survives the first strikes.
    for _ in range(10):
        if not thread.is_alive():
            return True
        assert thread.ident is not None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(OutOfTime))
        thread.join(0.1)
    return not thread.is_alive()
