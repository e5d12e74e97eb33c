"""Run code that may never return.

A learner's loop can be endless, and a signal would only work in the main thread of a POSIX process. So the code runs in
a thread of its own, and past the deadline an exception is planted in that thread, which surfaces at its next bytecode.
Nothing can hit the caller by accident: the worker is only interrupted once the caller has given up on it.
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
    running = threading.Lock()
    running.acquire()

    def worker() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            running.release()

    thread = threading.Thread(target=worker, name="check", daemon=True)
    thread.start()
    try:
        in_time = _wait(running, seconds)
    except BaseException:
        _stop(thread, running)
        raise
    if not in_time:
        raise DeadlineError(stopped=_stop(thread, running))
    if raised:
        raise raised[0]


def _wait(running: threading.Lock, seconds: float) -> bool:
    end = time.monotonic() + seconds
    # In short naps, because on Windows a long wait would not notice an interrupt from the keyboard.
    while not running.acquire(timeout=0.05):
        if time.monotonic() > end:
            return False
    return True


def _stop(thread: threading.Thread, running: threading.Lock) -> bool:
    plant = ctypes.pythonapi.PyThreadState_SetAsyncExc
    worker, this = ctypes.c_ulong(thread.ident or 0), ctypes.c_ulong(threading.get_ident())
    exception = ctypes.py_object(OutOfTime)
    stopped = False
    # More than once, for a loop around a bare `except:`, which survives the first strikes.
    for _ in range(10):
        if not plant(worker, exception) or running.acquire(timeout=0.1):
            stopped = True
            break
    # An exception that is planted and never surfaces stops Python 3.11 for good under a debugger or coverage: "somebody
    # has something to raise" is one flag for the whole process, and it falls when somebody does. So this thread does.
    plant(worker, None)
    try:
        plant(this, exception)
        while True:
            pass
    except OutOfTime:
        return stopped
