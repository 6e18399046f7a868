"""A client of the sample repository, as operations use it."""

import pytest

from bot.github.repository import RepositoryClient
from tests.world import World


@pytest.fixture
def client(world: World) -> RepositoryClient:
    github = world.github
    return world.service.github.client_for(github.installation_id, github.repository().id, "acme/site")
