"""Patterns of paths, held to git's own reading of .gitignore."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.rules.path_patterns import check, touched, touches

MATCHES: list[tuple[str, str, bool]] = [
    ("web/**", "web/index.html", True),
    ("web/**", "web/a/b/c", True),
    ("web/**", "web", False),
    ("web/**", "docs/web/a", False),
    ("web", "web", True),
    ("web", "web/a", True),
    ("web", "packages/web/a", True),
    ("web", "webs", False),
    ("web/", "web", False),
    ("web/", "packages/web/a", True),
    ("/web", "web/a", True),
    ("/web", "packages/web", False),
    ("web/docs", "a/web/docs", False),
    ("*.py", "a/b.py", True),
    ("*.py", "a.py/b", True),
    ("*.py", "a.pyc", False),
    ("/*.py", "a/b.py", False),
    ("web/*", "web/a/b", True),
    ("**/test", "a/b/test/c", True),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("a/**/b", "x/a/b", False),
    ("**", "any/thing", True),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("a*c*e", "abcde", True),
    ("a*c*e", "abced", False),
    ("[ab].c", "b.c", True),
    ("[!ab].c", "b.c", False),
    ("[^a-c].c", "d.c", True),
    ("[a-c].c", "d.c", False),
    (r"\*.c", "*.c", True),
    (r"\*.c", "a.c", False),
    (r"\#a", "#a", True),
    (r"\!a", "!a", True),
    ("caf\u00e9/*", "caf\u00e9/x", True),
    (".github/**", ".github/workflows/x.yml", True),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), MATCHES, ids=str)
def test_a_pattern_matches_what_gitignore_would(pattern: str, path: str, matches: bool) -> None:
    assert touches([pattern], [path]) is matches


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ignored")
    subprocess.run(["git", "init", "--quiet", str(path)], check=True)
    return path


def git_matches(repository: Path, pattern: str, path: str) -> bool:
    (repository / ".gitignore").write_text(f"{pattern}\n")
    command = ["git", "-c", "core.quotePath=false", "check-ignore", "--quiet", "--no-index", "--", path]
    return subprocess.run(command, cwd=repository, check=False).returncode == 0


SEGMENT = st.text("ab*?", min_size=1, max_size=4) | st.sampled_from(
    ["**", "***", "a", "b", "[ab]", "[!a]b", "a[a-b]*", "\\*"]
)
PATTERN = st.builds(
    lambda start, segments, end: start + "/".join(segments) + end,
    st.sampled_from(["", "/"]),
    st.lists(SEGMENT, min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
)
FILE = st.lists(st.text("ab*", min_size=1, max_size=4), min_size=1, max_size=5).map("/".join)


@given(PATTERN, FILE)
@example("a/**", "a")
@example("**/", "a")
@example("**/", "a/b")
@example("a/**/**/b", "a/b")
def test_a_pattern_matches_the_paths_that_git_says(repository: Path, pattern: str, path: str) -> None:
    assert touches([pattern], [path]) is git_matches(repository, pattern, path)


LISTS: list[tuple[Sequence[str] | None, Sequence[str], bool]] = [
    (None, ["a"], True),
    ([], ["a"], True),
    (None, [], True),
    (["web/**"], [], False),
    (["web/**", "!web/docs/**"], ["web/docs/a.md"], False),
    (["web/**", "!web/docs/**"], ["web/docs/a.md", "web/a"], True),
    (["web/**", "!web/docs/**", "web/docs/index.md"], ["web/docs/index.md"], True),
    (["web/**", "!*.md"], ["web/a/README.md"], False),
    (["web", "api"], ["api/x"], True),
    (["[", "api"], ["api/x"], True),
]


@pytest.mark.parametrize(("patterns", "files", "expected"), LISTS, ids=str)
def test_the_last_pattern_that_matches_a_file_decides(
    patterns: Sequence[str] | None, files: Sequence[str], expected: bool
) -> None:
    assert touches(patterns, files) is expected


def test_a_change_touches_the_projects_whose_files_it_changes() -> None:
    projects = {"site": ["web/**"], "api": ["api/**", "lib/**"], "all": None}
    assert touched(projects, ["web/a"]) == ["site", "all"]
    assert touched(projects, ["README.md"]) == ["all"]
    assert touched(projects, ["lib/a", "web/b"]) == ["site", "api", "all"]


@pytest.mark.parametrize(
    "pattern",
    [
        "", " ", "!", "#a", "a ", " a", "a//b", "/", "a/../b", "./a",
        "[", "[]", "[!]", "[[:alpha:]]", "a\\", "a\nb", "a" * 201,
    ],
    ids=ascii,
)  # fmt: skip
def test_a_pattern_that_cannot_match_is_refused(pattern: str) -> None:
    with pytest.raises(Refusal):
        check(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["*a" * 99 + "b", "**/a/" * 39 + "b", "?*" * 60 + "b", "a/**/" * 30 + "c", "*" * 199 + "b"],
    ids=lambda p: p[:8],
)
@pytest.mark.parametrize(
    "path", ["a" * 4000, "a/" * 2000 + "a", "a" * 200 + "/" + "a" * 3000], ids=["long", "deep", "both"]
)
def test_hostile_patterns_and_paths_take_little_time(pattern: str, path: str) -> None:
    begin = time.thread_time()
    assert not touches([pattern], [path])
    assert time.thread_time() - begin < 0.5  # backtracking would take years
