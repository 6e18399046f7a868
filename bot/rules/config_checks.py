"""What the configuration file says in one place about another: whether both fit together.

These checks read the nodes, so that they find what is wrong beside other errors. What is of the wrong kind they pass
over: the model refuses it.
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from bot.rules.config_nodes import MAX_QUOTED, ConfigError, Node
from bot.rules.names import in_words, nearest
from bot.rules.releases import make_permalink
from bot.rules.tag_prefixes import Reserved, overlaps

_TAGS = ("candidates", "triggers")
MAX_COMPARED = 50  # projects or environments; the model refuses more


def check(root: Node) -> Iterator[ConfigError]:
    """Everything in a file that does not fit to something else in it."""
    projects = _entries(root, "projects")
    yield from _alike(projects, "projects")
    yield from _same_permalink(projects)
    yield from _overlapping(projects)
    for key, project in projects:
        path = f"projects.{key.text}"
        environments = _entries(project, "environments")
        names = [each.text for each, _ in environments]
        yield from _alike(environments, f"{path}.environments")
        yield from _promotion(project, path, names)
        for own, environment in environments:
            yield from _unknown_after(own.text, environment, f"{path}.environments.{own.text}.after", names)
        yield from _circle(environments, f"{path}.environments")


def _entries(node: Node, name: str) -> list[tuple[Node, Node]]:
    found = node.entry(name)
    return [] if found is None else list(found[1].entries())[:MAX_COMPARED]


def _error(node: Node, path: str, sentence: str) -> ConfigError:
    return ConfigError(node.line, node.column, path[:200], sentence)


def _quoted(text: str) -> str:
    return f"`{text[:MAX_QUOTED]}`"


def _alike(entries: list[tuple[Node, Node]], path: str) -> Iterator[ConfigError]:
    """Names that differ only in case, which GitHub and people take for the same."""
    known: dict[str, Node] = {}
    for key, _ in entries:
        other = known.setdefault(key.text.lower(), key)
        if other is not key:
            sentence = f"{_quoted(key.text)} differs only in case from {_quoted(other.text)} in line {other.line}."
            yield _error(key, f"{path}.{key.text}", sentence)


def _same_permalink(projects: list[tuple[Node, Node]]) -> Iterator[ConfigError]:
    """Names of which the same permalink is made, or none."""
    known: dict[str, Node] = {}
    for key, _ in projects:
        permalink = make_permalink(key.text[:200])
        other = known.setdefault(permalink, key)
        path = f"projects.{key.text}"
        if not permalink:
            yield _error(key, path, f"{_quoted(key.text)} has no letter from which its address could be made.")
        elif other is not key and other.text.lower() != key.text.lower():
            sentence = f"{_quoted(key.text)} would have the address `{permalink}`, as {_quoted(other.text)} has."
            yield _error(key, path, sentence)


def _overlapping(projects: list[tuple[Node, Node]]) -> Iterator[ConfigError]:
    """Tag prefixes of a project that are equal, and those that another project's begins with or begins."""
    taken: list[Reserved] = []
    for key, project in projects:
        own = {name: entry for name in _TAGS if (entry := project.entry("tags", name)) is not None}
        texts = {name: entry[1].text for name, entry in own.items() if entry[1].kind == "text" and entry[1].text}
        path = f"projects.{key.text}.tags"
        if len(texts) == len(_TAGS) and len(set(texts.values())) == 1:
            yield _error(own["triggers"][0], f"{path}.triggers", "It must differ from `candidates`.")
        for overlap in overlaps(texts, taken, ()):
            yield _error(own[overlap.field][0], f"{path}.{overlap.field}", overlap.sentence(None))
        taken += [Reserved(prefix, name, key.text[:MAX_QUOTED]) for name, prefix in texts.items()]


def _promotion(project: Node, path: str, names: list[str]) -> Iterator[ConfigError]:
    entry = project.entry("tags", "promote_on_tag")
    if entry is not None and entry[1].kind == "text" and not entry[1].is_null and entry[1].text not in names:
        yield _error(entry[1], f"{path}.tags.promote_on_tag", _not_there(entry[1].text, names))


def _unknown_after(own: str, environment: Node, path: str, names: list[str]) -> Iterator[ConfigError]:
    for number, item in enumerate(_after(environment)):
        if item.text == own:
            yield _error(item, f"{path}.{number}", "An environment cannot come after itself.")
        elif item.text not in names:
            yield _error(item, f"{path}.{number}", _not_there(item.text, names))


def _after(environment: Node) -> list[Node]:
    entry = environment.entry("after")
    return [] if entry is None else [item for item in entry[1].items() if item.kind == "text"]


def _not_there(name: str, names: list[str]) -> str:
    meant = nearest(name, names)
    known = f"Did you mean `{meant}`?" if meant else f"There are {in_words(names[:10]) or 'none'}."
    return f"The project has no environment {_quoted(name)}. {known}"


def _circle(environments: list[tuple[Node, Node]], path: str) -> Iterator[ConfigError]:
    """Environments that come after each other, so that none could be the first. Of several circles, one is told."""
    arrows = {
        key.text: {item.text for item in _after(environment) if item.text != key.text}
        for key, environment in environments
    }
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        first = next(entry for entry in environments if entry[0].text in circle)
        own = first[0].text
        start = circle.index(own)
        ordered = [*circle[start:-1], *circle[:start], own]
        where = first[1].entry("after")
        if where is not None:
            steps = " after ".join(_quoted(name) for name in ordered)
            yield _error(where[0], f"{path}.{own}.after", f"No environment could be the first: {steps}.")
