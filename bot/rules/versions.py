"""Versions: the grammar of candidate versions, version schemes, and the next version."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import semver

from bot.errors import Refusal

SCHEMES = ("any", "semver", "calver")
BUMPS = ("major", "minor", "patch")
INVALID = "Invalid release candidate version"
MAX_CANDIDATE_NUMBER = 999_999
MAX_SPELLED = 200  # characters of a text that may nearly spell a candidate version
_EXAMPLES = {"semver": "1.4.0", "calver": "2026.11.3"}

_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")
_SEPARATORS = r"[-._+~\u2010-\u2015\u2212]"  # what people and phones write instead of a hyphen
_NEARLY_CANDIDATE = re.compile(
    rf"(?:(?P<release>.*[0-9A-Za-z])(?:{_SEPARATORS}+|(?<=[0-9])))?rc{_SEPARATORS}*(?P<number>[0-9]*)", re.IGNORECASE
)
_CANDIDATE_MARK = re.compile(rf"(?:{_SEPARATORS}|(?<=[0-9]))rc(?![a-z]{{2}})", re.IGNORECASE)
"""What makes a reader take a release version for a candidate's."""
_CALVER = re.compile(
    r"(?P<year>[0-9]{2}|[0-9]{4})\.(?P<month>0?[1-9]|1[0-2])(?:\.(?P<third>[0-9]+))?(?:\.(?P<fourth>[0-9]+))?"
)


@dataclass(frozen=True, order=True)
class CandidateVersion:
    """A parsed candidate version such as `1.4.0-rc2`."""

    release: str
    number: int

    def __str__(self) -> str:
        return f"{self.release}-rc{self.number}"


def is_release_version(text: str) -> bool:
    """Return whether candidates of this version can be cut: 1 to 100 characters that git allows in a tag."""
    return (
        _RELEASE.fullmatch(text) is not None
        and ".." not in text
        and not text.endswith((".", ".lock"))
        and release_part(text) == text
    )


def parse_candidate_version(text: object) -> CandidateVersion:
    """Parse `<release version>-rc<N>`; refuse anything else, including numbers above 999,999 and leading zeros.

    If it is nearly one, the refusal has the right spelling.
    """
    if isinstance(text, str):
        release, separator, number = text.rpartition("-rc")
        if separator and _NUMBER.fullmatch(number) and is_release_version(release):
            return CandidateVersion(release, int(number))
    raise Refusal(INVALID, expected=_spelling(text) or "<release version>-rc<number>, as in 1.4.0-rc2")


def is_candidate_version(text: str) -> bool:
    """Return whether a text is `<release version>-rc<N>`."""
    try:
        parse_candidate_version(text)
    except Refusal:
        return False
    return True


@dataclass(frozen=True)
class RequestedVersion:
    """A release to cut a candidate of. `number` None stands for the next candidate number."""

    release: str
    number: int | None = None


def parse_requested_version(text: str) -> RequestedVersion:
    """Parse what a person wrote as a release version, or as a candidate version with its number.

    Refuses anything else, and a text that nearly spells a candidate version, such as `1.4.0-rc.1`.
    """
    if is_release_version(text) and _NEARLY_CANDIDATE.fullmatch(text) is None:
        return RequestedVersion(_refuse_marked(text))
    version = parse_written_candidate(text)
    return RequestedVersion(version.release, version.number)


def parse_written_candidate(text: str) -> CandidateVersion:
    """Parse what a person wrote as a candidate version. Refuses a release that looks like a candidate's, too."""
    version = parse_candidate_version(text)
    _refuse_marked(version.release)
    return version


def looks_like_candidate(text: str) -> bool:
    """Return whether a text is a candidate version or nearly spells one, rather than the name of an environment."""
    nearly = _NEARLY_CANDIDATE.fullmatch(text) if len(text) <= MAX_SPELLED else None
    return nearly is not None and re.search("[0-9]", nearly["release"] or "") is not None


def _spelling(text: object) -> str | None:
    """The candidate version that a text nearly spells, such as `1.4.0-rc1` for `1.4.0rc01`; None if it spells none."""
    nearly = _NEARLY_CANDIDATE.fullmatch(text) if isinstance(text, str) and len(text) <= MAX_SPELLED else None
    if nearly is None or nearly["release"] is None or not is_release_version(nearly["release"]):
        return None
    number = nearly["number"].lstrip("0") or "0"
    if _NUMBER.fullmatch(number) is None:
        return None
    return f"{nearly['release']}-rc{number if nearly['number'] else '<number>'}"


