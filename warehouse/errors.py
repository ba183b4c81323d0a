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


_SAID = (
    (
        ("no space left", "disk full", "database or disk is full", "disk quota exceeded"),
        "the disk is full: nothing taken so far is lost; free some space and run the same command again",
    ),
    (
        ("out of memory error",),
        "the engine's memory does not suffice for a step: nothing taken is lost; give it more (TOWNLAKE_MEMORY_LIMIT, by default "
        "two fifths of the machine's) and run the same command again",
    ),
    (
        ("read-only file system", "attempt to write a readonly database"),
        "the disk is read-only: mount it so that it can be written and run the same command again",
    ),
    (
        (
            "server closed the connection",
            "unable to connect to postgres",
            "terminating connection",
            "no connection to the server",
        ),
        "the catalogue's PostgreSQL server went away: nothing is lost; see that it runs and run the same command again",
    ),
    (
        (
            "aws error network_connection",
            "could not connect to server error for http",
            "could not resolve hostname error for http",
            "timeout was reached error for http",
        ),
        "the object storage does not answer: nothing is lost; see that it runs and that AWS_ENDPOINT_URL is right, and run the "
        "same command again",
    ),
    (
        (
            "aws error access_denied",
            "aws error invalid_access_key_id",
            "aws error signature_does_not_match",
            "http status 403",
            "(http 403",
            "http code 403",
        ),
        "the object storage refuses the key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to one that may read and write below "
        "TOWNLAKE_STORE",
    ),
    (
        ("aws error no_such_bucket", "nosuchbucket"),
        "the bucket of TOWNLAKE_STORE is not there: make it, or name one that is",
    ),
    (
        ("database is locked", "could not set lock", "conflicting lock"),
        "the catalogue is locked by another program: wait for it to end and run again",
    ),
)
"""What libraries say of the ground, in lower case, and what it means."""


def explain(error: BaseException) -> TownlakeError | None:
    """The clear sentence for an error of the ground (disk, catalogue), or None where the error is of another kind."""
    if isinstance(error, TownlakeError):
        return error
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return EnvironmentFault(f"the disk is read-only: {error.filename or 'TOWNLAKE_HOME'} cannot be written")
    if isinstance(error, PermissionError):
        return EnvironmentFault(f"no permission to use {error.filename}: give this user access and run again")
    text = "no space left" if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
    for phrases, sentence in _SAID:
        if any(phrase in text.lower() for phrase in phrases):
            return EnvironmentFault(sentence)
    return None
