"""What tests of the database engines have in common."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from bot.store.database import fetch, transaction
from bot.store.users import User
from tests.conftest import postgres

only_postgres = pytest.mark.skipif(not postgres(), reason="about connections to a server, which SQLite does not have")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


async def add(name: str) -> User:
    return await User.create(name=name, created_at=NOW)


async def names() -> set[str]:
    return {row["name"] for row in await fetch("SELECT name FROM users")}


async def add_in_a_transaction(name: str) -> None:
    async with transaction():
        await add(f"{name}-1")
        await asyncio.sleep(0.0005)
        await add(f"{name}-2")
