import json, time, cProfile, pstats
from datetime import datetime, UTC
from bot.store.database import fetch, execute, execute_many, transaction
async def fill(world, projects=4, releases=30, candidates=3, deployments=2):
    now=datetime.now(UTC)
    from bot.store.projects import Project, Environment
    from bot.store.releases import Release
    from bot.store.candidates import Candidate
    from bot.store.deployments import Deployment
    async with transaction():
      for p in range(projects):
        P=await Project.create(name=f"p{p}",permalink=f"p{p}",tag_prefix="a",trigger_tag_prefix="b",created_at=now,updated_at=now)
        E=await Environment.create(project=P,name="e",name_key="e",tier="staging",created_at=now)
        rel=[Release(project_id=P.id,version=f"1.{i}",release_id=f"p{p}-1.{i}",created_at=now,updated_at=now) for i in range(releases)]
        await Release.bulk_create(rel)
        rel=await Release.filter(project_id=P.id)
        (repo,)=await fetch("SELECT github_id AS id FROM repositories")
        await Candidate.bulk_create([Candidate(project_id=P.id,release_id=r.id,repository_id=repo["id"],number=n,version=f"{r.version}-rc{n}",commit="c"*40,branch="main",tag=f"{p}{r.version}{n}",status="ready",created_by_id=1,created_at=now,updated_at=now) for r in rel for n in range(candidates)])
        cs=await Candidate.filter(project_id=P.id)
        await Deployment.bulk_create([Deployment(environment_id=E.id,candidate_id=c.id,status="success",actor_id=1,created_at=now,deploy_start_at=now,deploy_end_at=now) for c in cs for _ in range(deployments)])
async def test_try(world):
    await fill(world, 10, 100, 3, 2)
    async def ask(q,reps=3, prof=False, **v):
        a = await world.ask("POST","/graphql",{"query":q,"variables":v})
        assert a.status==200 and "errors" not in a.json, a.json
        pr=cProfile.Profile()
        if prof: pr.enable()
        t=time.perf_counter()
        for _ in range(reps): a = await world.ask("POST","/graphql",{"query":q,"variables":v})
        t=(time.perf_counter()-t)/reps
        if prof: pr.disable(); pstats.Stats(pr).sort_stats("tottime").print_stats(28)
        print(f"{t*1e3:8.1f} ms {len(json.dumps(a.json)):8} bytes  {q[:110]}")
    await ask("{viewer{name}}",50)
    await ask('{project(name:"p1"){name}}',50)
    await ask('{project(name:"p1"){releases(first:20){nodes{version status}}}}',30)
    await ask('{project(name:"p1"){releases(first:100){nodes{version status createdAt updatedAt commit}}}}',10)
    await ask('{releases(first:100){nodes{version status project{name} newestCandidate{version status}}}}',10)
    await ask('{projects(first:10){nodes{name releases(first:20){nodes{version status candidates(first:4){nodes{version status commit deployments(first:2){nodes{id status environment{name}}}}}}}}}}',3)
    await ask('{projects(first:10){nodes{name releases(first:50){nodes{version status candidates(first:2){nodes{id version status commit branch tag createdAt updatedAt createdBy number release{id version status createdAt releaseId} project{id}}}}}}}}',3, prof=True)
    await ask('{releases(first:100){nodes{'+" ".join(f'd{i}:deployments(first:1){{nodes{{id status environment{{id}}}}}}' for i in range(12))+'}}}',2)
