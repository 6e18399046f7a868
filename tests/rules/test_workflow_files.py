"""Which inputs a workflow file declares, as GitHub Actions reads it, and what is said about files that it refuses."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.workflow_files import MAX_CHARACTERS, MAX_DEPTH, InvalidWorkflow, read_workflow

PATH = ".github/workflows/build.yml"
MIB = MAX_CHARACTERS


def with_inputs(inputs: str) -> str:
    return f"on: {{workflow_dispatch: {{inputs: {inputs}}}}}"


def laughs(levels: int, width: int, kind: str = "[]") -> str:
    """A short file whose aliases stand for `width ** levels` values."""
    lines = [f"l0: &l0 {kind[0]}{'a: x' if kind == '{}' else 'x'}{kind[1]}"]
    for level in range(1, levels):
        aliases = [f"*l{level - 1}"] * width
        entries = [f"k{number}: {alias}" for number, alias in enumerate(aliases)] if kind == "{}" else aliases
        lines.append(f"l{level}: &l{level} {kind[0]}{', '.join(entries)}{kind[1]}")
    return "\n".join([*lines, "on: workflow_dispatch", ""])


def merges(levels: int) -> str:
    """A file that merges a mapping into the next one many times."""
    lines = ["l0: &l0 {a: x}"]
    lines += [f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * 9)}], k{n}: x}}" for n in range(1, levels)]
    return "\n".join([*lines, "on: workflow_dispatch", ""])


DECLARED = [  # files, and the inputs that they declare
    ("on: workflow_dispatch", set()),
    ("on: [push, workflow_dispatch]", set()),
    ("on: {push: , workflow_dispatch: }", set()),
    ("'on': {workflow_dispatch: ~}", set()),
    ('"on": {workflow_dispatch: null}', set()),
    ("? on\n: workflow_dispatch\n", set()),
    ("on: {workflow_dispatch: {}}", set()),
    (with_inputs(""), set()),
    (with_inputs("~"), set()),
    (with_inputs("{a: , b: {required: true}, c-d: {type: choice, options: [1, 2]}}"), {"a", "b", "c-d"}),
    (with_inputs("{'yes': {}, no: {}, 1.0: {}, 2024-13-45: {}, '=': {}}"), {"yes", "no", "1.0", "2024-13-45", "="}),
    # values that YAML 1.1 reads as dates, numbers or whatever, and stumbles over
    ("env: {a: 2024-13-45, b: =, c: 99:99:99, d: 0o9, e: 1__0, f: !!int x, g: .}\non: workflow_dispatch", set()),
    ("env: {a: !!timestamp x, b: !!binary x, c: !<tag:x> y, d: !local z}\non: workflow_dispatch", set()),
    ("env: {a: 2001-02-30T25:61:61Z, b: +.inf, c: 0x, d: 1e99999}\non: workflow_dispatch", set()),
    ("env: {<<: x}\non: workflow_dispatch", set()),
    ("env: {<<: [1, 2], =: 3}\non: workflow_dispatch", set()),
    ("env: {? {a: b} : c, ? [d] : e}\non: workflow_dispatch", set()),
    ("env: {a: 1, a: 2}\non: workflow_dispatch", set()),
    # anchors and aliases
    ("on: {workflow_call: {inputs: &i {a: , b: }}, workflow_dispatch: {inputs: *i}}", {"a", "b"}),
    ("x: &on {workflow_dispatch: {inputs: {a: }}}\non: *on", {"a"}),
    ("x: &name workflow_dispatch\non: *name", set()),
    ("x: &name workflow_dispatch\non: [*name]", set()),
    ("x: &k a\n" + with_inputs("{*k : , b: *k }"), {"a", "b"}),
    ("x: &i {a: }\ny: &i {b: }\n" + with_inputs("*i"), {"b"}),
    (laughs(4, 9), set()),
    (merges(4), set()),
    # forms of text
    ("\ufeffon: workflow_dispatch", set()),
    ("on: workflow_dispatch\r\njobs:\r\n", set()),
    ("%YAML 1.2\n---\non: workflow_dispatch\n...\n", set()),
    ("# %\n---\non: workflow_dispatch # *a\n", set()),
    ("name: é 🚢\non: workflow_dispatch", set()),
    ("on: workflow_dispatch\njobs: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1), set()),
    ("on: workflow_dispatch\nx: |\n" + "  %TAG\n" * 100, set()),
    ("on: workflow_dispatch\nx: " + "y" * (MIB - 30), set()),
]
NO_TRIGGER = "has no `workflow_dispatch` trigger: add `on: workflow_dispatch` to it"
TOO_MANY = "has more than 50,000 values when its aliases are written out"
REFUSED = [  # files, and what is said about them
    ("", NO_TRIGGER),
    ("# nothing\n", NO_TRIGGER),
    ("{}", NO_TRIGGER),
    ("on:", NO_TRIGGER),
    ("on: push", NO_TRIGGER),
    ("on: []", NO_TRIGGER),
    ("on: [[workflow_dispatch]]", NO_TRIGGER),
    ("on: [{workflow_dispatch: }]", NO_TRIGGER),
    ("on: {push: {workflow_dispatch: }}", NO_TRIGGER),
    ("On: workflow_dispatch", NO_TRIGGER),
    ("true: workflow_dispatch", NO_TRIGGER),
    ("yes: {workflow_dispatch: }", NO_TRIGGER),
    ("jobs: {on: workflow_dispatch}", NO_TRIGGER),
    ("null", "must have a mapping of names to values"),
    ("- on: workflow_dispatch", "must have a mapping of names to values"),
    ("workflow_dispatch", "must have a mapping of names to values"),
    ("on: {workflow_dispatch: true}", "must have a mapping of names to values as `workflow_dispatch`"),
    ("on: {workflow_dispatch: ''}", "must have a mapping of names to values as `workflow_dispatch`"),
    ("on: {workflow_dispatch: [inputs]}", "must have a mapping of names to values as `workflow_dispatch`"),
    (with_inputs("[a, b]"), "must have a mapping of names to values as `inputs`"),
    (with_inputs("a"), "must have a mapping of names to values as `inputs`"),
    (with_inputs("2024-13-45"), "must have a mapping of names to values as `inputs`"),
    (with_inputs("{? {a: b} : c}"), "has a list or a mapping for a name as `inputs`"),
    ("? [a]\n: b\non: workflow_dispatch", "has a list or a mapping for a name"),
    (with_inputs("{<<: {a: }}"), "merges entries with `<<`, which GitHub Actions does not do"),
    ("x: &x {a: }\non: {workflow_dispatch: {<<: *x}}", "merges entries with `<<`"),
    ("x: &x {workflow_dispatch: }\non: {<<: *x}", "merges entries with `<<`"),
    (with_inputs("{a: , A: }"), "has `A` twice: remove one"),
    ("on: workflow_dispatch\non: push", "has `on` twice: remove one"),
    # aliases
    ("on: *nowhere", "has no anchor `nowhere`"),
    ("on: &a {workflow_dispatch: *a}", "has the alias `a` within what it stands for"),
    ("x: &a\n  b: &b [*a, *b]\non: workflow_dispatch", "has the alias `a` within what it stands for"),
    ("&root {on: workflow_dispatch, jobs: *root}", "has the alias `root` within what it stands for"),
    ("x: &a {<<: *a}\non: workflow_dispatch", "has the alias `a` within what it stands for"),
    (laughs(12, 9), TOO_MANY),
    (laughs(30, 9), TOO_MANY),
    (laughs(12, 9, "{}"), TOO_MANY),
    (merges(12), TOO_MANY),
    (laughs(60, 1), "is nested more than 50 levels deep"),
    # sizes
    ("- x\n" * 60_000, TOO_MANY),
    ("[" * 100_000, "is nested more than 50 levels deep"),
    ("{" * 100_000, "is nested more than 50 levels deep"),
    ("- " * 100_000, "is nested more than 50 levels deep"),
    ("? " * 100_000, "is nested more than 50 levels deep"),
    ("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH, "is nested more than 50 levels deep"),
    ("x" * (MIB + 1), "has more than 1,048,576 characters"),
    ("é" * (MIB + 1), "has more than 1,048,576 characters"),
    ("x" * (5 * MIB), "has more than 1,048,576 characters"),
    ("".join(f"%TAG !a{n}! tag:x\n" for n in range(40_000)), "has more than 5 lines that begin with `%`"),
    ("%\n" * (MIB // 2), "has more than 5 lines that begin with `%`"),
    # no YAML, or not one document of it
    ("on: [", "is not valid YAML: correct it in line 2."),
    ("on: workflow_dispatch\n  jobs: x", "is not valid YAML: correct it in line 2."),
    ("a: 'x", "is not valid YAML: correct it"),
    ("on:\n\t- workflow_dispatch", "is not valid YAML: correct it"),
    ("on: \0", "is not valid YAML: correct it"),
    ("on: \x1b", "is not valid YAML: correct it"),
    ("%YAML 9.9\n---\non: workflow_dispatch", "is not valid YAML: correct it"),
    ("on: workflow_dispatch\n---\non: workflow_dispatch", "holds several documents: keep one"),
    ("---\n" * 1000, "holds several documents: keep one"),
]
BYTES = [
    (b"\xff\xfe" + "on: workflow_dispatch".encode("utf-16-le"), "is not in UTF-8: save it as such"),
    ("on: workflow_dispatch".encode("utf-32"), "is not in UTF-8: save it as such"),
    (b"on: workflow_dispatch # caf\xe9", "is not in UTF-8: save it as such"),
    (b"\xed\xa0\x80", "is not in UTF-8: save it as such"),
    ("on: workflow_dispatch".encode("utf-16-be"), "is not valid YAML: correct it"),
    (bytes(MIB), "is not valid YAML: correct it"),
]


@pytest.mark.parametrize(("text", "inputs"), DECLARED, ids=[repr(text[:60]) for text, _ in DECLARED])
def test_the_inputs_that_a_file_declares(text: str, inputs: set[str]) -> None:
    assert read_workflow(text.encode(), PATH).inputs == inputs


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(text.encode(), sentence) for text, sentence in REFUSED] + BYTES,
    ids=lambda value: repr(value[:60]),
)
def test_a_file_that_github_could_not_start_is_refused_with_what_to_correct(content: bytes, sentence: str) -> None:
    with pytest.raises(InvalidWorkflow) as refused:
        read_workflow(content, PATH)
    assert refused.value.sentence.startswith(f"`{PATH}` {sentence}")
    assert refused.value.sentence.endswith(".") and len(refused.value.sentence) < 200


@pytest.mark.parametrize("text", [text for text, _ in REFUSED if len(text) < 5_000], ids=lambda text: repr(text[:60]))
def test_a_short_file_is_read_in_no_time(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidWorkflow):
        read_workflow(text.encode(), PATH)
    assert time.process_time() - begun < 0.2


LINES = st.sampled_from(
    [
        *("on:", "on: workflow_dispatch", "  workflow_dispatch:", "    inputs:", "      a: {type: string}", "      b:"),
        *("- &a x", "  - *a", "&b", "*b", "<<: *a", "? [", "]", "{", "}", "!!int", "|", ">-", "---", "...", "%TAG ! x"),
        *(
            "2024-13-45",
            "=",
            "'",
            '"',
            "\t",
            "#",
            ":",
            ",",
            "\u2028",
            "é",
            "\x85",
            "~",
            "a: &a {b: *a}",
            "!<",
            "@",
            "`",
        ),
    ]
)


@given(st.lists(LINES, max_size=30).map("\n".join) | st.text() | st.lists(LINES).map("".join))
def test_whatever_a_file_holds_it_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        assert all(isinstance(name, str) for name in read_workflow(text.encode("utf-8", "replace"), PATH).inputs)
    except InvalidWorkflow as refused:
        assert refused.sentence.startswith(f"`{PATH}` ") and refused.sentence.endswith(".")


@given(st.binary(max_size=200))
def test_whatever_bytes_a_file_has_they_are_read_or_refused(content: bytes) -> None:
    try:
        read_workflow(content, PATH)
    except InvalidWorkflow as refused:
        assert refused.sentence


JOBS = [  # jobs, the environments in which they make deployments, and whether these are all
    ("{}", set(), True),
    ("{a: {runs-on: x}}", set(), True),
    ("{a: {environment: Production}}", {"production"}, True),
    ("{a: {environment: {name: qa, url: x}}, b: {environment: qa}}", {"qa"}, True),
    ("{a: {environment: {name: qa, deployment: false}}}", set(), True),
    ("{a: {environment: {name: qa, deployment: true}}}", {"qa"}, True),
    ("{a: {environment: '${{ inputs.environment }}'}}", set(), False),
    ("{a: {environment: {name: '${{ inputs.environment }}'}}, b: {environment: qa}}", {"qa"}, False),
    ("{a: {uses: ./.github/workflows/b.yml}}", set(), False),
    ("{a: {steps: [{uses: actions/checkout@v4}]}}", set(), True),
    ("{a: {environment: }}", set(), True),
    ("{a: {environment: {url: x}}}", set(), False),
    ("[a, b]", set(), True),
    ("text", set(), True),
    ("{a: text, b: [x]}", set(), True),
    ("{a: &a {environment: qa}, b: *a}", {"qa"}, True),
]


@pytest.mark.parametrize("jobs, environments, is_complete", JOBS)
def test_environments_of_jobs_are_read(jobs: str, environments: set[str], is_complete: bool) -> None:
    workflow = read_workflow(f"on: workflow_dispatch\njobs: {jobs}\n".encode(), PATH)
    assert (set(workflow.environments), workflow.is_complete) == (environments, is_complete)


def test_whether_a_job_makes_a_deployment_in_an_environment() -> None:
    workflow = read_workflow(b"on: workflow_dispatch\njobs: {a: {environment: QA}}\n", PATH)
    assert (workflow.uses("qa"), workflow.uses("prod")) == ("yes", "no")
    workflow = read_workflow(b"on: workflow_dispatch\njobs: {a: {environment: QA}, b: {uses: x}}\n", PATH)
    assert (workflow.uses("Qa"), workflow.uses("prod")) == ("yes", "maybe")


def test_the_title_of_runs_and_the_environments_without_a_deployment_are_read() -> None:
    text = """
    run-name: deploy ${{ inputs.deployment_id }}
    on: workflow_dispatch
    jobs:
      a: {environment: {name: staging, deployment: false}}
      b: {environment: {name: production, deployment: true}}
      c: {environment: {name: "${{ inputs.environment }}", deployment: False}}
    """
    workflow = read_workflow(text.encode(), PATH)
    assert workflow.run_name == "deploy ${{ inputs.deployment_id }}"
    assert workflow.without_deployment == {"staging", "${{ inputs.environment }}"}
    assert workflow.environments == {"production"}
    assert read_workflow(b"on: workflow_dispatch\nrun-name: [a]", PATH).run_name == ""
