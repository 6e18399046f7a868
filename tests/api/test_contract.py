"""The description of the API against the service: whatever is sent, what comes back is as described."""

import asyncio
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.conftest import postgres
from tests.world import Serve, a_world


def refuses_strangers(context: Any, response: Any, case: Any) -> bool | None:
    """Credentials are looked at. Too many wrong ones are refused in another way."""
    try:
        return openapi_checks.ignored_auth(context, response, case)
    except AssertionError as failure:
        if "429 Too Many Requests" in str(failure):
            return None
        raise


CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    refuses_strangers,
]
EXAMPLES = 5
ENDS_THE_TOKEN = (
    "GET /rest_api/v1/auth/token/refresh/",
    "PUT /rest_api/v1/auth/token/refresh/",
    "DELETE /api/tokens/{token}",
)  # which come last


def violations(document: Any, url: str, token: str) -> list[str]:
    """Send generated requests to every operation; what does not keep to the description."""
    schema = schemathesis.openapi.from_dict(document)
    found, addresses = [], iter(IPv4Network("10.0.0.0/8"))
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    for operation in sorted(operations, key=lambda each: each.label in ENDS_THE_TOKEN):

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:
            # every request comes from an address of its own: wrong credentials are limited
            headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": str(next(addresses))}
            case.call_and_validate(base_url=url, headers=headers, checks=CHECKS)

        try:
            check()
        except (AssertionError, BaseExceptionGroup) as error:
            found.append(f"{operation.label}: {error}\n" + "\n".join(map(str, getattr(error, "exceptions", []))))
    return found


@pytest.mark.skipif(postgres(), reason="what is sent and answered does not depend on the database")
@pytest.mark.timeout(600)
async def test_what_comes_back_is_as_described(source: Path, database_url: str, aiohttp_server: Serve) -> None:
    async with a_world(source, database_url, aiohttp_server, trusted_proxies="127.0.0.1") as world:
        document = (await world.ask("GET", "/api/openapi.json")).json
        found = await asyncio.to_thread(violations, document, world.url, world.token)
        world.leaves("build", "deploy")
    assert not found, "\n\n".join(found)
