"""Set-up in a browser: from an empty service to the first project, by way of GitHub's pages."""

import pytest

from tests.browser.conftest import OpenScreen
from tests.web.browsers import sign_in_as_operator
from tests.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_operator_registers_the_app_installs_it_and_makes_the_first_project(
    new: World, screen_of: OpenScreen
) -> None:
    operator = await screen_of((await sign_in_as_operator(new)).secret)
    await operator.open("/")
    assert operator.path == "/setup"
    await operator.fill("Name of the App", "Longshore of ACME")
    await operator.fill("Organization", "acme")
    await operator.press("Show what GitHub will be asked for")
    await operator.see("Webhooks to")
    await operator.press("Go on at GitHub")
    await operator.see("Longshore acts on")
    assert operator.path == "/setup"
    await operator.press("Install the App on GitHub")
    await operator.press("Install")
    await operator.see("acme: 1 repository")
    await operator.fill("Repository", "acme/site")
    await operator.press("Look for its workflows")
    await operator.page.get_by_label("Name of environment 1").fill("staging")
    await operator.press("Make the project")
    await operator.see("/release cut 0.1.0")
    assert not operator.errors
    await new.settle()
    assert {delivery.status_code for delivery in new.github.deliveries} == {202}
    await operator.press("site")
    await operator.see("No candidate has been cut yet.")