def _refuse_marked(release: str) -> str:
    """Refuse a release version that looks like a candidate's, such as `1.4.0-rc.1.2`; otherwise return it."""
    if mark := _CANDIDATE_MARK.search(release):
        raise Refusal(INVALID, expected=f"{release[: mark.start()]}-rc<number>")
    return release


def release_part(text: str) -> str:
    """The release version in a text that is one, or a candidate version."""
    return re.sub(r"-rc[0-9]+\Z", "", text)


def without_prefix(text: str, prefix: str) -> str | None:
    """A version without the prefix of a project's tags, whatever its case; None if it does not begin with that."""
    bare = text[len(prefix) :]
    return bare if text.lower().startswith(prefix.lower()) and bare[:1].isdecimal() else None


def fits_scheme(release: str, scheme: str) -> bool:
    """Return whether a release version follows a scheme: `any`, `semver` or `calver` (24.04, 2026.11.3)."""
    if scheme == "semver":
        return semver.Version.is_valid(release)
    if scheme == "calver":
        return _CALVER.fullmatch(release) is not None
    return True


def check_scheme(release: str, scheme: str) -> None:
    """Refuse a release version that does not follow the project's scheme."""
    if not fits_scheme(release, scheme):
        example = _fitting(release, scheme) or _EXAMPLES[scheme]
        raise Refusal(INVALID, expected=f"a {scheme} release version, as in {example}", version_scheme=scheme)


def _fitting(release: str, scheme: str) -> str | None:
    """The version of a scheme that a release version means: without `v`, and in SemVer with three numbers."""
    bare = re.sub(r"\Av(?=[0-9])", "", release, flags=re.IGNORECASE)
    if scheme == "semver" and re.fullmatch(r"[0-9]+(\.[0-9]+){0,2}", bare):
        numbers = [str(int(number)) for number in bare.split(".")]
        bare = ".".join([*numbers, "0", "0"][:3])
    return bare if fits_scheme(bare, scheme) else None


def next_release(scheme: str, known: Iterable[str], bump: str, today: date) -> str:
    """Return the version after the highest known one: SemVer by `bump`, CalVer by date in the format used so far."""
    valid = [version for version in known if fits_scheme(version, scheme)]
    if scheme == "semver":
        return _next_semver(valid, bump)
    if scheme == "calver":
        return _next_calver(valid, today)
    raise Refusal("The project's version scheme is `any`: set it to `semver` or `calver` to get the next version.")


def parse_bump(value: object) -> str:
    """Parse which part of a SemVer version to increase."""
    if value not in BUMPS:
        raise Refusal(f"`bump` must be one of {', '.join(BUMPS)}.", field="bump")
    return str(value)


def _next_semver(known: list[str], bump: str) -> str:
    method = f"bump_{parse_bump(bump)}"
    if not known:
        return "0.1.0"
    return str(getattr(max(map(semver.Version.parse, known)), method)())


def _next_calver(known: list[str], today: date) -> str:
    if not known:
        return f"{today.year}.{today.month:02}.0"
    latest = max(known, key=_calver_key)
    parts = latest.split(".")
    if _calver_key(latest)[:2] < (today.year, today.month):
        padded = all(len(version.split(".")[1]) == 2 for version in known)
        month = f"{today.month:02}" if padded else str(today.month)
        return ".".join([str(today.year)[-len(parts[0]) :], month, *("0" for _ in parts[2:])])
    if len(parts) == 2:
        return f"{latest}.1"
    return ".".join([*parts[:-1], str(int(parts[-1]) + 1)])


def _calver_key(version: str) -> tuple[int, ...]:
    year, *rest = map(int, version.split("."))
    return (year if year >= 1000 else 2000 + year, *rest)


def next_number(taken: Iterable[int]) -> int:
    """Return the number of a release's next candidate: from 1 to MAX_CANDIDATE_NUMBER."""
    number = max([0, *taken]) + 1
    if number > MAX_CANDIDATE_NUMBER:
        raise Refusal(INVALID, expected=f"a release with fewer than {MAX_CANDIDATE_NUMBER:,} candidates")
    return number
