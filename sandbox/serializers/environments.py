"""Environments and the deployments that wait for them as JSON."""

from urllib.parse import quote

from sandbox.accounts import Account, Team
from sandbox.records import Environment, EnvironmentJob, Repository, Run, format_time
from sandbox.serializers.accounts import Json, node_id, repository_url, user
from sandbox.serializers.teams import team_summary
from sandbox.state import State


def _links(state: State, repository: Repository, environment: Environment) -> Json:
    name = quote(environment.name, safe="")
    return {
        "id": environment.id,
        "node_id": node_id("EN", environment.id),
        "name": environment.name,
        "url": f"{repository_url(state, repository)}/environments/{name}",
        "html_url": f"{state.html_url}/{repository.full_name}/deployments/activity_log?environments_filter={name}",
    }


def _reviewer(state: State, reviewer: Account | Team) -> Json:
    if isinstance(reviewer, Account):
        return {"type": "User", "reviewer": user(state, reviewer)}
    parent = team_summary(state, reviewer.parent) if reviewer.parent else None
    return {"type": "Team", "reviewer": {**team_summary(state, reviewer), "parent": parent}}


def environment(state: State, repository: Repository, environment: Environment) -> Json:
    """Serialize an environment; custom protection rules have an endpoint of their own."""
    rule_id = environment.id + 1
    rule = {
        "id": rule_id,
        "node_id": node_id("GA", rule_id),
        "type": "required_reviewers",
        "prevent_self_review": environment.prevent_self_review,
        "reviewers": [_reviewer(state, reviewer) for reviewer in environment.reviewers],
    }
    return {
        **_links(state, repository, environment),
        "created_at": format_time(environment.created_at),
        "updated_at": format_time(environment.created_at),
        "can_admins_bypass": True,
        "protection_rules": [rule] if environment.reviewers else [],
        "deployment_branch_policy": None,
    }


def protection_rule(state: State, environment: Environment) -> Json:
    """Serialize the App's protection rule on an environment."""
    rule_id = environment.id + 2
    return {
        "id": rule_id,
        "node_id": node_id("GA", rule_id),
        "enabled": True,
        "app": {
            "id": state.app_id,
            "slug": state.app_slug,
            "integration_url": f"{state.api}/apps/{state.app_slug}",
            "node_id": node_id("A", state.app_id),
        },
    }


def pending_deployment(state: State, repository: Repository, run: Run, job: EnvironmentJob) -> Json:
    """Serialize a job that waits for its environment; the App is no reviewer."""
    used = repository.environments[job.use.name.lower()]
    return {
        "environment": _links(state, repository, used),
        "wait_timer": 0,
        "wait_timer_started_at": format_time(run.updated_at),
        "current_user_can_approve": False,
        "reviewers": [_reviewer(state, reviewer) for reviewer in used.reviewers],
    }
