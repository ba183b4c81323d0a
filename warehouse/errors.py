"""The few ways a step may end badly, each with the exit code the command line promises.

Exit codes: 0 done, 1 a gate stopped or held something, 2 wrong use, 3 the environment is at fault.
"""

from __future__ import annotations

import errno


class TownlakeError(Exception):
    """Base: `str(error)` is one clear English sentence for an engineer."""

    exit_code = 3


class WrongUse(TownlakeError):
    """What was asked for or written (a verb's argument, a contract) cannot be right as it stands."""

    exit_code = 2


class GateStopped(TownlakeError):
    """A critical expectation failed: the last published foundation stays in front of readers."""

    exit_code = 1


class EnvironmentFault(TownlakeError):
    """Disk, catalogue, lock or installation is not as it must be; nothing was lost."""

    exit_code = 3


_DISK_FULL_PHRASES = ("no space left", "disk full", "database or disk is full", "disk quota exceeded")
_LOCKED_PHRASES = ("database is locked", "could not set lock", "conflicting lock")


def explain(error: BaseException) -> TownlakeError | None:
    """The clear sentence for an error of the ground (disk, catalogue), or None where the error is of another kind."""
    if isinstance(error, TownlakeError):
        return error
    text = str(error).lower()
    if (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or any(
        p in text for p in _DISK_FULL_PHRASES
    ):
        return EnvironmentFault(
            "the disk is full: nothing taken so far is lost; free some space and run the same command again"
        )
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return EnvironmentFault(f"the disk is read-only: {error.filename or 'TOWNLAKE_HOME'} cannot be written")
    if isinstance(error, PermissionError):
        return EnvironmentFault(f"no permission to use {error.filename}: give this user access and run again")
    if any(p in text for p in _LOCKED_PHRASES):
        return EnvironmentFault("the catalogue is locked by another program: wait for it to end and run again")
    return None
