"""Run code that may never return.

A learner's loop can be endless, and a signal would only work in the main thread of a POSIX process. So the code runs in
a thread of its own, and past the deadline an exception is planted in that thread, which surfaces at its next bytecode.
Nothing can hit the caller by accident: only the worker is ever interrupted, and only after the caller gave up on it.
"""

import ctypes
import threading
import time
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
    # Not `Thread.join`: interrupted from the keyboard, it takes a running thread for a stopped one (Python 3.11, 3.12).
    done = threading.Event()

    def worker() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=worker, name="check", daemon=True)
    thread.start()
    try:
        in_time = _wait(done, seconds)
    except BaseException:
        _stop(thread, done)
        raise
    if not in_time:
        raise DeadlineError(stopped=_stop(thread, done))
    if raised:
        raise raised[0]


def _wait(done: threading.Event, seconds: float) -> bool:
    end = time.monotonic() + seconds
    # In short naps, because on Windows a long wait would not notice an interrupt from the keyboard.
    while not done.wait(0.05):
        if time.monotonic() > end:
            return False
    return True


def _stop(thread: threading.Thread, done: threading.Event) -> bool:
    # More than once, for a loop around a bare `except:`, which survives the first strikes.
    for _ in range(10):
        identity = ctypes.c_ulong(thread.ident or 0)
        alive = ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(OutOfTime))
        if not alive or done.wait(0.1):
            return True
    return False
