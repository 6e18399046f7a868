"""Columns whose values have a type of `bot/rules/ids.py`."""

from collections.abc import Callable
from typing import TypeVar, cast

from tortoise import fields

from bot.rules.ids import CommitSha

Id = TypeVar("Id", bound=int)


def primary_key(id_type: Callable[[int], Id]) -> fields.Field[Id]:
    """A generated primary key."""
    return cast("fields.Field[Id]", fields.IntField(primary_key=True))


def nullable_id(id_type: Callable[[int], Id]) -> fields.Field[Id | None]:
    """An optional id of a row of another table, without a constraint."""
    return cast("fields.Field[Id | None]", fields.IntField(null=True))


def github_key(id_type: Callable[[int], Id]) -> fields.Field[Id]:
    """A primary key that is GitHub's own id."""
    return cast("fields.Field[Id]", fields.BigIntField(primary_key=True, generated=False))


def github_id(id_type: Callable[[int], Id]) -> fields.Field[Id]:
    """An id of GitHub's."""
    return cast("fields.Field[Id]", fields.BigIntField())


def nullable_github_id(id_type: Callable[[int], Id]) -> fields.Field[Id | None]:
    """An optional id of GitHub's."""
    return cast("fields.Field[Id | None]", fields.BigIntField(null=True))


def commit_sha() -> fields.Field[CommitSha]:
    """A full commit SHA."""
    return cast("fields.Field[CommitSha]", fields.CharField(max_length=64))
