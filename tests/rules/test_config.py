"""Reading `.github/longshore.yml`: what it may say, and the line of everything that is wrong."""

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.config import ConfigFile, load
from bot.rules.config_nodes import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_ERRORS, MAX_NODES, ConfigErrors

EXAMPLE = """\
version: 1
command: /ship
projects:
  site:
    paths: ["web/**", "!web/docs/**"]
    versions: semver
    branches: [main, "release/*"]
    tags: {candidates: rc/, triggers: v, promote_on_tag: production}
    build:
      workflow: build.yml
      inputs: {channel: beta, release: "${{ candidate.version }}"}
      deadline: 90m
    show: {comments: false}
    environments:
      staging: {tier: staging, workflow: deploy.yml, auto: true}
      production:
        tier: production
        workflow: deploy.yml
        inputs: {target: eu}
        url: https://example.com/
        after: [staging]
        soak: 30m
        checks: [ci/test, "lint*", {name: build, app: github-actions}]
        approvals: {count: 2, from: [role:maintain, team:acme/release, user:octocat]}
        deployers: [team:acme/sre]
        force: false
        windows: [{deny: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14", for: 66h, timezone: Europe/Berlin, reason: weekend}]
        wait_at_most: 3d
"""
PRODUCTION = "projects.site.environments.production"
START = "version: 1\nprojects:\n  site:\n"


def errors(text: str | bytes) -> list[tuple[int, str, str]]:
    """The line, path and sentence of everything that is wrong."""
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigErrors) as raised:
        load(content)
    assert raised.value.errors
    return [(error.line, error.path, error.sentence) for error in raised.value.errors]


def project(text: str) -> str:
    """A file with these settings of its project, which begin in line 4."""
    return START + "".join(f"    {line}\n" for line in text.splitlines())


def environment(text: str) -> str:
    """A file with these settings of its environment, which begin in line 7."""
    return project(
        "environments:\n  production:\n    tier: production\n" + "".join(f"    {x}\n" for x in text.splitlines())
    )


def read(text: str) -> ConfigFile:
    return load(text.encode())


# --- what it says


def test_every_setting_of_the_example_is_read() -> None:
    config = read(EXAMPLE).config
    site = config.projects["site"]
    production = site.environments["production"]
    assert config.command == "/ship"
    assert (site.paths, site.versions, site.branches) == (("web/**", "!web/docs/**"), "semver", ("main", "release/*"))
    assert (site.tags.candidates, site.tags.triggers, site.tags.promote_on_tag) == ("rc/", "v", "production")
    assert site.build.inputs == {"channel": "beta", "release": "${{ candidate.version }}"}
    assert site.build.deadline == timedelta(minutes=90)
    assert (site.show.comments, site.show.checks) == (False, True)
    assert list(site.environments) == ["staging", "production"]
    assert production.approvals.from_ == ("role:maintain", "team:acme/release", "user:octocat")
    assert (production.soak, production.force, production.windows[0].reason) == (
        timedelta(minutes=30),
        False,
        "weekend",
    )


def test_the_settings_of_gates_are_those_that_are_written() -> None:
    environments = read(EXAMPLE).config.projects["site"].environments
    assert environments["staging"].gates().model_fields_set == {"auto"}
    assert environments["production"].gates().model_fields_set == {
        "after", "soak", "checks", "approvals", "deployers", "force", "windows", "wait_at_most",
    }  # fmt: skip


def test_a_file_knows_the_lines_of_its_settings() -> None:
    file = read(EXAMPLE)
    assert file.line("projects", "site") == 4
    assert file.line("projects", "site", "environments", "production", "soak") == 22
    assert file.line("projects", "site", "environments", "staging", "auto") == 15
    assert file.line("projects", "shop") is None


@pytest.mark.parametrize(
    "text", ["on", "no", "1.10", "1e3", "0o17", "2026-11-03", "true", "3", "=", "12:30:45", "null x"]
)
def test_text_is_read_as_it_is_written(text: str) -> None:
    config = read(project(f"build: {{inputs: {{a: {text}}}}}")).config
    assert config.projects["site"].build.inputs == {"a": text}


def test_names_are_read_as_they_are_written() -> None:
    text = "version: 1\nprojects:\n  on:\n    environments: {1.10: {tier: staging}, no: {tier: staging}}\n"
    assert list(read(text).config.projects["on"].environments) == ["1.10", "no"]


def test_a_project_without_settings_has_the_defaults() -> None:
    site = read("version: 1\nprojects: {site: }").config.projects["site"]
    assert (site.paths, site.branches, site.versions, site.environments) == ((), None, "any", {})


