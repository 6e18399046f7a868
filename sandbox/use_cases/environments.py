"""Environments: the deployments of the jobs that use them, and what holds these back."""

from collections.abc import Sequence
from dataclasses import replace

from sandbox.accounts import Account, Team
from sandbox.errors import SandboxError, invalid
from sandbox.events import emit
from sandbox.records import Environment, EnvironmentJob, GateReport, Repository, Run
from sandbox.serializers import actions, checks
from sandbox.serializers.accounts import Json, repository_url
from sandbox.state import State
from sandbox.use_cases import deployments, teams

MAX_COMMENTS = 10
NOTHING_PENDING = "No pending deployment requests to approve or reject"


def get_or_create(state: State, repository: Repository, name: str) -> Environment:
    """Find an environment, or create one without protection, as GitHub does when a job names it."""
    key = name.lower()
    if key not in repository.environments:
        repository.environments[key] = Environment(next(state.ids.others), name, state.now())
    return repository.environments[key]


def hold(state: State, repository: Repository, run: Run) -> None:
    """Let the jobs of a run's attempt wait for the protection of their environments."""
    run.environment_jobs, run.finished_jobs = [], set()
    for use in run.uses:
        environment = get_or_create(state, repository, use.name)
        job = EnvironmentJob(replace(use, name=environment.name))
        run.environment_jobs.append(job)
        job.awaiting |= {"reviewers"} if environment.reviewers else set()
        job.awaiting |= {"rule"} if environment.rule and job.use.deployment else set()
    run.status = "waiting" if waiting_jobs(run) else "queued"


def waiting_jobs(run: Run) -> list[EnvironmentJob]:
    """The jobs of a run that wait for the protection of their environments, and for no other job."""
    return [job for job in run.environment_jobs if job.awaiting and not _is_blocked(run, job)]


def _is_blocked(run: Run, job: EnvironmentJob) -> bool:
    return not job.use.after <= run.finished_jobs


def request(state: State, repository: Repository, run: Run) -> None:
    """Create the deployments of waiting jobs, and ask the App about those that its protection rule holds back."""
    for job in [each for each in waiting_jobs(run) if not each.requested]:
        job.requested = True
        _report(state, repository, run, job, "waiting")
        if "rule" in job.awaiting:
            _ask(state, repository, run, job)


def _ask(state: State, repository: Repository, run: Run, job: EnvironmentJob) -> None:
    """Ask the App about a waiting job; the event names the run in the URL alone."""
    deployment = checks.deployment(state, repository, job.deployment) if job.deployment else None
    if state.faults.missing_deployments:
        state.faults.missing_deployments -= 1
        deployment = None
    body: Json = {
        "action": "requested",
        "environment": job.use.name,
        "event": run.event,
        "sha": run.head_sha,
        "ref": run.ref,
        "deployment_callback_url": (
            f"{repository_url(state, repository)}/actions/runs/{run.id}/deployment_protection_rule"
        ),
        "deployment": deployment,
        "pull_requests": [],
    }
    emit(state, "deployment_protection_rule", repository, run.triggering_actor, body)


def _report(state: State, repository: Repository, run: Run, job: EnvironmentJob, status: str) -> None:
    """Add a status to the deployment of a job, which is created first if there is none."""
    if not job.use.deployment:
        return
    if job.deployment is None:
        job.deployment = deployments.create_for_job(state, repository, run, job.use.name)
    number = actions.job_id(run, run.jobs.index(job.use.job))
    page = f"{state.html_url}/{repository.full_name}/actions/runs/{run.id}/job/{number}"
    body = {"state": status, "log_url": page}
    if status == "success" and job.use.url:
        body["environment_url"] = job.use.url
    deployments.add_status(state, repository, job.deployment, body, state.actions_bot, run)


def report_start(state: State, repository: Repository, run: Run) -> None:
    """Report that the jobs of a run have begun to deploy, except those that wait."""
    for job in run.environment_jobs:
        if not (job.began or job.awaiting or _is_blocked(run, job)):
            job.began = True
            _report(state, repository, run, job, "in_progress")


def finish_job(state: State, repository: Repository, run: Run, name: str) -> None:
    """Let a job of a run succeed, and begin those that need it, or ask about their environments."""
    jobs = {job.use.job: job for job in run.environment_jobs}
    if name not in run.jobs or name in run.finished_jobs or run.status != "in_progress":
        raise SandboxError(f"The run has no job {name} in progress.")
    if name in jobs and not jobs[name].began:
        raise SandboxError(f"The job {name} has not begun.")
    run.finished_jobs.add(name)
    if name in jobs:
        _report(state, repository, run, jobs[name], "success")
    run.status, run.updated_at = "waiting" if waiting_jobs(run) else "in_progress", state.now()
    request(state, repository, run)
    report_start(state, repository, run)


