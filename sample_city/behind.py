"""Writing while the next piece is being made: one piece at a time on another thread, in the order given."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future


class Behind:
    """Hands pieces of work to a thread; waits for the one before, so that no more than two are held in memory.

    Without an executor everything is done at once. What goes wrong there is raised by the next call here.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor
        self._last: Future[None] | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Does a piece of work, now or behind."""
        self.wait()
        if self._executor is None:
            work()
        else:
            self._last = self._executor.submit(work)

    def wait(self) -> None:
        """Returns when nothing is under way."""
        last, self._last = self._last, None
        if last is not None:
            last.result()
