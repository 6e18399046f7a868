"""What a configuration file sets is stored in columns, and compared with them as it was."""

from hypothesis import given
from hypothesis import strategies as st

from bot.rules.config_changes import environment_changes, project_changes
from bot.rules.config_columns import (
    ENVIRONMENT_COLUMNS,
    PROJECT_COLUMNS,
    environment_columns,
    environment_config,
    project_columns,
    project_config,
)
from bot.rules.config_model import EnvironmentConfig, ProjectConfig
from bot.rules.config_strength import stricter
from tests.rules.test_config_changes import SETTINGS

PROJECTS = st.fixed_dictionaries(
    {},
    optional={
        "paths": st.lists(st.sampled_from(["a", "b/**"]), unique=True),
        "versions": st.sampled_from(["any", "semver"]),
        "branches": st.lists(st.sampled_from(["main", "x"]), min_size=1, unique=True),
        "tags": st.fixed_dictionaries({}, optional={"candidates": st.just("rc/"), "promote_on_tag": st.just("e")}),
        "build": st.fixed_dictionaries({}, optional={"workflow": st.just("a.yml"), "inputs": st.just({"a": "b"})}),
        "show": st.fixed_dictionaries({}, optional={"comments": st.booleans(), "protection": st.booleans()}),
    },
).map(ProjectConfig.model_validate)


@given(SETTINGS)
def test_an_environment_that_is_stored_has_not_changed(settings: EnvironmentConfig) -> None:
    columns = environment_columns(settings)
    assert set(columns) == set(ENVIRONMENT_COLUMNS)
    stored = environment_config(columns)
    assert list(environment_changes("p", "e", stored, settings)) == []
    assert environment_columns(stored) == columns
    assert stricter(stored, settings) == settings


@given(PROJECTS)
def test_a_project_that_is_stored_has_not_changed(settings: ProjectConfig) -> None:
    columns = {"tag_prefix": "rc/", "trigger_tag_prefix": "v", **project_columns(settings)}
    assert set(columns) == set(PROJECT_COLUMNS)
    assert list(project_changes("p", project_config(columns), settings, "main")) == []