def jobs_before_gates(run: Run) -> list[str]:
    """The unfinished jobs of a run after which others wait for their environments, in the order of the file."""
    needed = {name for job in run.environment_jobs if job.awaiting for name in job.use.after}
    held = {job.use.job for job in run.environment_jobs if not job.began}
    return [name for name in run.jobs if name in needed - run.finished_jobs - held]


def report_end(state: State, repository: Repository, run: Run, conclusion: str) -> None:
    """Report how the jobs of a run have ended; without a deployment are those that did not begin."""
    ends, succeeds = conclusion in ("success", "failure", "timed_out"), conclusion == "success"
    begun = not waiting_jobs(run) and ends
    for job in run.environment_jobs:
        job.awaiting.clear()
        begins = begun and (succeeds or not _is_blocked(run, job))
        if job.use.job not in run.finished_jobs and (job.deployment or begins):
            _report(state, repository, run, job, "success" if succeeds else "failure")


def check_waiting(run: Run) -> None:
    """Refuse to start a run that waits."""
    if waiting := waiting_jobs(run):
        job = waiting[0]
        what = " and ".join(sorted(job.awaiting)).replace("rule", "protection rule")
        raise SandboxError(f"The run waits for the {what} of the environment {job.use.name}.")


def check_success(run: Run) -> None:
    """Refuse that a run succeeds while its jobs wait, or will have to."""
    check_waiting(run)
    if held := [job for job in run.environment_jobs if job.awaiting]:
        names = ", ".join(name for name in run.jobs if name in held[0].use.after - run.finished_jobs)
        raise SandboxError(f"The job {held[0].use.job} needs {names}, and has to wait then: finish single jobs first.")


def approve(state: State, repository: Repository, run: Run, job: EnvironmentJob, what: str) -> bool:
    """Approve a waiting job as `reviewers` or as `rule`; return whether the run waits no longer."""
    job.awaiting.discard(what)
    if not job.awaiting:
        _report(state, repository, run, job, "queued")
    if waiting_jobs(run):
        return False
    run.status, run.updated_at = "in_progress" if run.finished_jobs else "queued", state.now()
    if run.finished_jobs:
        report_start(state, repository, run)
    return True


def add_report(run: Run, report: GateReport) -> EnvironmentJob:
    """Record what the App says about a waiting job; raise GitHub's error when it does not wait for the App."""
    for job in waiting_jobs(run):
        if job.use.name.lower() == report.environment.lower() and "rule" in job.awaiting:
            comments = sum(each.state is None for each in job.reports)
            if report.state is None and comments >= MAX_COMMENTS:
                raise invalid(f"Only {MAX_COMMENTS} status reports are allowed for a deployment.")
            job.reports.append(report)
            return job
    raise invalid(NOTHING_PENDING)


def find_job(run: Run, name: str | None) -> EnvironmentJob:
    """Find a job of a run that waits for an environment; for the first one without a name."""
    for job in waiting_jobs(run):
        if name is None or name.lower() == job.use.name.lower():
            return job
    raise SandboxError(f"No job of the run waits for {name or 'an environment'}.")


def check_reviewer(state: State, environment: Environment, run: Run, account: Account) -> None:
    """Refuse an account that is not a required reviewer, or that started the run where that is not allowed."""
    if not any(_is_reviewer(state, reviewer, account) for reviewer in environment.reviewers):
        raise SandboxError(f"{account.login} is not a reviewer of the environment {environment.name}.")
    if environment.prevent_self_review and account is run.triggering_actor:
        raise SandboxError(f"{account.login} started the run, and may not approve its deployment.")


def _is_reviewer(state: State, reviewer: Account | Team, account: Account) -> bool:
    if isinstance(reviewer, Account):
        return reviewer is account
    found = teams.membership(state, reviewer, account)
    return found is not None and found.state == "active"


def reviewers(state: State, organization: Account, logins: Sequence[str], slugs: Sequence[str]) -> list[Account | Team]:
    """Accounts and teams as the reviewers of an environment."""
    return [*map(state.account, logins), *(teams.find(state, organization, slug) for slug in slugs)]