def test_an_alias_stands_for_what_it_names() -> None:
    text = project("environments:\n  a: &a {tier: staging, soak: 5m, after: [c]}\n  b: *a\n  c: {tier: staging}")
    assert read(text).config.projects["site"].environments["b"].soak == timedelta(minutes=5)


# --- what is wrong, and where

WRONG = [
    ("version: 2\nprojects: {site: }", 1, "version", "version 1"),
    ("version: '1'\nprojects: {site: }", 1, "version", "whole number"),
    ("projects: {site: }", 1, "version", "required"),
    ("version: 1\n", 1, "projects", "required"),
    ("version: 1\nprojects: {}", 2, "projects", "at least 1"),
    ("version: 1\nprojects:\n", 2, "projects", "mapping"),
    ("version: 1\nprojects: [site]", 2, "projects", "mapping"),
    ("version: 1\nprojects: {a: }\nprojets: {site: }\n", 3, "projets", "Did you mean `projects`?"),
    ("version: 1\ncommand: ship\nprojects: {site: }", 2, "command", "form"),
    ("version: 1\nprojects:\n  a/b:\n", 3, "projects.a/b", "slashes"),
    (project("path: [a]"), 4, "projects.site.path", "`paths`"),
    (project("paths: a"), 4, "projects.site.paths", "list"),
    (project("paths: ['!a']"), 3, "projects.site", "what is the project's"),
    (project("paths: [a,\n  '[']"), 5, "projects.site.paths.1", "not closed"),
    (project("versions: zero"), 4, "projects.site.versions", "`semver`"),
    (project("branches: []"), 4, "projects.site.branches", "at least 1"),
    (project("branches:\n- main\n- release/**"), 6, "projects.site.branches.1", "`release/*`"),
    (project("tags: {candidates: v~}"), 4, "projects.site.tags.candidates", "git tag"),
    (project("tags: {candidates: v, triggers: v}"), 4, "projects.site.tags.triggers", "differ"),
    (project("tags: {promote_on_tag: x}"), 4, "projects.site.tags.promote_on_tag", "no environment `x`"),
    (project("build: {workflow: x.sh}"), 4, "projects.site.build.workflow", "workflow file"),
    (project("build: {inputs: {a b: c}}"), 4, "projects.site.build.inputs.a b", "form"),
    (project("build: {inputs: {a: [c]}}"), 4, "projects.site.build.inputs.a", "text"),
    (project("build: {inputs: {a: '${{ github.token }}'}}"), 4, "projects.site.build.inputs.a", "`candidate.version`"),
    (project("build: {inputs: {a: '${{ deployment.id }}'}}"), 4, "projects.site.build.inputs.a", "`candidate.version`"),
    (project("build: {deadline: 8d}"), 4, "projects.site.build.deadline", "7d"),
    (project("build: {deadline: 90s}"), 4, "projects.site.build.deadline", "whole minutes"),
    (project("build: {deadline: 60}"), 4, "projects.site.build.deadline", "30m"),
    (project("show: {comments: yes}"), 4, "projects.site.show.comments", "true or false"),
    (project("show: {comments: 'true'}"), 4, "projects.site.show.comments", "true or false"),
    (project("environments:\n  a: {}"), 5, "projects.site.environments.a.tier", "required"),
    (project("environments:\n  a:"), 5, "projects.site.environments.a.tier", "required"),
    (project("environments:\n  all: {tier: staging}"), 5, "projects.site.environments.all", "all environments"),
    (
        project("environments:\n  a: {tier: staging}\n  A: {tier: staging}"),
        6,
        "projects.site.environments.A",
        "only in case from `a` in line 5",
    ),
    (environment("after: [production]"), 7, f"{PRODUCTION}.after.0", "itself"),
    (environment("after:\n- stagin"), 8, f"{PRODUCTION}.after.0", "no environment `stagin`"),
    (environment("soak: 30"), 7, f"{PRODUCTION}.soak", "30m"),
    (environment("soak: 30m"), 5, PRODUCTION, "`after`"),
    (environment("downgrade: no"), 7, f"{PRODUCTION}.downgrade", "`refuse`"),
    (environment("checks: ['']"), 7, f"{PRODUCTION}.checks.0", "at least 1 character"),
    (environment("checks: [{name: a, ap: b}]"), 7, f"{PRODUCTION}.checks.0.ap", "`app`"),
    (environment("checks: [{app: b}]"), 7, f"{PRODUCTION}.checks.0.name", "required"),
    (environment("checks: [[a]]"), 7, f"{PRODUCTION}.checks.0", "must be"),
    (environment("approvals: 2"), 7, f"{PRODUCTION}.approvals", "mapping"),
    (environment("approvals: {count: two}"), 7, f"{PRODUCTION}.approvals.count", "number"),
    (environment("approvals: {count: 21}"), 7, f"{PRODUCTION}.approvals.count", "at most 20"),
    (environment("approvals: {from: []}"), 7, f"{PRODUCTION}.approvals", "names nobody"),
    (environment("approvals: {from_: [user:a]}"), 7, f"{PRODUCTION}.approvals.from_", "`from`"),
    (environment("approvals: {from: [boss]}"), 7, f"{PRODUCTION}.approvals.from.0", "`user:LOGIN`"),
    (environment("deployers: [user:a]\nauto: true"), 5, PRODUCTION, "`deployers`"),
    (environment("windows: [{for: 3h}]"), 7, f"{PRODUCTION}.windows.0", "`deny` or `allow`"),
    (environment("windows: [{deny: x, for: 3h}]"), 7, f"{PRODUCTION}.windows.0.deny", "RFC 5545"),
    (environment("windows: [{deny: FREQ=DAILY}]"), 7, f"{PRODUCTION}.windows.0.for", "required"),
    (environment("url: javascript:x"), 7, f"{PRODUCTION}.url", "https://"),
    (environment("url: https://me:secret@example.com/"), 7, f"{PRODUCTION}.url", "https://"),
    (environment("frozen: true"), 7, f"{PRODUCTION}.frozen", "not known"),
    (
        "version: 1\nprojects:\n  a: {tags: {triggers: v}}\n  b: {tags: {triggers: v1}}",
        4,
        "projects.b.tags.triggers",
        "`v1` begins with `v`",
    ),
    ("version: 1\nprojects:\n  a:\n  A:\n", 4, "projects.A", "only in case"),
    ("version: 1\nprojects:\n  a b:\n  a-b:\n", 4, "projects.a-b", "the address `a-b`"),
    ("version: 1\nprojects:\n  '\u65e5\u672c':\n", 3, "projects.\u65e5\u672c", "no letter"),
    # YAML
    ("", 1, "", "empty"),
    ("# only this\n", 1, "", "empty"),
    ("- a", 1, "", "mapping of names"),
    ("version: 1\nprojects: {\n", 3, "", "not valid YAML"),
    ("version: 1\n\tprojects: {}\n", 2, "", "not valid YAML"),
    ("version: 1\nversion: 1\nprojects: {a: }", 2, "version", "in line 1 already"),
    (environment("soak: 1m\nsoak: 2m"), 8, f"{PRODUCTION}.soak", "in line 7 already"),
    ("version: 1\n---\nprojects: {}", 2, "", "several documents"),
    ("%YAML 1.1\n---\nversion: 1", 1, "", "`%`"),
    ("version: !!int 1\n", 1, "", "Tags"),
    ("version: !!python/object/apply:os.system [x]\n", 1, "", "Tags"),
    ("version: 1\nprojects: *a\n", 2, "", "no anchor `a`"),
    ("version: 1\nprojects: &a {b: *a}\n", 2, "", "within what it stands for"),
    ("a: &a {x: y}\nb: {<<: *a}\n", 2, "", "`<<`"),
    ("? [a]\n: b\n", 1, "", "cannot be a name"),
    ("version: \u0007\n", 1, "", "does not allow"),
    ("version: 1\n" + "x: " + "[" * (MAX_DEPTH + 1), 2, "", "nested"),
    ("version: 1\nx: [" + "a, " * MAX_NODES + "]", 2, "", "2,000 values"),
    ("a: &a b\nc: [" + "*a, " * (MAX_ALIASES + 1) + "]", 2, "", "100 aliases"),
    ("#" * MAX_BYTES + "x", 1, "", "65,536"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "path", "words"), WRONG, ids=lambda value: ascii(value)[-50:])
