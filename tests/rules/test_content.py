"""What the content network takes: its words, and how its names are made."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules import content
from bot.rules.releases import release_id

LISTS = {
    "release types": tuple(content.RELEASE_TYPES),
    "variant types": content.VARIANT_TYPES,
    "arches": content.ARCHES,
    "services": tuple(content.SERVICES),
    "repo families": tuple(content.REPO_FAMILIES),
    "formats": tuple(content.CONTENT_FORMATS),
    "categories": tuple(content.CONTENT_CATEGORIES),
}
RPM = {"name": "bash", "epoch": 0, "version": "5.2", "release": "1", "arch": "x86_64", "srpm_nevra": "bash-0:5.2-1.src"}
WORDS = st.text("abz019.+-~", min_size=1)


@pytest.mark.parametrize("words", LISTS.values(), ids=LISTS)
def test_words_stand_once_in_lower_case_and_can_be_in_an_address(words: tuple[str, ...]) -> None:
    assert len(set(words)) == len(words)
    assert all(re.fullmatch(r"[a-z0-9_]+(-[a-z]+)*", word) for word in words)


def test_there_are_as_many_architectures_as_clients_know() -> None:
    assert len(content.ARCHES) == 48 and list(content.ARCHES) == sorted(content.ARCHES)


@pytest.mark.parametrize("release_type", content.RELEASE_TYPES)
def test_the_suffix_of_a_type_is_what_it_adds_to_a_release_id(release_type: str) -> None:
    assert release_id("foo", "1.0", release_type) == f"foo-1.0{content.RELEASE_TYPES[release_type][1]}"


@pytest.mark.parametrize("arch", ["x86_64", "noarch", "nosrc", "SRC"])
@pytest.mark.parametrize("nevra", [None, ""])
def test_what_is_not_source_has_a_source(arch: str, nevra: str | None) -> None:
    content.check_rpm({**RPM, "arch": arch})
    with pytest.raises(Refusal, match="srpm_nevra should be empty if and only if arch is src"):
        content.check_rpm({**RPM, "arch": arch, "srpm_nevra": nevra})


def test_source_has_none_of_its_own() -> None:
    for nevra in (None, ""):
        content.check_rpm({**RPM, "arch": "src", "srpm_nevra": nevra})
    with pytest.raises(Refusal, match="srpm_nevra should be empty if and only if arch is src"):
        content.check_rpm({**RPM, "arch": "src"})


@given(WORDS, WORDS, WORDS, st.sampled_from(content.ARCHES))
def test_a_file_is_called_by_name_version_release_and_architecture(
    name: str, version: str, release: str, arch: str
) -> None:
    called = content.default_filename({**RPM, "name": name, "version": version, "release": release, "arch": arch})
    assert called == f"{name}-{version}-{release}.{arch}.rpm"
