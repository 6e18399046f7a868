"""Vocabularies of content resources, and rules for package files."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules import content
from bot.rules.releases import release_id

VOCABULARIES = {
    "release types": tuple(content.RELEASE_TYPES),
    "variant types": content.VARIANT_TYPES,
    "arches": content.ARCHES,
    "services": tuple(content.SERVICES),
    "repo families": tuple(content.REPO_FAMILIES),
    "formats": tuple(content.CONTENT_FORMATS),
    "categories": tuple(content.CONTENT_CATEGORIES),
}
RPM = {"name": "bash", "epoch": 0, "version": "5.2", "release": "1", "arch": "x86_64", "srpm_nevra": "bash-0:5.2-1.src"}
PARTS = st.text("abz019.+-~", min_size=1)


@pytest.mark.parametrize("words", VOCABULARIES.values(), ids=VOCABULARIES)
def test_words_are_unique_lower_case_and_safe_in_urls(words: tuple[str, ...]) -> None:
    assert len(set(words)) == len(words)
    assert all(re.fullmatch(r"[a-z0-9_]+(-[a-z]+)*", word) for word in words)


def test_the_architectures_are_the_48_that_clients_know() -> None:
    assert len(content.ARCHES) == 48 and list(content.ARCHES) == sorted(content.ARCHES)


@pytest.mark.parametrize("release_type", content.RELEASE_TYPES)
def test_the_suffix_of_a_release_type_ends_the_release_id(release_type: str) -> None:
    assert release_id("foo", "1.0", release_type) == f"foo-1.0{content.RELEASE_TYPES[release_type][1]}"


@pytest.mark.parametrize("arch", ["x86_64", "noarch", "nosrc", "SRC"])
@pytest.mark.parametrize("nevra", [None, ""])
def test_a_binary_package_needs_a_source_package(arch: str, nevra: str | None) -> None:
    content.check_rpm({**RPM, "arch": arch})
    with pytest.raises(Refusal, match="srpm_nevra should be empty if and only if arch is src"):
        content.check_rpm({**RPM, "arch": arch, "srpm_nevra": nevra})


def test_a_source_package_has_no_source_package() -> None:
    for nevra in (None, ""):
        content.check_rpm({**RPM, "arch": "src", "srpm_nevra": nevra})
    with pytest.raises(Refusal, match="srpm_nevra should be empty if and only if arch is src"):
        content.check_rpm({**RPM, "arch": "src"})


@given(PARTS, PARTS, PARTS, st.sampled_from(content.ARCHES))
def test_the_default_filename_has_name_version_release_and_architecture(
    name: str, version: str, release: str, arch: str
) -> None:
    name_of_file = content.default_filename({**RPM, "name": name, "version": version, "release": release, "arch": arch})
    assert name_of_file == f"{name}-{version}-{release}.{arch}.rpm"
