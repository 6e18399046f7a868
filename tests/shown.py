"""What GitHub shows of a candidate that was cut and deployed by three comments, to two environments, by three runs."""

from tests.world import STATUS_COMMENT, World


def check_shown(world: World, number: int) -> None:
    """Check that everything is there once, and tells the end of the story."""
    (comment,) = [body for body in world.comments(number) if STATUS_COMMENT in body]
    assert comment.count("[live](") == 2
    (check_run,) = [each for each in world.github.check_runs() if each.app is None]
    assert (check_run.status, check_run.conclusion) == ("completed", "success")
    assert check_run.output["title"] == "1.0-rc1: Live on staging; live on production"
    found = list(world.github.repository().deployments.values())
    assert [(each.environment, each.creator.login) for each in found] == [
        ("staging", "longshore-sandbox[bot]"),
        ("production", "github-actions[bot]"),
    ]
    states = [status.state for status in found[0].statuses]
    assert states[-1] == "success"
    assert len(states) == len(set(states))
    assert [report["state"] for report in world.github.gate_reports(3)] == ["approved"]
    assert len(world.replies(number)) == 3
