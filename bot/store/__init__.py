"""What we remember: models, one file per aggregate, and the engines, migrations and queries under them."""

MODELS = [
    "bot.store.announcements",
    "bot.store.idempotency_records",
    "bot.store.audit",
    "bot.store.candidates",
    "bot.store.content",
    "bot.store.deployments",
    "bot.store.jobs",
    "bot.store.performed_requests",
    "bot.store.projects",
    "bot.store.releases",
    "bot.store.runs",
    "bot.store.users",
]
