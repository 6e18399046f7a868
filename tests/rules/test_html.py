"""Telling HTML from other text with angle brackets."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.html import ELEMENTS, TYPES, has_html

HTML = [
    *("<b>bold</b>", "<i>", "<s>", "<q>", "<u>", "<code>", "<B>", "</p>", "</b", "</script", "<br/>", "<br />", "<BR>"),
    *("<a href='x'>", "<a href", "x<a href", '<img src="a>b" onerror=alert(1)>', '<a title="<" onclick=x()>'),
    *("<script>", "<script", "x<script>alert(1)", "<SCRIPT SRC=x>", "<svg/onload=alert(1)>", "x<svg onload=y>"),
    *("<h1\nclass=x>", "<div\t>", "< <b>", "<<b>>", "<<script>", "<b\n>", "1 < 2 and <i>so</i> on", "<p class=x"),
    *("one<br>two", "x<td>y", "some<b>bold</b>", "text<a href=x>y</a>", "x<p/>", "x<input value=1>", "x<b/onclick=y>"),
    *("<!-- hidden -->", "<!--", "<!DOCTYPE html>", "<![CDATA[x]]>", "<?php echo 1 ?>", "<?xml version='1.0'?>"),
    *("<font color=red>", "<center>", "<marquee>", "<iframe", "<style>", "<title>", "<object data=x>", "<math>"),
    *(
        "<image src=x onerror=y>",
        "<x onclick=y>",
        "<thread\tonmouseover = 'y'",
        '<x a="b"onclick=y>',
        "<image src=//x/y.png>",
    ),
]
TEXT = [
    *("a < b", "<", "a<b", "x <5", "i <3 you", "a < b > c", "1 > 0", "->", "<-", "<=>", "<<EOF", "1<<2", "a <= b"),
    *("<bob@example.com>", "<@user>", "<https://example.com/>", "<mailto:b@example.com>", "&lt;b&gt;", "<b", "<>"),
    *("a<b but no end", "</>", "<1.0>", "<...>", "<$1>", "<%= x %>", "a <! b", "<!x>", "if x <b and y = 3 then"),
    *("<thread>", "<stdin>", "<name>", "<file>", "<branch-name>", "run <command> <image>", "<element>", "<path>"),
    *("List<String>", "Vec<T>", "<T: Clone>", "std::vector<int>", "vector< int >", "Map<String, Object>", "Map<a, b>"),
    *("<K, V>", "Foo<Bar<Baz>>", "List<Map<Object>>", "Class<?>", "List<? extends Foo>", "<T extends Foo>", "<'a>"),
    *("Vec<Object>", "Option<Output>", "Promise<void>", "Span<byte>", "Vec<u>", "collect::<Data>()", "List<Button>[]"),
    *("#include <stdio.h>", "#include <vector>", "template<typename T>", "operator<", "<-chan", "x<i && y>j", "a<b>c"),
    *('<include href="x"/>', '<job only="main" once="1">', "<Tab>", "<C-a>", "<u8>", "Promise<Body | null>"),
    *("for (i=0;i<a;i++)", "a<b and c>d", "<dependency>1</dependency>", '<server port="80">', "a<b/2"),
]


@pytest.mark.parametrize("text", HTML)
def test_elements_and_what_browsers_hide_are_html(text: str) -> None:
    assert has_html(text)


@pytest.mark.parametrize("text", TEXT)
def test_other_angle_brackets_are_text(text: str) -> None:
    assert not has_html(text)


@given(
    st.sampled_from(sorted(ELEMENTS)),
    st.text(),
    st.sampled_from(["", " ", "\n", ".", ">", '"']),
    st.text(),
    st.booleans(),
)
def test_a_tag_is_found_anywhere_in_a_text(name: str, before: str, at: str, after: str, upper: bool) -> None:
    name = name.upper() if upper else name
    apart = f"{before}{at or ' '}"
    for tag in (f"<{name}>", f"</{name}>", f"<{name} x='y'>", f"<{name}/x='y'>", f"<{name}\n>", f"<{name}/>"):
        assert has_html(f"{apart}{tag}{after}")
    assert has_html(f"{before}</{name}>{after}")
    assert has_html(f"{before}<{name} x='y'>{after}")


@given(st.sampled_from(sorted(TYPES)), st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*(::)?", fullmatch=True))
def test_the_name_of_a_type_after_a_word_is_text(name: str, word: str) -> None:
    assert not has_html(f"{word}<{name}>") and not has_html(f"{word}<{name.title()}>()")
    assert has_html(f"{word} <{name}>") and has_html(f"{word}<{name}>x</{name}>")


@given(st.from_regex(r"[a-z][a-z0-9_-]*", fullmatch=True).filter(lambda name: name not in ELEMENTS))
def test_names_of_no_element_are_text(name: str) -> None:
    assert not has_html(f"<{name}> </{name}> <{name} x='y'> <{name.upper()}/>")


@given(st.text().map(lambda text: text.replace("<", "")))
def test_without_a_less_than_sign_nothing_is_html(text: str) -> None:
    assert not has_html(text)


def test_types_are_elements() -> None:
    assert TYPES < ELEMENTS


@pytest.mark.parametrize(
    "piece", ["<a ", "<", "<a@", "<!--", "</", "<a/", "<aaaaaaaaaa", "<a '", "<x on", "<b /", "<a b"]
)
def test_a_long_text_is_checked_in_linear_time(piece: str) -> None:
    start = time.perf_counter()
    for text in (piece * (65_535 // len(piece)), f"<a {piece[1:]}" + piece[-1:] * 65_535):
        has_html(text)
        has_html(f"{text}>")
    assert time.perf_counter() - start < 1
