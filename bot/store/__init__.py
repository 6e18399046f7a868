"""Everything stored: models (one file per aggregate), database engines, migrations and queries."""

MODELS = [
    "bot.store.announcements",
    "bot.store.app_credentials",
    "bot.store.audit",
    "bot.store.candidates",
    "bot.store.comparisons",
    "bot.store.config_files",
    "bot.store.content",
    "bot.store.deployments",
    "bot.store.gates",
    "bot.store.github_views",
    "bot.store.handled_comments",
    "bot.store.idempotency_records",
    "bot.store.jobs",
    "bot.store.performed_requests",
    "bot.store.projects",
    "bot.store.releases",
    "bot.store.runs",
    "bot.store.seen_tags",
    "bot.store.sessions",
    "bot.store.users",
]
