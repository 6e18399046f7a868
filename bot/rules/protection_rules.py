"""Callback addresses of deployment protection rules.

https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/create-custom-protection-rules
"""

import re
from urllib.parse import urlsplit

from bot.rules.ids import RepositoryId, RunId


def run_of_callback(url: str, api_url: str, full_name: str, repository: RepositoryId) -> RunId | None:
    """The run that a callback address of GitHub is about; None unless it is exactly such an address.

    It has the host, the port and the root of the configured API (`api_url`), its scheme or https, and the path of this
    repository, by name or id. Requests go to the path that we build from the run, never to this address.
    """
    api = urlsplit(api_url)
    schemes = "|".join(sorted({"https", re.escape(api.scheme)}))
    names = f"repos/{re.escape(full_name)}|repositories/{int(repository)}"
    path = rf"(?i:{names})/actions/runs/([1-9][0-9]{{0,18}})/deployment_protection_rule"
    pattern = rf"(?:{schemes})://{re.escape(api.netloc)}{re.escape(api.path.rstrip('/'))}/{path}"
    found = re.fullmatch(pattern, url, re.ASCII)
    return RunId(int(found[1])) if found else None
