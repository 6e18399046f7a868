"""Which responses match the documented one, and how sessions are parsed."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.docs.sessions import Step, difference, parse_steps

SHA, OTHER = "6dcb09b5b57875f334f61aebed695e2e4193db5e", "0123456789abcdef0123456789abcdef01234567"

MATCHING = [  # test ids are made of these and must be the same in every process, so times are filled in later
    ("", ""),
    ("", "\n"),
    ('{"a": 1, "b": [true, null]}', '{"b":[true,null],\n"a":1}'),
    ('{"id": 12, "run_id": 3, "x": [{"id": 1}]}', '{"id": 7, "run_id": 99, "x": [{"id": 2}]}'),
    ('{"at": "2024-01-01T00:00:00Z"}', '{"at": "SOON"}'),
    ('{"at": "2024-01-01T00:00:00Z"}', '{"at": "2024-01-01T00:00:00Z"}'),
    ('{"on": "2024-01-01"}', '{"on": "TODAY"}'),
    (f'"commit {SHA} of main"', f'"commit {OTHER} of main"'),
    ('"http://127.0.0.1:8080/api/x?a=1"', '"http://127.0.0.1:43215/api/x?a=1"'),
    ('"https://github.com/acme/site/actions/runs/77"', '"http://127.0.0.1:1/acme/site/actions/runs/8"'),
    ('{"token": "lsh_abc"}', '{"token": "lsh_Zy-9_x"}'),
    ('{"note": "a…z", "n": "…"}', '{"note": "a lot more z", "n": 7}'),
    ('{"a": 1, "…": "…"}', '{"a": 1, "b": 2}'),
    ('[{"id": 1}, "…"]', '[{"id": 5}, {"id": 4}, {"id": 3}]'),
    ("<release>\n<id>1</id>", "<release>\n<id>1</id>"),
    (
        'HTTP/1.1 200 OK\nLink: <http://x/y?page=2>; rel="next"\n\n[]',
        'HTTP/1.1 200 OK\r\nDate: x\r\nLink: <http://h:1/y?page=2>; rel="next"\r\n\r\n[]',
    ),
    ("HTTP/1.1 301 Moved Permanently\nLocation: /a/", "HTTP/1.1 301 Moved Permanently\r\nLocation: /a/\r\n\r\n"),
]
DIFFERING = [
    ("", "{}"),
    ("{}", ""),
    ('{"a": 1}', '{"a": 2}'),
    ('{"a": 1}', '{"a": 1, "b": 2}'),
    ('{"a": 1, "b": 2}', '{"a": 1}'),
    ('{"a": 1}', '{"a": "1"}'),
    ('{"a": 1}', '{"a": true}'),
    ('{"id": 1}', '{"id": null}'),
    ('{"id": 1}', '{"id": "1"}'),
    ('{"count": 1}', '{"count": 7}'),
    ("[1, 2]", "[1]"),
    ("[1]", "[1, 2]"),
    ("[]", "{}"),
    ('{"status": "ready"}', '{"status": "pending"}'),
    ('{"at": "2024-01-01T00:00:00Z"}', '{"at": "2024-01-01T00:00:01Z"}'),
    ('{"at": "2024-01-01T00:00:00Z"}', '{"at": "NOW"}'),
    ('{"at": "2024-01-01T00:00:00Z"}', '{"at": null}'),
    ('{"on": "2024-01-01"}', '{"on": "2024-01-02"}'),
    (f'"{SHA}"', f'"{OTHER[:-1]}"'),
    ('"http://127.0.0.1:8080/api/x"', '"http://127.0.0.1:8080/api/y"'),
    ("<a>1</a>", "<a>2</a>"),
    ("a\nb", "a"),
    ("HTTP/1.1 200 OK\n\n[]", "HTTP/1.1 201 Created\r\n\r\n[]"),
    ("HTTP/1.1 200 OK\nLink: x\n\n[]", "HTTP/1.1 200 OK\r\n\r\n[]"),
    ("HTTP/1.1 200 OK\n\n[]", "[]"),
]


def fill_in_times(text: str) -> str:
    """Replace NOW, SOON and TODAY by times around now."""
    now = datetime.now(UTC)
    soon = (now + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    return text.replace("SOON", soon).replace("NOW", now.isoformat()).replace("TODAY", str(now.date()))


@pytest.mark.parametrize(("documented", "actual"), MATCHING)
def test_values_that_may_vary_are_compared_by_type(documented: str, actual: str) -> None:
    assert difference(documented, fill_in_times(actual)) == ""


@pytest.mark.parametrize(("documented", "actual"), DIFFERING)
def test_everything_else_must_be_as_documented(documented: str, actual: str) -> None:
    assert difference(documented, fill_in_times(actual)) != ""


def test_a_diff_leaves_out_values_that_may_vary() -> None:
    documented = f'{{"id": 1, "commit": "{SHA}", "status": "ready"}}'
    diff = difference(documented, f'{{"id": 2, "commit": "{OTHER}", "status": "failed"}}')
    changed = [line for line in diff.splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ['-  "status": "ready"', '+  "status": "failed"']


PAGE = """
```console
$ longshore demo
```

```console
$ curl -s a \\
    -d x
{"a":
  1}

# Something happens.
$ curl -s b -d '{
  "x": "it'"'"'s"}'
$ curl -s c
text
```
"""


def test_a_session_is_parsed_into_commands_with_their_responses() -> None:
    assert list(parse_steps(PAGE)) == [
        Step(7, "curl -s a \\\n    -d x", '{"a":\n  1}'),
        Step(12, remark="Something happens."),
        Step(13, """curl -s b -d '{\n  "x": "it'"'"'s"}'"""),
        Step(15, "curl -s c", "text"),
    ]


@pytest.mark.parametrize("block", ["$ curl x\n$ rm y\n", "text\n$ curl x\n", "$ curl x\n```\n```console\n$ curl y"])
def test_malformed_sessions_are_refused(block: str) -> None:
    with pytest.raises(ValueError, match=r"only curl|no command|not closed"):
        list(parse_steps(f"```console\n{block}```\n"))
