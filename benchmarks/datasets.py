"""Fill databases with releases, candidates, deployments, runs, audit entries and rows for every list, by SQL.

Every release has a candidate that was built and deployed once. The releases are spread over ten projects; the first of
them already exists. The releases of each project are older than those of the next, which makes lists that are ordered
newest first slowest for the first project.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.databases import connect, sqlite_path

PROJECTS = 10
FIRST_SECOND = 1_600_000_000

# n counts from 1, and so do the ids of the rows: a release, its candidate and its deployment have the same id.
SPREAD_KEYS = {
    "project": "(1 + (n - 1) * 10 / {last})",
    "environment": "(2 * (1 + (n - 1) * 10 / {last}) - n % 2)",
    "sla": "(2 + n % 2)",
    "repo": "(2 + n % 9)",
}
FEW_KEYS, FEW_ROWS = {"project": "11", "environment": "(22 - n % 2)", "sla": "1", "repo": "1"}, 100
BOARD_PROJECTS, BOARD_ENVIRONMENTS = 200, 5
BOARD_PROJECT = 7
"""A project that has more releases than its page shows, however few there are in all."""
BOARD_KEYS = {
    "project": f"(CASE WHEN n <= 60 THEN {BOARD_PROJECT} ELSE 1 + n % 200 END)",
    "environment": f"(CASE WHEN n <= 60 THEN {BOARD_PROJECT * 5 - 4} + n % 5 ELSE 1 + n % 200 * 5 + n / 200 % 5 END)",
}
SHARED_FRAGMENTS = {
    "repository": "(SELECT repository_id FROM projects WHERE id = {project})",
    "permalink": "(SELECT permalink FROM projects WHERE id = {project})",
    "version": "'0.' || (n / 1000) || '.' || (n % 1000)",
    "commit": "'0123456789abcdef0123456789abcdef' || (10000000 + n)",
}
SQL_FRAGMENTS: Mapping[str, Mapping[str, str]] = {
    "sqlite": SHARED_FRAGMENTS
    | {
        "select": "WITH RECURSIVE numbers (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) "
        "SELECT",
        "from": "FROM numbers",
        "at": f"strftime('%Y-%m-%d %H:%M:%S+00:00', {FIRST_SECOND} + n, 'unixepoch')",
        "day": "date('2001-01-01', '+' || (n % 9000 * 7919 % 9000) || ' days')",
        "true": "1",
        "false": "0",
    },
    "postgres": SHARED_FRAGMENTS
    | {
        "select": "SELECT",
        "from": "FROM generate_series({first}, {last}) AS numbers (n)",
        "at": f"to_timestamp({FIRST_SECOND} + n)",
        "day": "(DATE '2001-01-01' + (n % 9000 * 7919 % 9000)::INT)",
        "true": "TRUE",
        "false": "FALSE",
    },
}

OTHER_PROJECTS = """
INSERT INTO repositories (github_id, full_name, default_branch, private, archived, installation_id, checked_at)
{select} n, 'acme/filler-' || n, 'main', {false}, {false}, 1, {at} {from};
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
{select} {environment}, n, CASE WHEN n > 2 THEN n - 2 END, 'deploy', {false},
    CASE WHEN n % 7 = 0 THEN 'failure' ELSE 'success' END, 1, {at}, {at}, {at}, {at} {from};
"""

RUNS_AND_AUDIT = """
INSERT INTO runs (repository_id, candidate_id, workflow, "commit", request_id, state, cancel_requested, github_id,
    first_attempt, attempt, status, conclusion, deadline_at, created_at)
{select} {repository}, n, '.github/workflows/build.yml', {commit}, 'cut-' || n || '-old', 'done', {false},
    1000000000 + 2 * n, 1, 1, 'completed', 'success', {at}, {at} {from};
INSERT INTO runs (repository_id, deployment_id, workflow, "commit", request_id, state, cancel_requested, github_id,
    first_attempt, attempt, status, conclusion, deadline_at, created_at)
{select} {repository}, n, '.github/workflows/deploy.yml', {commit}, 'dep-' || n || '-old', 'done', {false},
    1000000001 + 2 * n, 1, 1, 'completed', 'success', {at}, {at} {from};
INSERT INTO audit_entries (at, actor, channel, act, alarm, project_id, subject, "commit", after)
{select} {at}, 'root', 'rest', 'candidate.cut', {false}, {project}, {version} || '-rc1', {commit},
    '{{"build": true, "branch": "main"}}' {from};
