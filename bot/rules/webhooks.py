"""What is wrong when webhooks do not reach us, in words."""

REMEDY = (
    "the secret of the App's webhook on GitHub must be that of LONGSHORE_GITHUB_WEBHOOK_SECRET, "
    "or the one that was entered at /setup"
)
UNSIGNED = (
    "No webhook since the start, or since the secret was replaced, has had the right signature; "
    f"several had a wrong one or none: {REMEDY}."
)


def is_refusal(status: int) -> bool:
    """Whether a response to a delivery shows that something is set up wrongly, and not that something is down."""
    return 300 <= status < 500


def why_refused(status: int) -> str:
    """Why GitHub's deliveries are answered like this."""
    if status == 401:
        return f"GitHub's newest webhooks were answered 401: {REMEDY}, and no proxy may ask for a password."
    return (
        f"GitHub's newest webhooks were answered {status}: their URL on GitHub must be that of this service, with its "
        "path and /webhooks/github, and a proxy has to pass them on unchanged."
    )
