"""Errors of PostgreSQL and its driver: which mean that the database is unavailable, and which are Tortoise's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg  # type: ignore[import-untyped]
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from bot.errors import DatabaseUnavailable, Unavailable

log = logging.getLogger(__name__)

UNAVAILABLE = "The database does not answer now; try again in a few seconds."
CLOSING = "the process is ending"
READ_ONLY = "The database is read-only now; try again in a few seconds."
TOO_SLOW = "The database takes too long to answer; try again in a few seconds."
DISK_FULL = "The disk of the database is full; try again later."
POOLER = (
    "is reached through a pooler that hands sessions to others between transactions: "
    "add statement_cache_size=0 to its address (docs/postgresql.md, PgBouncer)"
)

STATEMENT_LOST = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
"""A prepared statement is not in our session, or one of somebody else's is."""


class CannotConnect(Exception):
    """No server of the address can be used. `waiting_may_help` is False when an operator has to change something."""

    def __init__(self, causes: str, *, waiting_may_help: bool) -> None:
        super().__init__(causes)
        self.waiting_may_help = waiting_may_help


LOST_TEXTS = ("connection is closed", "released back to the pool", "pool is clos", "operation is cancelling")
"""Parts of asyncpg's InterfaceErrors that mean a lost connection; others mean wrong use."""
LEAD_NOWHERE = (
    *(asyncpg.ReadOnlySQLTransactionError, TimeoutError, *STATEMENT_LOST),
    asyncpg.InternalClientError,  # the connection is in an unknown state
)
TRANSIENT_ERRORS = (
    CannotConnect,
    asyncpg.PostgresConnectionError,
    asyncpg.FatalPostgresError,  # of a server or pooler that closes the connection
    asyncpg.InvalidAuthorizationSpecificationError,  # after a fail-over: it worked at the start
    asyncpg.InsufficientResourcesError,  # too many connections
    asyncpg.OperatorInterventionError,  # shutting down, starting up
    asyncpg.PostgresSystemError,  # input or output failed
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database accepts no connections, a lock is not available
    asyncpg.InvalidCatalogNameError,  # the database does not exist, or is being restored
    asyncpg.InvalidCachedStatementError,  # another process has migrated the schema
    asyncpg.InternalClientError,
    OSError,
)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable for whatever may be over in a moment, and Tortoise's errors for the others.

    Unavailable when the database is too slow: for a job, that counts as a failed attempt after a day.
    """
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, CannotConnect, OSError) as exc:
        if is_too_slow(exc):
            log.warning("the database is too slow: %s: %s", type(exc).__name__, exc)
            raise Unavailable(TOO_SLOW) from exc
        if sentence := why_unavailable(exc):
            log.warning("the database is unavailable: %s: %s", type(exc).__name__, exc)
            raise DatabaseUnavailable(sentence) from exc
        if isinstance(exc, asyncpg.IntegrityConstraintViolationError):
            raise IntegrityError(exc) from exc
        if isinstance(exc, asyncpg.InvalidTransactionStateError):
            raise TransactionManagementError(exc) from exc
        if isinstance(exc, asyncpg.SyntaxOrAccessError | asyncpg.DataError | asyncpg.InvalidSchemaNameError):
            raise OperationalError(exc) from exc
        raise


def is_too_slow(exc: BaseException) -> bool:
    """Return whether a statement was given up: that may be its own fault."""
    return isinstance(exc, asyncpg.QueryCanceledError) or (isinstance(exc, TimeoutError) and exc.errno is None)


def leads_nowhere(exc: BaseException | None) -> bool:
    """Return whether all sessions are better replaced: after a fail-over they may be with a server that is gone.

    One that is no longer primary is read-only; one that no longer exists does not answer. Behind a pooler, they may
    have lost the statements that they prepared.
    """
    return isinstance(exc, LEAD_NOWHERE)


def why_unavailable(exc: BaseException) -> str | None:
    """Return the sentence for callers when the database is unavailable; None when the error is a fault of ours."""
    if isinstance(exc, asyncpg.ReadOnlySQLTransactionError):
        return READ_ONLY
    if isinstance(exc, asyncpg.DiskFullError):
        return DISK_FULL
    if isinstance(exc, STATEMENT_LOST):
        log.error("the database %s", POOLER)
        return UNAVAILABLE
    return UNAVAILABLE if isinstance(exc, TRANSIENT_ERRORS) or _is_lost(exc) else None


def _is_lost(exc: BaseException) -> bool:
    """Return whether an InterfaceError means that the connection is lost."""
    return isinstance(exc, asyncpg.InterfaceError) and any(text in str(exc) for text in LOST_TEXTS)
