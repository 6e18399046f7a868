"""Fault injection: lost, duplicated, reordered and delayed webhooks, and API failures."""

import asyncio
import fnmatch
from dataclasses import dataclass, field
from random import Random

LIMIT_KINDS = ("primary", "secondary", "429")


@dataclass(slots=True)
class ApiFault:
    """A fault of the API that applies to the next `times` matching requests (None: until cleared)."""

    kind: str
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    status: int = 502
    body: str = "<html><body><h1>502 Bad Gateway</h1></body></html>"
    seconds: float = 0.0
    message: str = ""
    limit: str = "primary"
    retry_after: int | None = 1


@dataclass(slots=True)
class Faults:
    """All active faults."""

    drop: float = 0.0
    double: float = 0.0
    reorder: bool = False
    delay: tuple[float, float] | None = None
    held: bool = False
    is_down: bool = False
    wrong_shas: int = 0
    missing_deployments: int = 0
    token_lag: float = 0.0
    api: list[ApiFault] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(0))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def webhooks(
        self,
        *,
        drop: float = 0.0,
        double: float = 0.0,
        reorder: bool = False,
        delay: tuple[float, float] | None = None,
        seed: int | None = None,
    ) -> None:
        """Drop, duplicate, reorder and delay webhooks from now on; a seed makes the outcome reproducible."""
        self.drop, self.double, self.reorder, self.delay = drop, double, reorder, delay
        if seed is not None:
            self.random = Random(seed)

    def hold(self) -> None:
        """Hold webhooks back until `release`."""
        self.held = True

    def release(self) -> None:
        """Send the webhooks that were held back."""
        self.held = False
        self.changed.set()

    def fail(
        self,
        *,
        method: str = "*",
        path: str = "*",
        status: int = 502,
        times: int | None = 1,
        body: str = "<html><body><h1>Server Error</h1></body></html>",
    ) -> None:
        """Respond with an error status without performing the request."""
        self.api.append(ApiFault("fail", method, path, times, status=status, body=body))

    def refuse(
        self,
        status: int = 403,
        message: str = "Resource not accessible by integration",
        *,
        method: str = "*",
        path: str = "*",
        times: int | None = 1,
    ) -> None:
        """Refuse requests as GitHub does, with a status and a message, without performing them."""
        self.api.append(ApiFault("refuse", method, path, times, status=status, message=message))

    def lose_run(self, times: int | None = 1, *, path: str = "*/actions/runs/*") -> None:
        """Respond 404 to requests for a run, as GitHub sometimes does for one that exists."""
        self.refuse(404, "Not Found", method="GET", path=path, times=times)

    def lag_tokens(self, seconds: float = 1.0) -> None:
        """Refuse each new installation token (401) for some seconds, until all of GitHub knows it; 0 ends that."""
        self.token_lag = seconds

    def limit(
        self,
        kind: str = "primary",
        *,
        retry_after: int | None = 1,
        times: int | None = 1,
        method: str = "*",
        path: str = "*",
    ) -> None:
        """Respond with a rate limit error: `primary` (403, nothing remaining), `secondary` (403) or `429`."""
        if kind not in LIMIT_KINDS:
            raise ValueError(f"kind must be one of {', '.join(LIMIT_KINDS)}")
        self.api.append(ApiFault("limit", method, path, times, limit=kind, retry_after=retry_after))

    def time_out(self, *, method: str = "*", path: str = "*", times: int | None = 1) -> None:
        """Never respond, and do not perform the request; the client has to time out."""
        self.api.append(ApiFault("time_out", method, path, times))

    def slow(self, seconds: float, *, method: str = "*", path: str = "*", times: int | None = None) -> None:
        """Delay responses."""
        self.api.append(ApiFault("slow", method, path, times, seconds=seconds))

    def garbage(self, *, method: str = "*", path: str = "*", times: int | None = 1) -> None:
        """Respond 200 with a body that is not JSON."""
        self.api.append(ApiFault("garbage", method, path, times))

    def lose_answer(self, *, method: str = "*", path: str = "*/dispatches", times: int | None = 1) -> None:
        """Perform the request, then drop the connection without responding."""
        self.api.append(ApiFault("lose_answer", method, path, times))

    def wrong_head_sha(self, times: int = 1) -> None:
        """Make the next dispatched runs report a commit other than the head of their ref."""
        self.wrong_shas += times

    def omit_deployment(self, times: int = 1) -> None:
        """Send the next `deployment_protection_rule` events with null for the deployment."""
        self.missing_deployments += times

    def down(self) -> None:
        """Respond 503 to every request."""
        self.is_down = True

    def up(self) -> None:
        """End `down`."""
        self.is_down = False

    def clear(self) -> None:
        """Remove all faults."""
        self.webhooks()
        self.held = self.is_down = False
        self.wrong_shas = self.missing_deployments = 0
        self.token_lag = 0.0
        self.api.clear()
        self.changed.set()

    def consume(self, method: str, path: str, *, slow: bool = False) -> ApiFault | None:
        """Find the first fault that matches a request and count one use of it; `slow` selects delays only."""
        for fault in self.api:
            if (fault.kind == "slow") is not slow:
                continue
            if fnmatch.fnmatchcase(method, fault.method) and fnmatch.fnmatchcase(path, fault.path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.api.remove(fault)
                return fault
        return None
