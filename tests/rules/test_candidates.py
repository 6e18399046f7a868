"""The status transitions of candidates, and which project a tag belongs to."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Conflict
from bot.rules.candidates import MOVES, STATUSES, check_cancelable, may_move, status_after_run
from bot.rules.ids import ProjectId
from bot.rules.tags import tag_name, version_in_tag

ALLOWED = {
    ("pending", "building"),
    ("pending", "ready"),
    ("pending", "failed"),
    ("pending", "canceled"),
    ("building", "ready"),
    ("building", "failed"),
    ("building", "canceled"),
    ("failed", "building"),
    ("failed", "pending"),
    ("canceled", "pending"),
    ("canceled", "building"),
    ("ready", "pending"),
    ("ready", "banned"),
    ("ready", "failed"),
    ("banned", "ready"),
}


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_only_allowed_transitions_are_possible(before: str, after: str) -> None:
    assert may_move(before, after) is ((before, after) in ALLOWED)


def test_the_transitions_cover_exactly_the_known_statuses() -> None:
    assert set(MOVES) == set(STATUSES) == {"pending", "building", "ready", "failed", "canceled", "banned"}
    assert all(after in STATUSES for moves in MOVES.values() for after in moves)


@pytest.mark.parametrize(
    ("conclusion", "status"),
    [
        ("success", "ready"),
        ("cancelled", "canceled"),
        ("failure", "failed"),
        ("timed_out", "failed"),
        ("startup_failure", "failed"),
        ("action_required", "failed"),
        ("neutral", "failed"),
        ("skipped", "failed"),
        ("stale", "failed"),
        (None, "failed"),
    ],
    ids=str,
)
def test_only_success_makes_a_candidate_ready_and_all_else_has_a_reason(conclusion: str | None, status: str) -> None:
    new_status, reason = status_after_run(conclusion)
    assert new_status == status
    assert (reason is None) is (status == "ready")
    assert may_move("building", new_status)


@pytest.mark.parametrize("status", STATUSES)
def test_only_an_unfinished_build_can_be_canceled(status: str) -> None:
    if status in ("pending", "building"):
        check_cancelable("1.0-rc1", status)
        return
    with pytest.raises(Conflict) as refused:
        check_cancelable("1.0-rc1", status)
    assert refused.value.details["status"] == status


PREFIXES = {ProjectId(n): prefix for n, prefix in enumerate(("v", "shop-v", "shop-v2/", "rc/", ""), start=1)}


@pytest.mark.parametrize(
    ("tag", "owner"),
    [
        ("v1.2-rc1", (1, "1.2-rc1")),
        ("shop-v1.2-rc1", (2, "1.2-rc1")),
        ("shop-v2/1.2-rc1", (3, "1.2-rc1")),
        ("rc/1.2-rc1", (4, "1.2-rc1")),
        ("v", (1, "")),
        ("V1.2-rc1", None),
        ("1.2-rc1", None),
        ("shop", None),
        ("", None),
    ],
    ids=str,
)
def test_a_tag_belongs_to_the_project_with_the_longest_matching_prefix(tag: str, owner: tuple[int, str] | None) -> None:
    assert version_in_tag(tag, PREFIXES) == owner


@given(
    st.dictionaries(st.integers(1, 9).map(ProjectId), st.text("ab/", min_size=1, max_size=4), max_size=5),
    st.text("ab/1", max_size=8),
)
def test_no_other_project_has_a_longer_prefix_of_the_tag(prefixes: dict[ProjectId, str], tag: str) -> None:
    match = version_in_tag(tag, prefixes)
    matching = [prefix for prefix in prefixes.values() if tag.startswith(prefix)]
    if match is None:
        assert not matching
    else:
        assert tag_name(prefixes[match[0]], match[1]) == tag
        assert len(prefixes[match[0]]) == max(map(len, matching))
