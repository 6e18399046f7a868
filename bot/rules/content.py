"""Vocabularies of content resources, and rules for package files."""

from collections.abc import Mapping
from typing import Any

from bot.errors import Refusal

RELEASE_TYPES = {
    "aus": ("Advanced Update Support", "-aus"),
    "els": ("Extended Lifecycle Support", "-els"),
    "eus": ("Extended Update Support", "-eus"),
    "fast": ("Fast", "-fast"),
    "ga": ("Release", ""),
    "updates": ("Updates", "-updates"),
}
"""Release types: their names, and the suffixes that they add to a release id."""

VARIANT_TYPES = ("variant", "optional", "addon", "layered-product", "module")
ARCHES = (
    *("aarch64", "alpha", "alphaev4", "alphaev45", "alphaev5", "alphaev56", "alphaev6", "alphaev67", "alphaev68"),
    *("alphaev7", "alphapca56", "amd64", "arm64", "armv5tejl", "armv5tel", "armv6l", "armv7hl", "armv7hnl"),
    *("armv7l", "athlon", "geode", "i386", "i486", "i586", "i686", "ia32e", "ia64", "noarch", "nosrc", "ppc", "ppc64"),
    *("ppc64iseries", "ppc64le", "ppc64p7", "ppc64pseries", "s390", "s390x", "sh3", "sh4", "sh4a", "sparc"),
    *("sparc64", "sparc64v", "sparcv8", "sparcv9", "sparcv9v", "src", "x86_64"),
)
SERVICES = {"rhn": "Red Hat Network", "pulp": "Pulp", "ftp": "FTP"}
REPO_FAMILIES = {"dist": "Production content", "beta": "Beta content", "htb": "High touch beta content"}
CONTENT_FORMATS = {
    "rpm": "Packages",
    "iso": "Images",
    "kickstart": "Trees to install from",
    "comps": "Groups of packages",
    "docker": "Container images",
    "dud": "Driver update disks",
}
CONTENT_CATEGORIES = {"binary": "Binary packages", "debug": "Debugging information", "source": "Source packages"}


def check_rpm(rpm: Mapping[str, Any]) -> None:
    """Refuse a source package with a `srpm_nevra`, and any other package without one."""
    if (rpm["arch"] == "src") == bool(rpm["srpm_nevra"]):
        raise Refusal("RPM's srpm_nevra should be empty if and only if arch is src")


def default_filename(rpm: Mapping[str, Any]) -> str:
    """The default file name of a package."""
    return f"{rpm['name']}-{rpm['version']}-{rpm['release']}.{rpm['arch']}.rpm"