def test_what_is_wrong_is_said_with_its_line_and_path(text: str, line: int, path: str, words: str) -> None:
    found = errors(text)
    assert [(at, where) for at, where, _ in found] == [(line, path)]
    assert words in found[0][2]
    assert found[0][2].endswith((".", "?"))


def test_a_file_that_is_not_in_utf_8_is_refused_with_its_line() -> None:
    assert errors(b"version: 1\nprojects: {\xff: }")[0][0] == 2
    assert errors("version: 1".encode("utf-16"))


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_lines() -> None:
    text = EXAMPLE.replace("soak: 30m", "soak: x").replace("/ship", "ship").replace("[staging]", "[stagin]")
    text = text.replace("deadline: 90m", "dead_line: 90m")
    assert [(line, path.rpartition("projects.site.")[2]) for line, path, _ in errors(text)] == [
        (2, "command"),
        (12, "build.dead_line"),
        (21, "environments.production.after.0"),
        (22, "environments.production.soak"),
    ]


def test_environments_that_come_after_each_other_are_named_in_order() -> None:
    text = project(
        "environments:\n" + "".join(f"  {a}: {{tier: staging, after: [{b}]}}\n" for a, b in ("ab", "bc", "ca"))
    )
    assert [(line, sentence) for line, _, sentence in errors(text)] == [
        (5, "No environment could be the first: `a` after `b` after `c` after `a`.")
    ]


