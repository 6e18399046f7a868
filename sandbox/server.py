"""Which GitHub the sandbox is: github.com, or an Enterprise Server of some version."""

from dataclasses import dataclass

OLDER_VERSION, NEWER_VERSION = "2022-11-28", "2026-03-10"
ENTERPRISE_ROOT = "/api/v3"
FRONT_PAGE_STATUSES = (200, 302, 404, 406)
RUN_DETAILS = ("returned", "refused", "ignored")


@dataclass(slots=True)
class Server:
    """The kind of GitHub that answers.

    `enterprise` is the version of an Enterprise Server, such as "3.20", or empty for github.com. The API of an
    Enterprise Server is below `/api/v3`; every other path belongs to its web pages.
    `run_details` says what the dispatch of a workflow does with `return_run_details`.
    """

    enterprise: str = ""
    run_details: str = "returned"
    front_page_status: int = 404

    @property
    def root(self) -> str:
        """The path of the API."""
        return ENTERPRISE_ROOT if self.enterprise else ""

    @property
    def api_versions(self) -> tuple[str, ...]:
        """The API versions that it knows."""
        return (OLDER_VERSION,) if self.enterprise else (OLDER_VERSION, NEWER_VERSION)

    @property
    def delivery_days(self) -> int:
        """For how many days webhook deliveries are kept."""
        return 7 if self.enterprise else 3

    def set_run_details(self, mode: str = "returned") -> None:
        """What a dispatch does with `return_run_details`: `returned`, `refused` (422) or `ignored` (204)."""
        if mode not in RUN_DETAILS:
            raise ValueError(f"mode must be one of {', '.join(RUN_DETAILS)}")
        self.run_details = mode

    def set_front_page(self, status: int = 404) -> None:
        """What an Enterprise Server answers outside of its API: 200, 302 (to its login page), 404 or 406."""
        if status not in FRONT_PAGE_STATUSES:
            raise ValueError(f"status must be one of {', '.join(map(str, FRONT_PAGE_STATUSES))}")
        self.front_page_status = status
