"""The initial schema, as one text: the databases differ only in the types of `TYPES`."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

USERS = """
CREATE TABLE users (
    id {number},
    name VARCHAR(255) NOT NULL UNIQUE,
    github_id BIGINT UNIQUE,
    created_at {time} NOT NULL
);
CREATE TABLE api_tokens (
    id {number},
    user_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    name VARCHAR(255) NOT NULL,
    prefix VARCHAR(16) NOT NULL,
    digest VARCHAR(64) NOT NULL UNIQUE,
    grants {json} NOT NULL,
    project_id INT,
    expires_at {time},
    revoked_at {time},
    last_used_at {time},
    created_at {time} NOT NULL
);
"""

PROJECTS = """
CREATE TABLE repositories (
    github_id BIGINT NOT NULL PRIMARY KEY,
    full_name VARCHAR(255) NOT NULL,
    default_branch VARCHAR(255) NOT NULL,
    private {flag} NOT NULL,
    archived {flag} NOT NULL,
    installation_id BIGINT,
    checked_at {time} NOT NULL
);
CREATE INDEX repositories_full_name ON repositories (full_name);
CREATE INDEX repositories_installation ON repositories (installation_id);
CREATE TABLE projects (
    id {number},
    name VARCHAR(255) NOT NULL UNIQUE,
    permalink VARCHAR(255) NOT NULL UNIQUE,
    repository_id BIGINT REFERENCES repositories (github_id) ON DELETE RESTRICT,
    build_workflow VARCHAR(255),
    build_inputs {json} NOT NULL,
    build_deadline_minutes INT NOT NULL,
    allowed_branches {json},
    tag_prefix VARCHAR(100) NOT NULL,
    trigger_tag_prefix VARCHAR(100) NOT NULL,
    tag_candidates {flag} NOT NULL,
    version_scheme VARCHAR(10) NOT NULL,
    archived {flag} NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    UNIQUE (repository_id, tag_prefix),
    UNIQUE (repository_id, trigger_tag_prefix)
);
CREATE TABLE environments (
    id {number},
    project_id INT NOT NULL REFERENCES projects (id) ON DELETE RESTRICT,
    name VARCHAR(255) NOT NULL,
    name_key VARCHAR(255) NOT NULL,
    tier VARCHAR(20) NOT NULL,
    workflow VARCHAR(255),
    inputs {json} NOT NULL,
    position INT NOT NULL,
    deploy_deadline_minutes INT NOT NULL,
    frozen {json},
    promotion_held {flag} NOT NULL,
    created_at {time} NOT NULL,
    UNIQUE (project_id, name_key)
);
"""

CANDIDATES = """
CREATE TABLE releases (
    id {number},
    project_id INT NOT NULL REFERENCES projects (id) ON DELETE RESTRICT,
    version VARCHAR(255) NOT NULL,
    release_type VARCHAR(20) NOT NULL,
    release_id VARCHAR(600) NOT NULL UNIQUE,
    status INT NOT NULL,
    "commit" VARCHAR(64),
    held {json},
    release_date {time},
    notes TEXT NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    UNIQUE (project_id, version, release_type)
);
CREATE INDEX releases_project ON releases (project_id, id);
CREATE TABLE candidates (
    id {number},
    project_id INT NOT NULL REFERENCES projects (id) ON DELETE RESTRICT,
    release_id INT NOT NULL REFERENCES releases (id) ON DELETE RESTRICT,
    repository_id BIGINT NOT NULL REFERENCES repositories (github_id) ON DELETE RESTRICT,
    number INT NOT NULL,
    version VARCHAR(120) NOT NULL,
    "commit" VARCHAR(64) NOT NULL,
    branch VARCHAR(255) NOT NULL,
    tip_at {time},
    tag VARCHAR(255),
    tagged {flag} NOT NULL,
    status VARCHAR(20) NOT NULL,
    reason TEXT,
    origin VARCHAR(255) UNIQUE,
    created_by_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    UNIQUE (release_id, number),
    UNIQUE (repository_id, tag)
);
CREATE INDEX candidates_project_version ON candidates (project_id, version);
CREATE INDEX candidates_commit ON candidates (repository_id, "commit");
"""

DEPLOYMENTS = """
CREATE TABLE deployments (
    id {number},
    environment_id INT NOT NULL REFERENCES environments (id) ON DELETE RESTRICT,
    candidate_id INT NOT NULL REFERENCES candidates (id) ON DELETE RESTRICT,
    from_candidate_id INT REFERENCES candidates (id) ON DELETE RESTRICT,
    kind VARCHAR(10) NOT NULL,
    reported {flag} NOT NULL,
    status VARCHAR(20) NOT NULL,
    error_message TEXT,
    origin VARCHAR(255) UNIQUE,
    actor_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    dispatch_after {time},
    deadline_at {time},
    deploy_start_at {time},
    deploy_end_at {time},
    created_at {time} NOT NULL
);
CREATE INDEX deployments_environment ON deployments (environment_id, id);
CREATE INDEX deployments_candidate ON deployments (candidate_id, environment_id);
CREATE INDEX deployments_status ON deployments (environment_id, status, deploy_end_at);
CREATE UNIQUE INDEX deployments_active ON deployments (environment_id)
    WHERE status IN ('pending', 'in_progress') AND NOT reported;