def test_only_the_first_errors_are_told() -> None:
    text = project("paths: [" + "'[', " * 50 + "]\nbranches: [" + "a..b, " * 20 + "]")
    with pytest.raises(ConfigErrors) as raised:
        load(text.encode())
    assert len(raised.value.errors) == MAX_ERRORS
    assert raised.value.has_more
    assert {error.line for error in raised.value.errors} == {4}


# --- hostile files


def laughs() -> str:
    lists = [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return "\n".join(["a: &a [x, x]", *lists])


def windows(count: int) -> str:
    rules = [f'{{deny: "FREQ=DAILY;BYHOUR={n % 24};BYMINUTE={n // 24}", for: 1h}}' for n in range(count)]
    names = range(0, count, 10)
    return project(
        "environments:\n"
        + "".join(f"  e{n}: {{tier: staging, windows: [{', '.join(rules[n : n + 10])}]}}\n" for n in names)
    )


HOSTILE = {
    "aliases of aliases": laughs(),
    "nested": "[" * 60_000,
    "anchors": "&a [" * 16_000,
    "unknown names": "version: 1\nprojects: {a: }\n" + "".join(f"commandx{n}: 1\n" for n in range(900)),
    "long unknown names": "version: 1\nprojects: {a: }\n" + "".join(f"{'command' * 8}{n}: 1\n" for n in range(900)),
    "projects": "version: 1\nprojects:\n" + "".join(f"  p{n}:\n" for n in range(900)),
    "unknown environments": "version: 1\nprojects:\n  p:\n    environments:\n      x: {tier: staging, after: &a ["
    + ", ".join(f"q{n}" for n in range(40))
    + "]}\n"
    + "".join(f"      p{n}: {{tier: staging, after: *a}}\n" for n in range(48)),
    "branches": "version: 1\nprojects:\n"
    + "".join(f"  p{n}: {{branches: [{', '.join(['..//**' * 30] * 20)}]}}\n" for n in range(15)),
    "placeholders": project("build: {inputs: {" + ", ".join(f"a{n}: '{'${{ ' * 250}'" for n in range(15)) + "}}"),
    "windows": windows(250),
    "a long name": "version: 1\n" + "x" * 65_000 + ": 1",
    "empty lines": "version: 1\n" + "\n" * 65_000,
    "questions": "? " * 32_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_does_not_block_the_event_loop(name: str) -> None:
    content = HOSTILE[name].encode()
    assert len(content) <= MAX_BYTES
    times = []
    for _ in range(5):  # the best of five: other processes share the machine
        begin = time.thread_time()
        try:
            load(content)
        except ConfigErrors as raised:
            assert len(raised.errors) <= MAX_ERRORS
        times.append(time.thread_time() - begin)
    assert min(times) < 0.05


@given(st.binary(max_size=200) | st.text("ab:-[]{}&*!?|>'\"%#,\n \t1", max_size=60).map(str.encode))
def test_whatever_is_read_is_a_file_or_errors(content: bytes) -> None:
    try:
        load(content)
    except ConfigErrors as raised:
        assert all(error.line >= 1 and error.sentence for error in raised.errors)


@given(st.data())
def test_a_mutilated_example_is_a_file_or_errors(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(EXAMPLE)))
    text = (
        EXAMPLE[:start]
        + data.draw(st.text("ab:[]{}*&\n '", max_size=4))
        + EXAMPLE[start + data.draw(st.integers(0, 9)) :]
    )
    try:
        load(text.encode())
    except ConfigErrors as raised:
        assert all(1 <= error.line <= text.count("\n") + 2 for error in raised.errors)
