"""Tables and columns of package releases, announcements, release schedules, released files and idempotency records."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

RELEASES = """
CREATE TABLE products (
    id {number},
    name VARCHAR(200) NOT NULL,
    short VARCHAR(200) NOT NULL UNIQUE,
    active {flag} NOT NULL
);
CREATE TABLE product_versions (
    id {number},
    product_id INT NOT NULL REFERENCES products (id) ON DELETE RESTRICT,
    name VARCHAR(200) NOT NULL,
    short VARCHAR(200) NOT NULL,
    version VARCHAR(200) NOT NULL,
    active {flag} NOT NULL,
    product_version_id VARCHAR(401) NOT NULL UNIQUE
);
ALTER TABLE releases ADD COLUMN name VARCHAR(255);
ALTER TABLE releases ADD COLUMN product_version_id INT REFERENCES product_versions (id) ON DELETE RESTRICT;
ALTER TABLE releases ADD COLUMN active {flag} NOT NULL DEFAULT {true};
ALTER TABLE releases ADD COLUMN files {json} NOT NULL DEFAULT '{{}}';
ALTER TABLE releases ADD COLUMN signature VARCHAR(256);
CREATE INDEX releases_status ON releases (status, id) WHERE release_type = 'ga' AND held IS NULL;
CREATE INDEX releases_project_status ON releases (project_id, status, id) WHERE release_type = 'ga' AND held IS NULL;
CREATE INDEX releases_held ON releases (project_id, id) WHERE held IS NOT NULL;
CREATE INDEX releases_project_date ON releases (project_id, status, release_date);
"""

ANNOUNCEMENTS = """
ALTER TABLE projects ADD COLUMN oneliner VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE projects ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE projects ADD COLUMN license_list {json} NOT NULL DEFAULT '[]';
ALTER TABLE projects ADD COLUMN tag_list {json} NOT NULL DEFAULT '[]';
CREATE TABLE announcements (
    id {number},
    project_id INT NOT NULL REFERENCES projects (id) ON DELETE RESTRICT,
    release_id INT REFERENCES releases (id) ON DELETE RESTRICT,
    version VARCHAR(255) NOT NULL,
    changelog TEXT NOT NULL,
    tag_list {json} NOT NULL,
    hidden_from_frontpage {flag} NOT NULL,
    state VARCHAR(10) NOT NULL,
    submitted_by_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    created_at {time} NOT NULL,
    decided_by_id INT REFERENCES users (id) ON DELETE RESTRICT,
    decided_at {time},
    reason TEXT
);
CREATE UNIQUE INDEX announcements_open ON announcements (project_id, version) WHERE state IN ('pending', 'approved');
CREATE INDEX announcements_listed ON announcements (project_id, state, decided_at, id);
CREATE INDEX announcements_queue ON announcements (state, id);
CREATE INDEX announcements_waiting ON announcements (project_id, state, id);
CREATE INDEX announcements_submitted ON announcements (submitted_by_id, state, id);
CREATE INDEX announcements_release ON announcements (release_id);
CREATE TABLE links (
    id {number},
    project_id INT NOT NULL REFERENCES projects (id) ON DELETE RESTRICT,
    permalink VARCHAR(100) NOT NULL,
    label VARCHAR(100) NOT NULL,
    location VARCHAR(2000) NOT NULL,
    created_at {time} NOT NULL,
    UNIQUE (project_id, permalink)
);
"""

CONTENT = """
CREATE TABLE slas (
    id {number},
    name VARCHAR(300) NOT NULL UNIQUE,
    description TEXT NOT NULL
);
CREATE TABLE schedules (
    id {number},
    release_id INT NOT NULL REFERENCES releases (id) ON DELETE RESTRICT,
    sla_id INT NOT NULL REFERENCES slas (id) ON DELETE CASCADE,
    date DATE NOT NULL,
    UNIQUE (release_id, sla_id)
);
CREATE INDEX schedules_date ON schedules (date, id);
CREATE INDEX schedules_sla ON schedules (sla_id, date, id);
CREATE TABLE variants (
    id {number},
    release_id INT NOT NULL REFERENCES releases (id) ON DELETE RESTRICT,
    uid VARCHAR(200) NOT NULL,
    variant VARCHAR(200) NOT NULL,
    name VARCHAR(300) NOT NULL,
    type VARCHAR(20) NOT NULL,
    arches {json} NOT NULL,
    variant_version VARCHAR(100),
    variant_release VARCHAR(100),
    UNIQUE (release_id, uid)
);
CREATE TABLE content_repos (
    id {number},
    variant_id INT NOT NULL REFERENCES variants (id) ON DELETE CASCADE,
    arch VARCHAR(50) NOT NULL,
    service VARCHAR(50) NOT NULL,
    repo_family VARCHAR(50) NOT NULL,
    content_format VARCHAR(50) NOT NULL,
    content_category VARCHAR(50) NOT NULL,
    name VARCHAR(2000) NOT NULL,
    shadow {flag} NOT NULL,
    product_id BIGINT,
    UNIQUE (variant_id, arch, service, repo_family, content_format, content_category, name, shadow)
);
CREATE INDEX content_repos_name ON content_repos (name);
CREATE TABLE rpms (
    id {number},
    name VARCHAR(200) NOT NULL,
    epoch BIGINT NOT NULL,
    version VARCHAR(200) NOT NULL,
    release VARCHAR(200) NOT NULL,
    arch VARCHAR(200) NOT NULL,
    srpm_name VARCHAR(200) NOT NULL,
    srpm_nevra VARCHAR(200),
    filename VARCHAR(4096) NOT NULL,
    UNIQUE (name, epoch, version, release, arch)
);
CREATE TABLE released_files (
    id {number},
    rpm_id INT NOT NULL REFERENCES rpms (id) ON DELETE RESTRICT,
    repo_id INT NOT NULL REFERENCES content_repos (id) ON DELETE CASCADE,
    released_date DATE,
    release_date DATE NOT NULL,
    created_at {time} NOT NULL,
    updated_at {time} NOT NULL,
    zero_day_release {flag} NOT NULL,
    obsolete {flag} NOT NULL,
    UNIQUE (rpm_id, repo_id)
);
CREATE INDEX released_files_repo ON released_files (repo_id, release_date, id);
CREATE INDEX released_files_date ON released_files (release_date, id);
CREATE TABLE changesets (
    id {number},
    author VARCHAR(255) NOT NULL,
    requested_on {time} NOT NULL,
    committed_on {time} NOT NULL,
    comment TEXT,
    resource VARCHAR(60) NOT NULL,
    changes {json} NOT NULL
);
CREATE INDEX changesets_resource ON changesets (resource, id);
"""

IDEMPOTENCY_RECORDS = """
CREATE TABLE kept_answers (
    id {number},
    user_id INT NOT NULL,
    key VARCHAR(255) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    status INT,
    headers {json},
    body {bytes},
    created_at {time} NOT NULL,
    UNIQUE (user_id, key)
);
CREATE INDEX kept_answers_age ON kept_answers (created_at);
"""

TEXT = RELEASES + ANNOUNCEMENTS + CONTENT + IDEMPOTENCY_RECORDS


class Migration(Step):
    """Create the tables and add the columns."""

    dependencies = [("models", "0001_initial")]  # noqa: RUF012 - as Tortoise declares it
    operations = [for_each(sqlite=statements("sqlite", TEXT), postgres=statements("postgres", TEXT))]  # noqa: RUF012