CREATE INDEX deployments_deadline ON deployments (deadline_at) WHERE status IN ('pending', 'in_progress', 'canceling');
CREATE TABLE runs (
    id {number},
    repository_id BIGINT NOT NULL REFERENCES repositories (github_id) ON DELETE RESTRICT,
    candidate_id INT REFERENCES candidates (id) ON DELETE RESTRICT,
    deployment_id INT REFERENCES deployments (id) ON DELETE RESTRICT,
    workflow VARCHAR(255) NOT NULL,
    "commit" VARCHAR(64) NOT NULL,
    request_id VARCHAR(40) NOT NULL UNIQUE,
    state VARCHAR(10) NOT NULL,
    cancel_requested {flag} NOT NULL,
    github_id BIGINT,
    first_attempt INT NOT NULL,
    attempt INT NOT NULL,
    status VARCHAR(20),
    conclusion VARCHAR(20),
    url VARCHAR(500),
    posted_at {time},
    checked_at {time},
    deadline_at {time} NOT NULL,
    created_at {time} NOT NULL,
    UNIQUE (repository_id, github_id, first_attempt)
);
CREATE INDEX runs_state ON runs (state, deadline_at);
CREATE INDEX runs_candidate ON runs (candidate_id);
CREATE INDEX runs_deployment ON runs (deployment_id);
"""

AUDIT = """
CREATE TABLE audit_entries (
    id {number},
    at {time} NOT NULL,
    actor VARCHAR(255) NOT NULL,
    door VARCHAR(20) NOT NULL,
    act VARCHAR(60) NOT NULL,
    alarm {flag} NOT NULL,
    project_id INT,
    subject VARCHAR(600) NOT NULL,
    "commit" VARCHAR(64),
    before {json},
    after {json}
);
CREATE INDEX audit_entries_project ON audit_entries (project_id, id);
CREATE INDEX audit_entries_alarm ON audit_entries (alarm, id);
"""

JOBS = """
CREATE TABLE jobs (
    id {big_number},
    kind TEXT NOT NULL,
    key TEXT,
    keep {flag} NOT NULL,
    lock TEXT,
    priority INT NOT NULL,
    payload {bytes},
    headers TEXT,
    state VARCHAR(8) NOT NULL,
    attempts INT NOT NULL,
    run_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    lease_owner TEXT,
    lease_expires BIGINT,
    error TEXT
);
CREATE UNIQUE INDEX jobs_key ON jobs (key) WHERE state <> 'done' OR keep;
CREATE UNIQUE INDEX jobs_lock ON jobs (lock) WHERE state = 'running';
CREATE INDEX jobs_due ON jobs (priority DESC, run_at, id) WHERE state = 'queued';
CREATE INDEX jobs_lease ON jobs (lease_expires) WHERE state = 'running';
CREATE INDEX jobs_finished ON jobs (state, keep, finished_at) WHERE finished_at IS NOT NULL;
"""


# Payloads are deleted within days, and compression halves the number of deliveries that PostgreSQL stores per second.
UNCOMPRESSED = "ALTER TABLE jobs ALTER payload SET STORAGE EXTERNAL;"
TEXT = USERS + PROJECTS + CANDIDATES + DEPLOYMENTS + AUDIT + JOBS


class Migration(Step):
    """Create all tables."""

    initial = True
    operations = [  # noqa: RUF012 - as Tortoise declares it
        for_each(sqlite=statements("sqlite", TEXT), postgres=statements("postgres", TEXT + UNCOMPRESSED))
    ]
