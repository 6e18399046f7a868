import random, json, os
from urllib.parse import quote
from tests.api.pdc.calls import *
from tests.api.pdc.goods import call, made, stock, got, BASE
from api.pdc.places import RESOURCES
from api.resource import Resource
from tests.world import World
import pytest

VALS = ["", " ", "1", "0", "-1", "x", "true", "TRUE", "foo-1.0", "gold", "2017-01-01", "1/1/17", "1/1/2017", "9"*30, "1e9", "\u0000", "é", "日本", "%", "{}", "{", "}", "$1", "?", "'", '"', "\\", "a,b", "-id", "id,-id", "release__version", "repo__arch", "nan", "inf", "\ud7ff", "\U0001f600", "٣", "1_0", " 1", "1 ", "0x1", "2017-13-01", "9999-12-31", "0001-01-01", "10000-01-01","last"]
def jv(r, d=0):
    c = r.randrange(14)
    if c < 5: return r.choice(VALS)
    if c == 5: return r.choice([0,1,-1,2**31,2**31-1,2**32,2**63,2**63-1,-2**63,2**64-1,1.5,1e308,-0.0,1e-300])
    if c == 6: return None
    if c == 7: return r.choice([True, False])
    if d > 2: return 1
    if c < 10: return [jv(r,d+1) for _ in range(r.randrange(3))]
    return {r.choice(["id","name","release","sla",r.choice(VALS)]): jv(r,d+1) for _ in range(r.randrange(3))}

@pytest.mark.timeout(1000)
async def test_fuzz(world: World) -> None:
    await stock(world); 
    await made(world, "component-sla-types", [{"name": n} for n in ("gold","silver")])
    await made(world, "release-schedules", [{"release":"foo-1.0","sla":"gold","date":"2017-01-01"}])
    r = random.Random(int(os.environ.get("SEED","1")))
    rs = [x for x in RESOURCES.values() if isinstance(x, Resource)]
    count = {}
    for i in range(int(os.environ.get("N","3000"))):
        of = r.choice(rs)
        names = [*of.filters, "ordering","page","page_size","fields","exclude_fields","fields","exclude_fields"]
        allf = [f.name for f in of.fields]
        q = "&".join(f"{n}={quote(r.choice(allf if 'fields' in n else VALS + allf).encode('utf-8','surrogatepass'))}" for n in [r.choice(names) for _ in range(r.choice([0,0,0,1,1,2]))])
        method = r.choice(["GET","POST","POST","PUT","PUT","PATCH","PATCH","DELETE","OPTIONS","HEAD"])
        good_key = {"release-variants": ["foo-1.0/Server","bar-2.0/Server"], "releases": ["foo-1.0","bar-2.0"], "products": ["foo"], "product-versions": ["foo-1"]}.get(of.name, ["1","2","3"])
        key = r.choice(["","", r.choice(good_key)+"/", r.choice(good_key)+"/", quote(r.choice(VALS).encode('utf-8','surrogatepass'), safe="")+"/"])
        def item():
            good = {"name":"n","release":"foo-1.0","sla":"silver","date":"2020-01-01","short":"foo","version":str(r.randrange(100)),"release_type":"ga","product":"foo","release_id":"foo-1.0","variant_uid":"Server","arch":"x86_64","service":"pulp","repo_family":"dist","content_format":"rpm","content_category":"binary","uid":"U","id":"U","type":"variant","arches":["x86_64"],"epoch":1,"srpm_name":"s","srpm_nevra":"s","file_primary_key":1,"repo":{"id":1},"release_date":"2020-01-01","active":True,"obsolete":True}
            w = [f.name for f in of.fields if f.column] or allf
            x = r.random()
            if x < .5: return {n: (good.get(n, jv(r)) if r.random() < .97 else jv(r)) for n in w}
            if x < .7: return {}
            if x < .9: n = r.choice(w); return {n: good.get(n, jv(r))}
            return {f: jv(r) for f in allf if r.random() < .5}
        body = r.choice([item, item, lambda: [item() for _ in range(r.randrange(4))], lambda: {r.choice([*good_key, *good_key, r.choice(VALS)]): item() for _ in range(r.randrange(4))}, lambda: jv(r), lambda: [r.choice([*good_key, 1, 2, jv(r)]) for _ in range(3)]])()
        h = {"Content-Type": "application/json"}
        data = json.dumps(body).encode() if method not in ("GET","HEAD") or r.random()<.3 else None
        a = await call(world, method, f"{of.name}/{key}?{q}", data=data, headers=h)
        count[(method, a.status)] = count.get((method, a.status), 0) + 1
        assert a.status < 500, (method, of.name, key, q, body, a.json)
        if r.random() < .02: await world.ask("POST", f"{BASE}/release-schedules/", {"release":"foo-1.0","sla":"gold","date":"2017-01-01"})
    print(count)
    for x in rs: await got(world, f"{x.name}/?page_size=0")
