"""Addresses are taken apart as libpq itself does it, where it is installed."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules.database_addresses import AddressError, parse_address


class Option(ctypes.Structure):
    """PQconninfoOption."""

    _fields_ = [
        *((name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label", "dispchar")),
        ("dispsize", ctypes.c_int),
    ]


@cache
def library() -> Any:
    """libpq; None when it is not installed."""
    name = ctypes.util.find_library("pq")
    if name is None:
        return None
    loaded = ctypes.CDLL(name)
    loaded.PQconninfoParse.restype = ctypes.POINTER(Option)
    loaded.PQconninfoParse.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)]
    loaded.PQconninfoFree.argtypes = [ctypes.POINTER(Option)]
    return loaded


def taken_apart_by_libpq(url: str) -> dict[str, str] | None:
    """The words that libpq finds, without empty ones; None when it refuses the address."""
    options = library().PQconninfoParse(url.encode(), None)
    if not options:
        return None
    found, index = {}, 0
    while keyword := options[index].keyword:
        if value := options[index].val:
            found[keyword.decode()] = value.decode()
        index += 1
    library().PQconninfoFree(options)
    return found


def taken_apart_by_us(url: str) -> dict[str, str] | None:
    """The same in libpq's words; None when we refuse the address."""
    try:
        address = parse_address(url)
    except AddressError:
        return None
    found = {name: value for name, value in address.words.items() if name not in ("host", "port")}
    found |= {"user": address.user or "", "password": address.password or "", "dbname": address.database or ""}
    found["host"] = ",".join(host.name or "" for host in address.hosts)
    found["port"] = ",".join(str(host.port or "") for host in address.hosts)
    return {name: value for name, value in found.items() if value.strip(",")}


def with_a_port_for_each_host(words: dict[str, str]) -> dict[str, str]:
    """libpq lets one port stand for all hosts."""
    hosts = words.get("host", "").count(",") + 1
    if "port" in words and "," not in words["port"]:
        words = {**words, "port": ",".join([words["port"]] * hosts)}
    return {name: value for name, value in words.items() if value.strip(",")}


NAMES = st.sampled_from(["", "a", "b.example", "%2Ftmp", "[::1]", "[fe80::1%25eth0]", "%C3%BC", "10.0.0.1"])
PORTS = st.sampled_from(["", ":", ":1", ":5433", ":65535"])
HOSTS = st.lists(st.tuples(NAMES, PORTS).map("".join), min_size=1, max_size=3).map(",".join)
TEXTS = st.sampled_from(["", "u", "u%40v", "p%3A%2F%3F", "a+b", "a:b", "a?b#c", "%25"])
CREDENTIALS = st.one_of(st.just(""), TEXTS.map("{}@".format), st.tuples(TEXTS, TEXTS).map(":".join).map("{}@".format))
DATABASES = st.sampled_from(["", "/", "/d", "/my%20db", "/a+b"])
LISTED = (
    "sslmode=require ssl=true host=c host=/tmp,::1 port=7 port=7,8 user=a+b password=%26 dbname=e user= host= port= "
    "dbname= connect_timeout=3 options=-cx%3Dy application_name=a%20b"
)
WORDS = st.sampled_from(LISTED.split())
QUERIES = st.lists(WORDS, max_size=3, unique_by=lambda word: word.partition("=")[0][:3]).map("&".join)
ADDRESSES = st.tuples(st.just("postgresql://"), CREDENTIALS, HOSTS, DATABASES, QUERIES.map("?{}".format)).map("".join)


@pytest.mark.skipif(library() is None, reason="libpq is not installed")
@given(ADDRESSES)
@settings(max_examples=400, deadline=None, database=None, derandomize=True)
def test_an_address_that_we_take_is_taken_apart_as_libpq_does_it(url: str) -> None:
    ours = taken_apart_by_us(url)
    if ours is not None:
        theirs = taken_apart_by_libpq(url)
        assert theirs is not None
        assert ours == with_a_port_for_each_host(theirs)