INSERT INTO audit_entries (at, actor, channel, act, alarm, project_id, subject, "commit", after)
{select} {at}, 'root', 'rest', 'deployment.deploy', {false}, {project}, 'staging: ' || {version} || '-rc1', {commit},
    '{{"status": "pending"}}' {from};
"""


USERS = """
INSERT INTO users (name, created_at) {select} 'root', {at} {from};
INSERT INTO api_tokens (user_id, name, prefix, digest, grants, created_at)
{select} 1, 'root', 'lsh_', '{digest}', '["admin"]', {at} {from};
"""

SLAS = """
INSERT INTO slas (name, description)
{select} CASE n WHEN 1 THEN 'gold' WHEN 2 THEN 'silver' ELSE 'bronze' END, '' {from};
"""

LIST_ROWS = """
INSERT INTO announcements (project_id, release_id, version, changelog, tag_list, hidden_from_frontpage, state,
    submitted_by_id, created_at, decided_by_id, decided_at)
{select} {project}, n, {version}, 'Fixes what ' || n || ' broke.', '["stable"]', {false},
    CASE WHEN n % 10 = 0 THEN 'pending' ELSE 'approved' END, 1, {at}, 1, {at} {from};
INSERT INTO schedules (release_id, sla_id, date) {select} n, {sla}, {day} {from};
INSERT INTO rpms (name, epoch, version, release, arch, srpm_name, filename)
{select} 'package-' || (n % 5000), 0, {version}, '1', 'x86_64', 'package-' || (n % 5000),
    'package-' || (n % 5000) || '-' || {version} || '-1.x86_64.rpm' {from};
INSERT INTO released_files (rpm_id, repo_id, release_date, created_at, updated_at, zero_day_release, obsolete)
{select} n, {repo}, {day}, {at}, {at}, {false}, {false} {from};
"""

REPOS = """
INSERT INTO variants (release_id, uid, variant, name, type, arches)
{select} 1 + (n - 1) * (SELECT max(id) FROM releases) / 10, 'Server', 'Server', 'Server', 'variant', '["x86_64"]'
{from};
INSERT INTO content_repos (variant_id, arch, service, repo_family, content_format, content_category, name, shadow)
{select} n, 'x86_64', 'rhn', 'dist', 'rpm', 'binary', 'repo-' || n, {false} {from};
"""

BOARD = """
INSERT INTO repositories (github_id, full_name, default_branch, private, archived, installation_id, checked_at)
{select} n, 'acme/service-' || n, 'main', {false}, {false}, 1, {at} {from};
INSERT INTO projects (id, name, permalink, repository_id, build_inputs, build_deadline_minutes, tag_prefix,
    trigger_tag_prefix, tag_candidates, version_scheme, archived, created_at, updated_at)
{select} n, 'service-' || n, 'service-' || n, n, '{{}}', 60, 'rc/', 'v', {true}, 'any', {false}, {at}, {at} {from};
"""
BOARD_ROWS = """
INSERT INTO environments (id, project_id, name, name_key, tier, inputs, position, deploy_deadline_minutes,
    promotion_held, created_at)
{select} n, 1 + (n - 1) / 5, 'region-' || ((n - 1) % 5), 'region-' || ((n - 1) % 5), 'production', '{{}}', (n - 1) % 5,
    60, {false}, {at} {from};
