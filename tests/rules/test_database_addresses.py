"""PostgreSQL addresses are taken apart as libpq does it, and no error shows a password."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.database_addresses import AddressError, Host, PostgresAddress, parse_address
from bot.rules.database_words import DRIVER_WORDS, ELSEWHERE, WORDS

# The key words of libpq 18: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS
LIBPQ = (
    "host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout client_encoding "
    "options application_name fallback_application_name keepalives keepalives_idle keepalives_interval "
    "keepalives_count tcp_user_timeout replication gssencmode sslmode requiressl sslnegotiation sslcompression "
    "sslcert sslkey sslkeylogfile sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer "
    "ssl_min_protocol_version ssl_max_protocol_version min_protocol_version max_protocol_version krbsrvname gsslib "
    "gssdelegation scram_client_key scram_server_key service servicefile target_session_attrs load_balance_hosts "
    "oauth_issuer oauth_client_id oauth_client_secret oauth_scope "
)
OURS = {"minsize", "maxsize", "statement_cache_size"}


def hosts_of(url: str) -> list[tuple[str | None, int | None]]:
    return [(host.name, host.port) for host in parse_address(url).hosts]


def error_of(url: str) -> str:
    with pytest.raises(AddressError) as error:
        parse_address(url)
    return str(error.value)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgres://", [(None, None)]),
        ("postgresql:///db", [(None, None)]),
        ("postgres://h", [("h", None)]),
        ("postgres://h:5433/db", [("h", 5433)]),
        ("postgres://:5433/db", [(None, 5433)]),
        ("postgres://h:/db", [("h", None)]),
        ("postgres://a:1,b:2,c/db", [("a", 1), ("b", 2), ("c", None)]),
        ("postgres://a,/db", [("a", None), (None, None)]),
        ("postgres://[::1]:5433/db", [("::1", 5433)]),
        ("postgres://[fe80::1%25eth0]/db", [("fe80::1%eth0", None)]),
        ("postgres://[::1],h:2/db", [("::1", None), ("h", 2)]),
        ("postgres://%2Fvar%2Frun%2Fpostgresql/db", [("/var/run/postgresql", None)]),
        ("postgres://%2Fvar%2Frun%2Fpostgresql:5433/db", [("/var/run/postgresql", 5433)]),
        ("postgres:///db?host=/var/run/postgresql", [("/var/run/postgresql", None)]),
        ("postgres:///db?host=/tmp&port=5433", [("/tmp", 5433)]),
        ("postgres://h:1/db?port=2", [("h", 2)]),
        ("postgres://h/db?host=/cloudsql/project:region:name", [("/cloudsql/project:region:name", None)]),
        ("postgres:///db?host=::1", [("::1", None)]),
        ("postgres:///db?host=a,b&port=1,2", [("a", 1), ("b", 2)]),
        ("postgres:///db?host=a,b&port=1", [("a", 1), ("b", 1)]),
        ("postgres://a,b/db?port=1", [("a", 1), ("b", 1)]),
        ("postgres://h:1/db?host=&port=", [(None, None)]),
        ("postgres://b%C3%BCro.example/db", [("büro.example", None)]),
    ],
)
def test_hosts_and_ports_are_those_that_libpq_would_use(url: str, hosts: list[tuple[str | None, int | None]]) -> None:
    assert hosts_of(url) == hosts


@pytest.mark.parametrize(
    ("url", "user", "password", "database"),
    [
        ("postgres://h", None, None, None),
        ("postgres://u@h", "u", None, None),
        ("postgres://u:p@h/d", "u", "p", "d"),
        ("postgres://u:@h/", "u", None, None),
        ("postgres://:p@h/", None, "p", None),
        ("postgres://user%40server:p@h/d", "user@server", "p", "d"),
        ("postgres://u:a%3Ab%2Fc%40d%3Fe%23f%25@h/d", "u", "a:b/c@d?e#f%", "d"),
        ("postgres://u:a:b@h/d", "u", "a:b", "d"),
        ("postgres://u:a+b@h/d", "u", "a+b", "d"),
        ("postgres://u:a?b#c[d]@h/d", "u", "a?b#c[d]", "d"),
        ("postgres://u:p@h/my%20db", "u", "p", "my db"),
        ("postgres://u:p@h/d?user=v&password=q&dbname=e", "v", "q", "e"),
        ("postgres://h/?user=a+b&password=c%2Bd", "a+b", "c+d", None),
        ("postgres://h?dbname=d", None, None, "d"),
        ("postgres://u:p@h/d?user=&password=&dbname=", None, None, None),
    ],
)
def test_names_and_passwords_are_percent_decoded(
    url: str, user: str | None, password: str | None, database: str | None
) -> None:
    address = parse_address(url)
    assert (address.user, address.password, address.database) == (user, password, database)


@given(st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), min_size=1))
def test_every_password_can_be_written(password: str) -> None:
    written = quote(password, safe="")
    assert parse_address(f"postgres://u:{written}@h:1/d?sslmode=require").password == password
    assert parse_address(f"postgres://h/d?user=u&password={written}").password == password
    assert password not in repr(parse_address(f"postgres://:{written}@h")) or len(password) < 15


SECRET = st.text(string.ascii_letters, min_size=4, max_size=4).map(lambda text: f"Q{text}Z")
BETWEEN = st.text(":/@?#[]%&=,+ 1a", min_size=1, max_size=4)
TEMPLATES = (
    *("postgres://u:{}@h/d", "postgres://u:{}@h:1/d?sslmode=require", "postgres://h/d?user=u&password={}"),
    *("postgres://h/d?password={}&sslmode=require", "postgres://u:{}", "postgres://u:{}/d", "postgres://{}"),
)


@given(st.sampled_from(TEMPLATES), SECRET, BETWEEN, SECRET)
def test_no_error_shows_a_part_of_a_password_that_should_have_been_encoded(
    template: str, first: str, between: str, second: str
) -> None:
    try:
        parse_address(template.format(first + between + second))
    except AddressError as error:
        assert first not in str(error) and second not in str(error)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgres://u:p@ss@h/d", "@ as %40"),
        ("postgres://u:p/w@h/d", "/ as %2F"),
        ("postgres://u:p%@h/d", "two hexadecimal digits"),
        ("postgres://u:p%4@h/d", "two hexadecimal digits"),
        ("postgres://u:p%00@h/d", "two hexadecimal digits"),
        ("postgres://u:p%FF@h/d", "not UTF-8"),
        ("postgres://h:x/d", "its port is not a number"),
        ("postgres://h:0/d", "its port is not a number"),
        ("postgres://h:65536/d", "its port is not a number"),
        (f"postgres://h:{'9' * 5000}/d", "its port is not a number"),
        ("postgres://h:-1/d", "its port is not a number"),
        ("postgres://h:\u0665/d", "its port is not a number"),
        ("postgres://::1/d", "in brackets"),
        ("postgres://[::1/d", "in brackets"),
        ("postgres://[::1]5432/d", "in brackets"),
        ("postgres://a,b/d?port=1,2,3", "3 ports for 2 hosts"),
        ("postgres://a:1,b:2/d?host=c", "2 ports for 1 hosts"),
        ("postgres:///d?host=%40abstract", "abstract"),
        ("postgres://h/d?sslmode", "parameters, as in sslmode=require"),
        ("postgres://h/d?=require", "parameters, as in sslmode=require"),
        ("postgres://h/d?sslmode=require;connect_timeout=5", "sslmode must be disable, allow"),
        ("postgres://h/d?sslmode=require&sslmode=disable", "sslmode is given twice"),
        ("postgres://h/d?sslmode=require&ssl=false", "sslmode is given twice"),
        ("postgres://h/d?minsize=20", "minsize must not be more than maxsize"),
        ("postgres://h/d?minsize=3&maxsize=2", "minsize must not be more than maxsize"),
        ("postgres://h/d?sslrootcert=system&sslmode=require", "needs sslmode=verify-full"),
        ("postgres://h/d?sslrootcert=system&sslcert=/a", "cannot be combined with sslcert"),
    ],
)
def test_what_cannot_be_meant_is_refused(url: str, said: str) -> None:
    assert said in error_of(url)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=REQUIRE", "sslmode must be disable, allow, prefer, require, verify-ca or verify-full"),
        ("sslmode=verify_full", "verify-full"),
        ("sslmode=mro", "sslmode must be"),
        ("sslmode=no-verify", "sslmode must be"),
        ("ssl=no-verify", "write sslmode=require"),
        ("connect_timeout=soon", "connect_timeout must be a number"),
        ("connect_timeout=1.5", "connect_timeout must be a number"),
        ("maxsize=0", "maxsize must be a number from 1"),
        ("maxsize=many", "maxsize must be a number from 1"),
        ("maxsize=\u0665", "maxsize must be a number from 1"),
        ("target_session_attrs=master", "read-write"),
        ("load_balance_hosts=true", "disable or random"),
        ("client_encoding=latin1", "UTF-8"),
        ("gssencmode=require", "GSSAPI"),
        ("channel_binding=require", "sslmode=verify-full"),
        ("sslcompression=1", "does not compress"),
        ("sslcertmode=require", "sslcert"),
        ("sslsni=0", "names the host"),
        ("min_protocol_version=3.2", "3.0"),
        ("ssl_min_protocol_version=SSLv3", "TLSv1.2"),
        ("hostaddr=10.0.0.1", "as the host"),
        ("service=mine", "write the whole address"),
        ("requiressl=1", "sslmode=require"),
        ("replication=database", "ordinary session"),
        ("require_auth=scram-sha-256", "authenticates"),
        ("requirepeer=postgres", "socket"),
        ("sslcrldir=/a", "sslcrl"),
        ("oauth_issuer=https://a", "OAuth"),
        ("sslmod=require", "address. Did you mean sslmode?"),
        ("SSLMODE=require", "address. Did you mean sslmode?"),
        ("max_size=5", "write maxsize"),
        ("schema=longshore", "write options=-csearch_path%3DNAME"),
        ("currentSchema=longshore", "write options=-csearch_path%3DNAME"),
        ("pgbouncer=true", "write statement_cache_size=0"),
        ("prepareThreshold=0", "write statement_cache_size=0"),
        ("statement_timeout=5000", "options=-cNAME%3DVALUE"),
        ("work_mem=64MB", "options=-cNAME%3DVALUE"),
        ("database=d", "write dbname"),
    ],
)
def test_a_word_that_cannot_be_honored_is_refused_by_name(query: str, said: str) -> None:
    error = error_of(f"postgres://h/d?{query}")
    name = query.partition("=")[0]
    assert error.startswith(name) and said in error


def test_a_word_after_a_password_may_be_part_of_it_and_is_not_shown() -> None:
    assert "hunter" not in error_of("postgres://h/d?password=a&hunter=2")
    assert "hunter" in error_of("postgres://h/d?hunter=2&password=a")


@pytest.mark.parametrize(
    ("query", "sslmode"),
    [
        ("ssl=true", "require"),
        ("ssl=1", "require"),
        ("ssl=on", "require"),
        ("ssl=false", "disable"),
        ("ssl=0", "disable"),
        ("ssl=off", "disable"),
        ("ssl=require", "require"),
        ("ssl=verify-full", "verify-full"),
        ("ssl=true&sslmode=require", "require"),
        ("sslmode=require&sslmode=require", "require"),
        ("sslmode=", None),
        ("", None),
    ],
)
def test_ssl_means_what_people_mean_by_it(query: str, sslmode: str | None) -> None:
    assert parse_address(f"postgres://h/d?{query}").words.get("sslmode") == sslmode


@pytest.mark.parametrize(
    "query",
    [
        "gssencmode=disable",
        "channel_binding=prefer",
        "client_encoding=UTF8",
        "sslcompression=0",
        "sslsni=1",
        "max_protocol_version=latest",
        "connect_timeout=0",
        "connect_timeout=-1",
        "keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3&tcp_user_timeout=9000",
        "options=-csearch_path%3Dlongshore%20-cstatement_timeout%3D5s",
        "options=-csearch_path=longshore",
        "application_name=long%20shore&fallback_application_name=x",
        "target_session_attrs=read-write&load_balance_hosts=random",
        "sslrootcert=system",
        "sslrootcert=system&sslmode=verify-full",
        "minsize=2&maxsize=20&statement_cache_size=0",
    ],
)
def test_words_with_an_effect_or_that_ask_for_none_are_accepted(query: str) -> None:
    assert isinstance(parse_address(f"postgres://h/d?{query}"), PostgresAddress)


def test_every_word_of_libpq_is_known_and_no_other_but_ours() -> None:
    assert set(WORDS) == {*LIBPQ.split(), *OURS}
    assert set(DRIVER_WORDS) <= set(WORDS)
    for right in ELSEWHERE.values():
        assert right.partition("=")[0] in WORDS


def test_numbers_are_read_with_their_defaults() -> None:
    address = parse_address("postgres://h/d?maxsize=20&connect_timeout=-3")
    assert [address.number(word, 7) for word in ("maxsize", "connect_timeout", "minsize")] == [20, -3, 7]


def test_an_address_is_shown_by_its_hosts_alone() -> None:
    address = parse_address("postgres://u:secret@a:1,[::1]:2,%2Ftmp/d?password=hidden&sslpassword=hidden")
    assert str(address) == "a:1, [::1]:2, /tmp"
    assert "secret" not in repr(address) and "hidden" not in repr(address)
    assert str(Host(None, None)) == "the default host"


# --- as it is shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgres://longshore:hush@db.example.com:5433/releases?sslmode=require",
            "postgres://db.example.com:5433/releases",
        ),
        ("postgresql://db/releases", "postgres://db/releases"),
        ("postgres://u:p%40ss@a:1,b:2/x?sslpassword=hush&passfile=/secret", "postgres://a:1,b:2/x"),
        ("postgres://u:hush@[::1]:5432/x", "postgres://[::1]:5432/x"),
        ("postgres://u@%2Fvar%2Frun%2Fpostgresql/x", "postgres://%2Fvar%2Frun%2Fpostgresql/x"),
        ("postgres:///x%2Fy", "postgres:///x%2Fy"),
        ("postgres://u:hush@/", "postgres:///"),
        ("postgres://u@h/?dbname=x&password=hush", "postgres://h/x"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(url: str, shown: str) -> None:
    assert parse_address(url).shown == shown
