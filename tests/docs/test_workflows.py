"""Longshore can start the workflows that the documentation shows with all their inputs, and find their runs again."""

import re

import pytest
import yaml

from bot.rules.runs import has_request_id
from bot.rules.workflow_files import read_workflow
from tests.docs.test_sessions import PAGES, ROOT
from tests.world import World

FILES = {"release_cut_id": "build.yml", "deployment_id": "deploy.yml"}
"""The files of the project in the world, by the input that holds the request id."""
WORKFLOWS = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, text in enumerate(re.findall(r"```ya?ml\n(.*?)```", page.read_text(), re.DOTALL))
    if re.search("^on:", text, re.MULTILINE)
]


def test_there_is_a_workflow_to_copy_for_builds_and_one_for_deployments() -> None:
    page = (ROOT / "docs" / "workflows.md").read_text()
    whole = [text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "steps:" in text]
    assert [name for text in whole for name in FILES if name in text] == list(FILES)


@pytest.mark.parametrize("text", WORKFLOWS)
async def test_a_workflow_is_sent_all_its_inputs_and_has_the_request_id_in_its_name(world: World, text: str) -> None:
    declared = read_workflow(text.encode(), "example.yml").inputs
    (request_id,) = FILES.keys() & declared
    whole = text if "\njobs:" in text else text + "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}\n"
    await world.github.commit(files={f".github/workflows/{FILES[request_id]}": whole})
    await world.cut("1.4.0-rc1", build=request_id == "release_cut_id")
    if request_id == "deployment_id":
        await world.deploy("1.4.0-rc1")
    await world.settle()
    (dispatch,), (run,) = world.github.dispatches, world.github.runs
    assert dispatch.inputs.keys() == declared
    assert has_request_id(run.display_title, dispatch.inputs[request_id])


@pytest.mark.parametrize("text", WORKFLOWS)
def test_every_expression_of_a_workflow_reads_an_input_that_is_declared(text: str) -> None:
    assert yaml.load(text, yaml.BaseLoader)["run-name"]
    assert set(re.findall(r"inputs\.(\w+)", text)) <= read_workflow(text.encode(), "example.yml").inputs
