"""Filling a database with releases, and in proportion with candidates, deployments, runs and audit entries, by SQL.

Every release has a candidate, which was built and deployed once. The releases are spread over ten projects, of which
the first is the furnished one; each project's are older than the next one's, so that the first ones' rows lie deepest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from benchmarks.databases import connect, sqlite_file

PROJECTS = 10
FIRST_SECOND = 1_600_000_000

# n counts from 1, and so do the rows that are made of it: a release, its candidate and its deployment have one number.
SHARED = {
    "project": "(1 + (n - 1) * 10 / {last})",
    "repository": "(SELECT repository_id FROM projects WHERE id = (1 + (n - 1) * 10 / {last}))",
    "permalink": "(SELECT permalink FROM projects WHERE id = (1 + (n - 1) * 10 / {last}))",
    "version": "'0.' || (n / 1000) || '.' || (n % 1000)",
    "commit": "'0123456789abcdef0123456789abcdef' || (10000000 + n)",
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "sqlite": SHARED
    | {
        "select": "WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) "
        "SELECT",
        "from": "FROM numbers",
        "at": f"strftime('%Y-%m-%d %H:%M:%S+00:00', {FIRST_SECOND} + n, 'unixepoch')",
        "true": "1",
        "false": "0",
    },
    "postgres": SHARED
    | {
        "select": "SELECT",
        "from": "FROM generate_series({first}, {last}) AS numbers (n)",
        "at": f"to_timestamp({FIRST_SECOND} + n)",
        "true": "TRUE",
        "false": "FALSE",
    },
}

OTHER_PROJECTS = """
INSERT INTO repositories (github_id, full_name, default_branch, private, archived, checked_at)
{select} n, 'acme/filler-' || n, 'main', {false}, {false}, {at} {from};
INSERT INTO projects (id, name, permalink, repository_id, build_inputs, build_deadline_minutes, tag_prefix,
    trigger_tag_prefix, tag_candidates, version_scheme, archived, created_at, updated_at)
{select} n, 'filler-' || n, 'filler-' || n, n, '{{}}', 60, 'rc/', 'v', {true}, 'any', {false}, {at}, {at} {from};
INSERT INTO environments (id, project_id, name, name_key, tier, inputs, position, deploy_deadline_minutes,
    promotion_held, created_at)
{select} 2 * n - 1, n, 'staging', 'staging', 'staging', '{{}}', 0, 60, {false}, {at} {from};
INSERT INTO environments (id, project_id, name, name_key, tier, inputs, position, deploy_deadline_minutes,
    promotion_held, created_at)
{select} 2 * n, n, 'production', 'production', 'production', '{{}}', 0, 60, {false}, {at} {from};
"""

RELEASES = """
INSERT INTO releases (project_id, version, release_type, release_id, status, "commit", notes, created_at, updated_at)
{select} {project}, {version}, 'ga', {permalink} || '-' || {version}, 10, {commit}, '', {at}, {at} {from};
INSERT INTO candidates (project_id, release_id, repository_id, number, version, "commit", branch, tag, tagged, status,
    created_by_id, created_at, updated_at)
{select} {project}, n, {repository}, 1, {version} || '-rc1', {commit}, 'main', 'rc/' || {version} || '-rc1', {true},
    'ready', 1, {at}, {at} {from};
INSERT INTO deployments (environment_id, candidate_id, from_candidate_id, kind, reported, status, actor_id, deadline_at,
    deploy_start_at, deploy_end_at, created_at)
{select} 2 * {project} - n % 2, n, CASE WHEN n > 2 THEN n - 2 END, 'deploy', {false},
    CASE WHEN n % 7 = 0 THEN 'failure' ELSE 'success' END, 1, {at}, {at}, {at}, {at} {from};
INSERT INTO runs (repository_id, candidate_id, workflow, "commit", request_id, state, cancel_requested, github_id,
    first_attempt, attempt, status, conclusion, deadline_at, created_at)
{select} {repository}, n, '.github/workflows/build.yml', {commit}, 'cut-' || n || '-old', 'done', {false},
    1000000000 + 2 * n, 1, 1, 'completed', 'success', {at}, {at} {from};
INSERT INTO runs (repository_id, deployment_id, workflow, "commit", request_id, state, cancel_requested, github_id,
    first_attempt, attempt, status, conclusion, deadline_at, created_at)
{select} {repository}, n, '.github/workflows/deploy.yml', {commit}, 'dep-' || n || '-old', 'done', {false},
    1000000001 + 2 * n, 1, 1, 'completed', 'success', {at}, {at} {from};
INSERT INTO audit_entries (at, actor, door, act, alarm, project_id, subject, "commit", after)
{select} {at}, 'root', 'rest', 'candidate.cut', {false}, {project}, {version} || '-rc1', {commit},
    '{{"build": true, "branch": "main"}}' {from};
INSERT INTO audit_entries (at, actor, door, act, alarm, project_id, subject, "commit", after)
{select} {at}, 'root', 'rest', 'deployment.deploy', {false}, {project}, 'staging: ' || {version} || '-rc1', {commit},
    '{{"status": "pending"}}' {from};
"""


def statements(kind: str, text: str, first: int, last: int) -> list[str]:
    """The statements of a text in one database's words, for the numbers from first to last."""
    words = {name: word.format(first=first, last=last) for name, word in WORDS[kind].items()}
    return [each for each in text.format(**words).split(";\n") if each.strip()]


async def fill(url: str, releases: int) -> None:
    """Add so many releases with all that belongs to them to a furnished database that nobody has open."""
    if url.startswith("sqlite"):
        _fill_sqlite(sqlite_file(url), releases)
    else:
        await _fill_postgres(url, releases)


def _fill_sqlite(file: str, releases: int) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("BEGIN")
        for text, first, last in ((OTHER_PROJECTS, 2, PROJECTS), (RELEASES, 1, releases)):
            for statement in statements("sqlite", text, first, last):
                connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    finally:
        connection.close()


async def _fill_postgres(url: str, releases: int) -> None:
    connection = await connect(url)
    try:
        await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '256MB'")
        for text, first, last in ((OTHER_PROJECTS, 2, PROJECTS), (RELEASES, 1, releases)):
            for statement in statements("postgres", text, first, last):
                await connection.execute(statement)
        await connection.execute("VACUUM ANALYZE")  # what autovacuum does by itself, in its time
    finally:
        await connection.close()
