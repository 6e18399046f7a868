"""A plain Django REST framework service, to compare writes with: schedules of releases, and an audit entry for each.

It runs in an environment of its own, which `benchmarks/content.py` makes: `python django_service.py PORT ROWS TOKEN`
creates the tables with that many releases, and serves them in one process with four threads. BENCHMARK_DATABASE is the
file of an SQLite database or the URL of a PostgreSQL one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.conf import settings

THREADS = 4


def database(address: str) -> dict[str, object]:
    """Return Django's settings for a database, with the durability that Longshore has."""
    if address.startswith("postgres"):
        url = urlsplit(address)
        names = {"NAME": url.path[1:], "USER": url.username, "PASSWORD": url.password or "", "HOST": url.hostname}
        return {"ENGINE": "django.db.backends.postgresql", "PORT": url.port, "CONN_MAX_AGE": None, **names}
    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    options = {"transaction_mode": "IMMEDIATE", "timeout": 8, "init_command": pragmas}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": address, "CONN_MAX_AGE": None, "OPTIONS": options}


settings.configure(
    SECRET_KEY="benchmark",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={"default": database(os.environ["BENCHMARK_DATABASE"])},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
    ],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - Django's models can be imported only once it is set up
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import routers, serializers, viewsets  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402


class Release(models.Model):
    """A release."""

    release_id = models.CharField(max_length=600, unique=True)

    class Meta:
        """The application of this file."""

        app_label = "benchmark"


class Sla(models.Model):
    """A service level agreement."""

    name = models.CharField(max_length=300, unique=True)

    class Meta:
        """The application of this file."""

        app_label = "benchmark"


class Schedule(models.Model):
    """The date until which an SLA applies to a release."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT)
    sla = models.ForeignKey(Sla, on_delete=models.CASCADE)
    date = models.DateField()

    class Meta:
        """One date per release and SLA."""

        app_label = "benchmark"
        constraints = (models.UniqueConstraint(fields=["release", "sla"], name="one_date"),)


class AuditEntry(models.Model):
    """Who wrote what."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=255)
    act = models.CharField(max_length=60)
    subject = models.CharField(max_length=600)
    after = models.JSONField(null=True)

    class Meta:
        """The application of this file."""

        app_label = "benchmark"


class ScheduleSerializer(serializers.ModelSerializer):
    """Schedules as JSON, with the names of what they refer to."""

    release = serializers.SlugRelatedField(slug_field="release_id", queryset=Release.objects.all())
    sla = serializers.SlugRelatedField(slug_field="name", queryset=Sla.objects.all())

    class Meta:
        """Its model."""

        model = Schedule
        fields = ("id", "release", "sla", "date")


class ScheduleViewSet(viewsets.ModelViewSet):
    """All calls on schedules."""

    queryset = Schedule.objects.select_related("release", "sla")
    serializer_class = ScheduleSerializer

    def perform_create(self, serializer: serializers.BaseSerializer) -> None:
        """Write the row and its audit entry in one transaction."""
        with transaction.atomic():
            row = serializer.save()
            AuditEntry.objects.create(
                actor=self.request.user.username,
                act="records.changed",
                subject=f"schedule {row.id}",
                after=dict(serializer.data),
            )


router = routers.DefaultRouter()
router.register("release-schedules", ScheduleViewSet)
urlpatterns = [path("rest_api/v1/", include(router.urls))]
application = get_wsgi_application()


def prepare(rows: int, token: str) -> None:
    """Create the tables and fill them."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Release, Sla, Schedule, AuditEntry):
            editor.create_model(model)
    Sla.objects.create(name="gold")
    Release.objects.bulk_create([Release(release_id=f"release-{number}") for number in range(rows)], batch_size=500)
    Token.objects.create(user=User.objects.create_user("benchmark"), key=token)


def main() -> None:
    """Prepare the database, and become the server."""
    port, rows, token = sys.argv[1:4]
    prepare(int(rows), token)
    command = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread"]
    command += ["--threads", str(THREADS), "--keep-alive", "60", "--log-level", "error"]
    command += ["--chdir", str(Path(__file__).parent), "django_service:application"]
    os.execv(sys.executable, [sys.executable, *command])


if __name__ == "__main__":
    main()
