"""Previews: what a request would do, said without doing it."""

from dataclasses import dataclass

from bot.rules.gate_results import Decision


@dataclass(frozen=True)
class Preview:
    """What a request would do, in sentences, and the decision of the gates if they have a say in it.

    `version` is that of the candidate which a rollback would deploy; empty for other requests, which name theirs.
    """

    would: tuple[str, ...]
    decision: Decision | None
    version: str = ""
