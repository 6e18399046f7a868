"""Webhooks and the clock."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sandbox.deliveries import delivery_guid, sign
from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.use_cases import installations


class WebhookActs(Sandbox):
    """Send webhooks, and move the clock."""

    def forget_calls(self) -> None:
        """Clear the lists of calls and unknown routes."""
        self.state.calls.clear()
        self.state.unknown_routes.clear()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        self.state.clock.offset += timedelta(seconds=seconds)

    def skew(self, seconds: float) -> None:
        """Set the sandbox's clock this many seconds ahead of the real time, or (negative) behind it."""
        self.state.clock.offset = timedelta(seconds=seconds)

    async def ping(self) -> None:
        """Send a `ping` event."""
        installations.ping(self.state)

    async def redeliver(self, guid: str) -> None:
        """Redeliver an event under the same GUID."""
        attempt = self.state.deliverer.find_attempt(guid)
        if attempt is None:
            raise SandboxError(f"No delivery {guid}.")
        self.state.deliverer.redeliver(attempt)

    async def send(
        self,
        event: str,
        payload: Any,
        *,
        delivery: str | None = None,
        signature: str | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> int:
        """Post any payload to the webhook URL immediately; return the status of the response."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        deliverer = self.state.deliverer
        signature_headers = sign(deliverer.secret, body)
        if signature is not None:
            signature_headers["X-Hub-Signature-256"] = signature
        defaults = (
            deliverer.headers(event, delivery_guid(delivery), body) | {"Content-Type": content_type} | signature_headers
        )
        return (await deliverer.post(body, {**defaults, **(headers or {})}))[0]
