"""What the owner of the App changes on its settings' page."""

from collections.abc import Sequence

from sandbox.credentials import LEVELS
from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox


class AppActs(Sandbox):
    """Change the App's permissions, events, webhook and key."""

    def set_app_permission(self, name: str, level: str | None = None) -> None:
        """Set the level of a permission that the App asks for, with None none; installations keep what they have."""
        if level not in (None, *LEVELS):
            raise SandboxError(f"{level} is not a level: use read, write, admin or null.")
        if level is None:
            self.state.permissions.pop(name, None)
        else:
            self.state.permissions[name] = level

    def set_app_events(self, events: Sequence[str]) -> None:
        """Set the events to which the App subscribes; installations keep theirs."""
        self.state.events = list(events)

    def configure_webhook(self, url: str | None = None, secret: str | None = None) -> None:
        """Set the URL or the secret of the App's webhook."""
        deliverer = self.state.deliverer
        deliverer.url, deliverer.secret = url or deliverer.url, secret or deliverer.secret

    def delete_key(self) -> None:
        """Delete the App's private key: GitHub refuses what is signed with it."""
        self.state.has_key = False
