"""What can go wrong and is told to somebody: worded once where it is raised, voiced by each door in its form."""

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """A sentence for whoever asked, with details beside it that programs can read."""

    def __init__(self, sentence: str, **details: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.details: Mapping[str, Any] = {name: value for name, value in details.items() if value is not None}


class Refusal(Problem):
    """The request cannot be granted as it is; asking again unchanged brings the same answer."""


class Unauthenticated(Refusal):
    """Nobody, or nobody we know, is asking."""


class TooMany(Unauthenticated):
    """Somebody we do not know asks too often. `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Forbidden(Refusal):
    """The one who asks is known and may not."""


class NotFound(Refusal):
    """What was named is not there, or not there for the one who asks."""


class Conflict(Refusal):
    """What is there already stands in the way."""


class RequestInProgress(Conflict):
    """The same is being done just now. `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class IdempotencyKeyReused(Refusal):
    """What names one request was used for another one before."""


class Unavailable(Problem):
    """Something that we need does not answer now. `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int = 5, **details: Any) -> None:
        super().__init__(sentence, **details)
        self.retry_after = retry_after


class Misconfigured(Problem):
    """A setting is missing or malformed: the operator has to change it before anything starts."""
