"""The arguments, clauses and flags of which the grammars of commands are made."""

import re
from collections.abc import Callable, Mapping

from bot.errors import Refusal
from bot.rules.commits import FULL_LENGTH, FULL_LENGTH_256, parse_sha
from bot.rules.durations import parse_duration
from bot.rules.grammar import Argument, Clause, OneClause, OneOf
from bot.rules.times import EXPECTED, parse_time
from bot.rules.versions import looks_like_candidate, parse_requested_version, parse_written_candidate
from bot.rules.words import lower

ALL_ENVIRONMENTS = "all"  # no environment may have this name
MAX_REASON = 1_000  # characters
_PULL_REQUEST = re.compile(r"#([1-9][0-9]{0,9})")
_SHORT_SHA = re.compile(r"[0-9a-f]{7,64}")


def _parse_written_sha(text: str) -> str:
    """Parse a full commit SHA, or the first 7 digits or more of one, into lower case. Refuses anything else."""
    sha = lower(text)
    if _SHORT_SHA.fullmatch(sha) and sha.strip("0") and not FULL_LENGTH < len(sha) < FULL_LENGTH_256:
        return sha
    try:
        return parse_sha(text)
    except Refusal as refusal:
        raise Refusal(refusal.sentence, reason=refusal.details.get("reason")) from refusal


def _parse_pull_request(text: str) -> int:
    """Parse the number of a pull request: `#12`."""
    match = _PULL_REQUEST.fullmatch(text)
    if match is None:
        raise Refusal("Invalid number of a pull request")
    return int(match[1])


def _parse_reason(text: str) -> str:
    if len(text) > MAX_REASON:
        raise Refusal(f"The reason has more than {MAX_REASON:,} characters")
    return text


def _is_all(text: str) -> bool:
    return lower(text) == ALL_ENVIRONMENTS


VERSION = Argument(
    "version", str, "a release version, as in `1.4.0`, or a candidate version with its number, as in `1.4.0-rc2`"
)
RELEASE = Argument("release", str, "a release version, as in `1.4.0`", shown="VERSION")
CANDIDATE = Argument("candidate", str, "a candidate version, as in `1.4.0-rc2`", fits=looks_like_candidate)
ENVIRONMENT = Argument("environment", str, "the name of an environment, in quotes if it has spaces")
EVERYTHING = Argument("everything", lower, "all environments of the project", fits=_is_all, shown=ALL_ENVIRONMENTS)
PROJECT = Argument("project", str, "the name of a project, in quotes if it has spaces")
SHA = Argument("sha", _parse_written_sha, "a commit: its full SHA, or the first 7 digits or more")
PULL_REQUEST = Argument(
    "pull request",
    _parse_pull_request,
    "the number of a pull request, as in `#12`",
    fits=lambda text: text.startswith("#"),
    shown="#PR",
)
REASON = Argument("reason", _parse_reason, f"a sentence of at most {MAX_REASON:,} characters, to the end of the line")
TIME = Argument("time", parse_time, EXPECTED, words=3)
DURATION = Argument("duration", parse_duration, "a number and a unit: `90s`, `30m`, `2h` or `7d`, at most 366 days")
COMMAND = Argument("command", str, "the word of a command, as in `deploy`", words=2)

CANDIDATE_OR_ENVIRONMENT = OneOf((CANDIDATE, ENVIRONMENT))
ENVIRONMENT_OR_ALL = OneOf((EVERYTHING, ENVIRONMENT))
PULL_REQUEST_OR_SHA = OneOf((PULL_REQUEST, SHA))

SPELLINGS: Mapping[Argument[str], Callable[[str], object]] = {
    VERSION: parse_requested_version,
    CANDIDATE: parse_written_candidate,
}
"""The arguments that are versions, and what refuses the ones that are misspelled."""

IN_PROJECT = Clause("in", PROJECT)
AT_COMMIT = Clause("at", SHA)
TO_ENVIRONMENT = Clause("to", ENVIRONMENT)
FOR_ENVIRONMENT = Clause("for", ENVIRONMENT, required=True)
FOR_DURATION = Clause("for", DURATION)
UNTIL_OR_FOR = OneClause((Clause("until", TIME), FOR_DURATION))
BECAUSE = Clause("because", REASON, required=True, to_line_end=True, question="say why")
"""A reason that has to be given."""

FORCE, DRY_RUN = "force", "--dry-run"
FORCE_BECAUSE = Clause("because", REASON, to_line_end=True, question="say why", explains=FORCE)
"""`force because REASON`, of a command with the flag `FORCE`: neither of the two without the other."""
FORCE_OR_BECAUSE = Clause("because", REASON, to_line_end=True, question="say why", explains=FORCE, alone=True)
"""Likewise, but a reason may also be given without `force`."""
