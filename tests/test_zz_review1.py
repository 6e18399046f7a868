"""Scratch."""
import asyncio
from urllib.parse import urlsplit
import pytest
from tests.world import World
from tests.api.graphs import post
from tests.api.announcing import *
from bot.store.projects import Repository

async def raw(world, text: bytes) -> str:
    parts = urlsplit(world.url)
    r, w = await asyncio.open_connection(parts.hostname, parts.port)
    w.write(text); await w.drain()
    try:
        data = await asyncio.wait_for(r.read(4000), 3)
    except Exception as e:
        data = repr(e).encode()
    w.close()
    return data.split(b"\r\n")[0].decode() + " | " + data.split(b"\r\n\r\n")[-1][:150].decode("latin1")

async def test_raw(world: World) -> None:
    tok = world.token.encode()
    for host in (b"[", b"a:b", b"a:99999999", b"a b", b"", b"[::1", b"user@x:1", b"\xff", b"a/b", b"x:", b"%zz", b"xn--\xc3\xa9", b"a"*300 , b"a..b", b"."):
        for path in (b"/api/releases/?page_size=1", b"/api/projects/site"):
            req = b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nAuthorization: Token " + tok + b"\r\nConnection: close\r\n\r\n"
            print(host, path, await raw(world, req))
    for target in (b"/projects/\xff.json", b"/api/releases/?package=\xff", b"/api/releases/?package=%ff", b"/api/releases/?package=%ED%A0%80", b"/api/releases/%ED%A0%80/", b"/api/projects/%ff", b"*", b"http://[::1/x", b"http://evil/api/releases/", b"/projects/site.json?auth_code=%ff", b"/api/projects/\xed\xa0\x80", b"/api/projects/site?x=\xff#\xff", b"//api/projects", b"/api/projects/a%2fb", b"/api/projects/%00"):
        for method in (b"GET", b"OPTIONS"):
            req = method + b" " + target + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Token " + tok + b"\r\nConnection: close\r\n\r\n"
            print(method, target, await raw(world, req))

async def test_put_private(world: World) -> None:
    await Repository.all().update(private=True)
    token = await world.with_grants("project:write")
    a = await world.ask("PUT", "/projects/site.json", {"project": {"oneliner": "changed!"}}, token=token)
    print(a.status, a.json)
    print((await world.ask("GET", "/projects/site.json")).json["project"]["oneliner"])

async def test_dates(world: World) -> None:
    for at in ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z"):
        a = await world.ask("POST", "/api/tokens", {"name": "x", "grants": ["admin"], "expires_at": at})
        print(a.status, a.json)
        for p in ("/api/tokens", "/api/projects"):
            b = await world.ask("GET", p, token=a.json["token"])
            print(b.status, str(b.json)[:100])
    for v, s, d in (("1", 30, "2020-01-01"), ("2", 10, "0001-01-01"), ("3", 30, "9999-12-31T23:59:59.999999Z"), ("4", 10, "2020-01-01T00:00:00.5+00:00")):
        a = await world.ask("POST", "/api/releases/new/", {"package": "site", "version": v, "status": s, "release_date": d})
        print(a.status, a.json)
    for p in ("/api/releases/latest/?package=site", "/api/releases/latest/?package=site&include=testing", "/api/releases/", "/api/projects/site/releases/2", "/api/projects/site/releases/3"):
        a = await world.ask("GET", p); print(p, a.status, str(a.json)[:300])
    a = await world.ask("PATCH", "/api/projects/site/releases/2", {"release_date": "2020-01-01T00:00:00Z"}); print(a.status)
    a = await world.ask("PATCH", "/api/projects/site/releases/2", {"release_date": "0001-01-01T00:00:00Z"}); print(a.status)
    a = await post(world, "{releases{nodes{version releaseDate}}}"); print(a.status, a.json)

async def test_graph(world: World) -> None:
    import time
    for q in ('{project(name:"\\uD800"){id}}', '{schedules(releaseId:"\\uD800\\uD800"){nodes{id}}}', '{project(name:"\\u{D800}"){id}}', '{releases(project:"\\uDFFF"){nodes{id}}}', '{deployment(id:"\\uD83D"){id}}'):
        a = await post(world, q); print(q, a.status, a.json)
    inner = "name"
    for _ in range(13):
        inner = "fields{type{ofType{%s}}}" % inner if False else "fields{type{%s}}" % inner
    q = "{__schema{types{%s}}}" % inner
    b = time.time(); a = await post(world, q); print(a.status, len(str(a.json)), str(a.json)[:300], time.time() - b)
    for q in ("{__schema{types{fields{type{ofType{fields{type{ofType{fields{type{ofType{name}}}}}}}}}}}}",
      '{__schema{types{possibleTypes{possibleTypes{name}} fields{type{ofType{ofType{fields{type{fields{type{name}}}}}}}}}}}',
      "{" + " ".join(f"a{i}:__schema{{types{{name fields{{name args{{name type{{name}}}} type{{name ofType{{name ofType{{name}}}}}}}}}}}}" for i in range(30)) + "}"):
        b = time.time(); a = await post(world, q); print(a.status, len(str(a.json)), str(a.json)[:200], time.time() - b)
    # a fragment that multiplies
    q = "query{" + " ".join("...f0 " for _ in range(1)) + "}" + " ".join(f"fragment f{i} on Query{{...f{i+1} ...f{i+1} ...f{i+1}}}" for i in range(25)) + " fragment f25 on Query{viewer{name}}"
    b = time.time(); a = await post(world, q); print(a.status, str(a.json)[:200], time.time() - b)

async def test_users_race(world: World) -> None:
    answers = await asyncio.gather(*(world.ask("POST", "/api/tokens", {"name": "newbie", "grants": ["admin"]}) for _ in range(12)))
    print([a.status for a in answers])

async def test_latest_min(world: World) -> None:
    for v, s, d in (("1", 30, "2020-01-01"), ("2", 10, "0001-01-01")):
        await world.ask("POST", "/api/releases/new/", {"package": "site", "version": v, "status": s, "release_date": d})
    a = await world.ask("GET", "/api/releases/latest/?package=site&include=testing"); print("LATEST", a.status, str(a.json)[:300])

async def test_intro(world: World) -> None:
    import time
    leaf = "name description isDeprecated deprecationReason args{name description defaultValue type{kind name description ofType{kind name description ofType{kind name description ofType{name}}}}} type{kind name description ofType{kind name description ofType{kind name}}}"
    t = "kind name description enumValues{name description} fields{%s}" % leaf
    for q in ("{__schema{types{name fields{name args{name type{ofType{%s}}} type{%s ofType{%s ofType{%s}}}}}}}" % (t, t, t, t),
              "{" + " ".join(f"a{i}:__schema{{...S}}" for i in range(30)) + "} fragment S on __Schema{types{name fields{name args{name type{...T ofType{...T}}} type{...T ofType{...T ofType{...T}}}}}} fragment T on __Type{%s}" % t):
        b = time.time(); a = await post(world, q); print("INTRO", a.status, len(str(a.json)), str(a.json)[:100], round(time.time() - b, 2))
