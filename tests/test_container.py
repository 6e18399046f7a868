"""The image and compose.yaml: the container is reachable and confined, and no secret gets into an image.

The files are read as Docker and Compose read them: there is no Docker in the tests.
"""

import fnmatch
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.rules.addresses import local_host
from bot.settings import read_settings
from sandbox.credentials import key_pair
from tests.cli.conftest import replaced_environment
from tests.test_shape import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICE: dict[str, Any] = COMPOSE["services"]["longshore"]
PASSWORD = "a/b+c=d@e:f%g#h?i&j"


def instructions(name: str) -> list[str]:
    """The arguments of an instruction in the Dockerfile's last stage."""
    last_stage = DOCKERFILE[DOCKERFILE.rindex("\nFROM") :]
    return re.findall(rf"^{name}\s+(.*)$", last_stage, re.MULTILINE)


@pytest.fixture
def container(tmp_path: Path) -> dict[str, str]:
    """The environment of the container: the image's, then .env as copied from .env.example, then compose's."""
    env_file = tmp_path / ".env"
    example = (ROOT / ".env.example").read_text()
    env_file.write_text(f"{example}\nPOSTGRES_PASSWORD='{PASSWORD}'\nLONGSHORE_GITHUB_APP_ID=1\n")
    copied = {name: value or "" for name, value in dotenv_values(env_file, interpolate=False).items()}
    image = dict(pair.split("=", 1) for pair in instructions("ENV")[0].split())
    composed = {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda match: copied[match[1]], value)
        for name, value in SERVICE["environment"].items()
    }
    return {**image, **copied, **composed}


def test_the_container_is_reachable_and_checks_its_own_health(container: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(key_pair()[0])
    assert container["LONGSHORE_GITHUB_PRIVATE_KEY_FILE"] == f"/run/secrets/{SERVICE['secrets'][0]}"
    values = {
        **container,
        "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": str(key),
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": "a webhook's secret",
    }
    with replaced_environment(values):
        settings = read_settings()
    assert settings.host == "0.0.0.0" and local_host(settings.host) == "127.0.0.1"
    assert [published.rpartition(":")[2] for published in SERVICE["ports"]] == [str(settings.port)]
    assert instructions("EXPOSE") == [f"{settings.port} {settings.work_port}"]
    assert 'CMD ["longshore", "health"]' in instructions("HEALTHCHECK")[0]
    assert instructions("CMD") == ['["longshore", "serve"]']


def test_any_password_of_the_database_works(container: dict[str, str]) -> None:
    assert container["PGPASSWORD"] == PASSWORD
    assert container["LONGSHORE_DATABASE_URL"] == "postgres://longshore@database/longshore"
    database = COMPOSE["services"]["database"]["environment"]
    assert database["POSTGRES_PASSWORD"] == SERVICE["environment"]["PGPASSWORD"]
    assert database["POSTGRES_USER"] == "longshore"


def test_the_container_is_confined() -> None:
    (user,) = instructions("USER")
    assert user == "10001:10001"
    assert SERVICE["read_only"] is True and SERVICE["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in SERVICE["security_opt"]
    assert "privileged" not in SERVICE and "cap_add" not in SERVICE
    assert instructions("VOLUME") == instructions("WORKDIR") == ["/var/lib/longshore"]


def test_a_worker_runs_as_the_service_does_publishes_nothing_and_checks_its_own_health() -> None:
    worker = COMPOSE["services"]["worker"]
    own = {"profiles", "command", "healthcheck", "ports"}
    assert {name: value for name, value in worker.items() if name not in own} == {
        name: value for name, value in SERVICE.items() if name not in own
    }
    assert (worker["command"], worker["ports"]) == (["longshore", "work"], [])
    assert worker["healthcheck"]["test"] == ["CMD", "longshore", "health", "--worker"]
    assert worker["profiles"], "it is not started unless asked for"


def test_images_are_pinned_exactly() -> None:
    images = [*re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE), COMPOSE["services"]["database"]["image"]]
    assert len(images) == 3
    for image in images:
        assert re.search(r":\d+\.\d+(\.\d+)?-[a-z-]+(@sha256:[0-9a-f]{64})?$", image), image


# --- .dockerignore


def is_sent(path: str) -> bool:
    """Whether Docker puts a file into the build context: the last pattern that matches it or a folder of it decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            if any(matches(part, pattern) for part in [path, *map(str, Path(path).parents)][:-1] or [path]):
                sent = line.startswith("!")
    return sent


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern matches a whole path; `**/` stands for any number of folders, `*` for a part of one name."""
    anywhere = pattern.startswith("**/")
    names, wanted = path.split("/"), pattern.removeprefix("**/").split("/")
    if anywhere:
        names = names[-len(wanted) :]
    return len(names) == len(wanted) and all(map(fnmatch.fnmatchcase, names, wanted))


@pytest.mark.parametrize("folder", ["", "bot/", "server/secrets/", "docs/"])
@pytest.mark.parametrize(
    "name", [".env", ".env.production", "sandbox.env", "key.pem", "app.key", "longshore.db", "longshore.db-wal", ".git"]
)
def test_no_secret_is_sent_to_the_build(folder: str, name: str) -> None:
    assert not is_sent(folder + name)


def test_what_the_image_needs_is_sent_and_nothing_else() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        packages = tomllib.load(file)["tool"]["setuptools"]["packages"]["find"]["include"]
    for package in packages:
        assert is_sent(f"{package.removesuffix('*')}/__init__.py")
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "constraints-runtime.txt",
        "app.yml",
        "bot/app.yml",
        "api/docs/routes.py",
    ):
        assert is_sent(name)
    for name in (".git/config", ".venv/bin/python", "tests/world.py", "notes.txt", "bot/__pycache__/x.pyc"):
        assert not is_sent(name), name


