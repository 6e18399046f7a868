"""Example values for the API description: by JSON type, then by the name of the field or the format."""

from collections.abc import Mapping

from pydantic import JsonValue

CREATED_AT, FINISHED_AT = "2026-11-03T18:00:00Z", "2026-11-03T18:04:00Z"
COMMIT = "8f1c2d3e4b5a69788796a5b4c3d2e1f001122334"
URL = "https://releases.example.com"
VALUES: Mapping[str, Mapping[str, JsonValue]] = {
    "boolean": {"": False},
    "number": {"": 1.0},
    "integer": {
        "": 1,
        "status": 30,
        "build_deadline_minutes": 60,
        "deploy_deadline_minutes": 30,
        "expires_in_days": 90,
    },
    "object": {
        "build_inputs": {"target": "production"},
        "inputs": {"region": "eu-west-1"},
        "files": {"js": ["js/site.js"]},
        "frozen": {"reason": "Holidays.", "until": "2099-01-02T08:00:00Z"},
    },
    "string": {
        "": "text",
        "date": "2026-11-03",
        "date-time": CREATED_AT,
        "uri": f"{URL}/",
        "release_date": "2024-11-05T18:00:00Z",
        "bump": "minor",
        "include": "testing",
        **dict.fromkeys(("name", "project", "package", "permalink"), "site"),
        **dict.fromkeys(("actor", "created_by", "decided_by", "submitted_by", "user"), "ada"),
        **dict.fromkeys(("version", "from_release_version"), "1.3.0"),
        "release_version": "1.4.0",
        "release_id": "site-1.3.0",
        **dict.fromkeys(("release_candidate_version", "newest_candidate", "tag"), "1.4.0-rc1"),
        "from_release_candidate_version": "1.3.0-rc2",
        **dict.fromkeys(("deploy_end_at", "decided_at", "last_used_at"), FINISHED_AT),
        **dict.fromkeys(("expires_at", "revoked_at"), "2027-11-03T18:00:00Z"),
        "repo": "acme/site",
        "commit": COMMIT,
        "allowed_branches": "main",
        "tag_prefix": "v",
        "trigger_tag_prefix": "release/",
        "version_scheme": "semver",
        "promote_on_tag": "production",
        "build_workflow": "build.yml",
        "workflow": "deploy.yml",
        **dict.fromkeys(("tier", "environment_name"), "production"),
        "status": "success",
        "status_name": "released",
        "conclusion": "success",
        "state": "approved",
        "url": f"{URL}/api/releases/site/releases/1.4.0-rc1",
        "next": f"{URL}/api/releases/?page=3",
        "previous": f"{URL}/api/releases/?page=1",
        "reason": "Superseded by 1.4.0-rc2.",
        "error_message": "The health check failed.",
        "tag_list": "stable",
        **dict.fromkeys(("changelog", "notes", "release_notes"), "Security patch."),
        "signature": "-----BEGIN PGP SIGNATURE-----",
        "grants": "project:read",
        "prefix": "lsh_0123abcd",
        "token": "lsh_0123abcdEFGH4567ijklMNOP8901qrstUVWX2345yz_",
        **dict.fromkeys(("release_cut_id", "deployment_id", "workflow_run_id"), "1"),
    },
}
