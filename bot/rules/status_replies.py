"""The replies that show where everything is: the status of a project, and where a commit is live."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.rules.escaping import code, plain

Presence = Literal["live", "not live", "nothing live", "unknown"]


@dataclass(frozen=True)
class EnvironmentStatus:
    """An environment in the status reply. `banned`: what is live there must not be deployed again.

    `waits` is the candidate that waits to be deployed there, and for what; `frozen` and `locked` say why and by whom.
    """

    name: str
    live: str | None
    commit: str | None
    under_way: str | None
    frozen: str | None
    banned: bool = False
    waits: str | None = None
    locked: str | None = None


@dataclass(frozen=True)
class ProjectStatus:
    """A project in the status reply. `held` are its releases on hold."""

    project: str
    newest_candidate: str | None
    environments: tuple[EnvironmentStatus, ...]
    held: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnvironmentWithCommit:
    """Whether a commit is live on an environment, and the candidate that is live there."""

    name: str
    presence: Presence
    live: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Whereabouts:
    """Where a commit is live. `pull` is the pull request that was asked about, `merged` whether it is merged.

    `candidates` are those cut at exactly this commit; `more` counts environments that were not looked at.
    """

    commit: str
    environments: Sequence[EnvironmentWithCommit]
    candidates: Sequence[str] = ()
    pull: int | None = None
    merged: bool = True
    more: int = 0


def status(report: ProjectStatus) -> str:
    """Show what is live, under way and waiting on each environment of a project."""
    newest = code(report.newest_candidate) if report.newest_candidate else "none yet"
    lines = [f"**{code(report.project)}**: newest candidate {newest}."]
    if report.held:
        lines.append(f"On hold: {', '.join(map(code, report.held))}.")
    rows = [_row(environment) for environment in report.environments]
    if rows:
        heading = ["| environment | live | commit | under way | waits |", "| --- | --- | --- | --- | --- |"]
        lines += ["", *heading, *rows]
    return "\n".join(lines)


def where(found: Whereabouts) -> str:
    """Say on which environments a commit is live."""
    commit = code(found.commit)
    if found.pull is not None:
        commit = f"pull request {found.pull} ({'merged as' if found.merged else 'not merged, its head is'} {commit})"
    lines = [f"Where {commit} is live:" if found.environments else f"The project of {commit} has no environments."]
    lines += [f"- {_line(each)}" for each in found.environments]
    if found.more:
        lines.append(f"- and {found.more} more environments, which were not looked at")
    if found.candidates:
        lines += ["", f"Candidates at this commit: {', '.join(map(code, found.candidates))}."]
    return "\n".join(lines)


def _line(found: EnvironmentWithCommit) -> str:
    live = f" ({code(found.live)})" if found.live else ""
    texts: dict[Presence, str] = {
        "live": f"yes{live}",
        "not live": f"no{live}",
        "nothing live": "no: nothing is live there",
        "unknown": f"not known{live}: {plain(found.problem or '')}",
    }
    return f"{code(found.name)}: {texts[found.presence]}"


def _row(environment: EnvironmentStatus) -> str:
    name = code(environment.name)
    name += f" (frozen: {code(environment.frozen)})" if environment.frozen else ""
    name += f" (locked: {code(environment.locked)})" if environment.locked else ""
    texts = (environment.live, environment.commit, environment.under_way, environment.waits)
    live, *others = [code(text) if text else "–" for text in texts]
    cells = [name, f"{live} (banned)" if environment.banned else live, *others]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