"""

WAITING = """
INSERT INTO environments (project_id, name, name_key, tier, inputs, position, deploy_deadline_minutes, promotion_held,
    workflow, gate_settings, created_at)
{select} 1, 'waiting-' || n, 'waiting-' || n, 'staging', '{{}}', 9, 60, {false}, 'deploy.yml', '{gates}', {at} {from};
INSERT INTO deployments (environment_id, candidate_id, kind, reported, status, actor_id, automatic, waiting, waits_for,
    expires_at, evaluate_at, created_at)
{select} (SELECT id FROM environments WHERE project_id = 1 AND name_key = 'waiting-' || n), 1, 'deploy', {false},
    'pending', 1, {true}, {true}, '["approvals"]', {later}, CASE WHEN n % 100 = 0 THEN {at} ELSE {later} END, {at}
{from};
"""


@dataclass(frozen=True)
class Insert:
    """INSERT statements for the numbers from first to last; `fragments` override the keys that rows refer to."""

    template: str
    first: int
    last: int
    fragments: Mapping[str, str] = field(default_factory=dict)

    def statements(self, engine: str) -> list[str]:
        """Render the statements for a database engine."""
        values: dict[str, object] = {"first": self.first, "last": self.last}
        values |= {name: fragment.format_map(values) for name, fragment in {**SPREAD_KEYS, **self.fragments}.items()}
        values |= {name: fragment.format_map(values) for name, fragment in SQL_FRAGMENTS[engine].items()}
        return [statement for statement in self.template.format_map(values).split(";\n") if statement.strip()]


async def fill_releases(url: str, releases: int) -> None:
    """Add releases and everything that belongs to them to a database with one project; no process may have it open."""
    await _fill(url, (Insert(OTHER_PROJECTS, 2, PROJECTS), Insert(RELEASES + RUNS_AND_AUDIT, 1, releases)))


async def fill_waiting(url: str, deployments: int, gates: str) -> None:
    """Add environments with gates to the first project, each with a waiting deployment of the first candidate.

    One in a hundred is due. No process may have the database open. `gates` are the settings as JSON.
    """
    later = {"sqlite": "'2999-01-01 00:00:00+00:00'", "postgres": "TIMESTAMPTZ '2999-01-01 00:00:00+00:00'"}
    engine = "sqlite" if url.startswith("sqlite") else "postgres"
    fragments = {"gates": gates.replace("{", "{{").replace("}", "}}"), "later": later[engine]}
    await _fill(url, [Insert(WAITING, 1, deployments, fragments)])


async def fill_board(url: str, releases: int, token: str) -> None:
    """Fill a migrated, empty database with 200 projects of 5 environments, and releases spread evenly over them.

    BOARD_PROJECT has 60 more.
    """
    environments = BOARD_PROJECTS * BOARD_ENVIRONMENTS
    parts = [Insert(USERS, 1, 1, digest(token)), Insert(BOARD, 1, BOARD_PROJECTS), Insert(BOARD_ROWS, 1, environments)]
    await _fill(url, [*parts, Insert(RELEASES + RUNS_AND_AUDIT, 1, releases, BOARD_KEYS)])


async def fill_token(url: str, token: str) -> None:
    """Add a token that may do everything to a migrated database without users."""
    await _fill(url, [Insert(USERS, 1, 1, digest(token))])


async def fill_lists(url: str, rows: int, token: str) -> None:
    """Fill a migrated, empty database with `rows` rows for every list, and a token that may read them all.

    The oldest rows belong to one project, one SLA and one repository, which have no others; the rest are spread over
    ten projects, two SLAs and nine repositories.
    """
    parts = [Insert(USERS, 1, 1, digest(token)), Insert(OTHER_PROJECTS, 1, PROJECTS + 1), Insert(SLAS, 1, 3)]
    few, many = (1, FEW_ROWS, FEW_KEYS), (FEW_ROWS + 1, rows, SPREAD_KEYS)
    parts += [
        Insert(RELEASES, *few),
        Insert(RELEASES, *many),
        Insert(REPOS, 1, 10),
        Insert(LIST_ROWS, *few),
        Insert(LIST_ROWS, *many),
    ]
    await _fill(url, parts)


def digest(token: str) -> dict[str, str]:
    """Return the value that a token's row is filled with."""
    return {"digest": hashlib.sha256(token.encode()).hexdigest()}


async def _fill(url: str, inserts: Sequence[Insert]) -> None:
    if url.startswith("sqlite"):
        _fill_sqlite(sqlite_path(url), inserts)
    else:
        await _fill_postgres(url, inserts)


def _fill_sqlite(path: str, inserts: Sequence[Insert]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("BEGIN")
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''").fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for insert in inserts:
            for statement in insert.statements("sqlite"):
                connection.execute(statement)
        for _, index in indexes:
            connection.execute(index)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    finally:
        connection.close()


POSTGRES_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS sql FROM pg_index
WHERE indrelid::regclass::text IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public')
    AND indexrelid NOT IN (SELECT conindid FROM pg_constraint)
"""


async def _fill_postgres(url: str, inserts: Sequence[Insert]) -> None:
    connection = await connect(url)
    try:
        await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '256MB'")
        if await connection.fetchval("SELECT current_setting('is_superuser') = 'on'"):
            await connection.execute(
                "SET session_replication_role = replica"
            )  # skips the foreign key checks of each row
        indexes = await connection.fetch(POSTGRES_INDEXES)
        for name, _ in indexes:
            await connection.execute(f"DROP INDEX {name}")
        for insert in inserts:
            for statement in insert.statements("postgres"):
                await connection.execute(statement)
        for _, index in indexes:
            await connection.execute(index)
        await connection.execute("VACUUM ANALYZE")  # as autovacuum would eventually
    finally:
        await connection.close()