# --- the manifest, which is at the root of the repository and in the package


def test_what_is_built_has_the_manifest() -> None:
    """A link in the checkout, which setuptools follows: in a wheel, and so in the image, it is a file."""
    assert files("bot").joinpath("app.yml").read_bytes() == (ROOT / "app.yml").read_bytes()
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert "app.yml" in tomllib.load(file)["tool"]["setuptools"]["package-data"]["bot"]


# --- constraints


def locked(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """The packages of a constraints file: version and hashes by name."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    assert "://" not in text
    packages: dict[str, tuple[str, frozenset[str]]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        requirement = Requirement(line.partition(" --hash")[0])
        packages[canonicalize_name(requirement.name)] = (
            str(requirement.specifier),
            frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", line)),
        )
    return packages


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("constraints.txt", ("postgres", "speed", "dev")),
        ("constraints-runtime.txt", ("postgres", "speed")),
        ("constraints-docs.txt", ("docs",)),
    ],
)
def test_every_dependency_is_pinned_with_hashes(name: str, extras: tuple[str, ...]) -> None:
    packages = locked(name)
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)
    wanted = [] if extras == ("docs",) else declared["project"]["dependencies"] + declared["build-system"]["requires"]
    wanted += [line for extra in extras for line in declared["project"]["optional-dependencies"][extra]]
    for requirement in map(Requirement, wanted):
        version, _ = packages[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version.removeprefix("==")), requirement
    for name, (version, hashes) in packages.items():
        assert version.startswith("==") and hashes, name


def test_all_constraints_agree() -> None:
    everything = locked("constraints.txt")
    for name in ("constraints-runtime.txt", "constraints-pdc.txt", "constraints-docs.txt"):
        for package, pinned in locked(name).items():
            assert everything.get(package, pinned) == pinned, package
    runtime = locked("constraints-runtime.txt")
    assert runtime.keys() < everything.keys() and not {"pytest", "mypy", "uv"} & runtime.keys()


def test_the_image_installs_nothing_without_a_hash() -> None:
    installs = re.findall(r"pip install[^&\n]*", DOCKERFILE)
    assert len(installs) == 2
    assert "--require-hashes" in installs[0] and "constraints-runtime.txt" in installs[0]
    assert "--no-deps" in installs[1] and "--no-build-isolation" in installs[1]
