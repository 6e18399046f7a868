"""Teams and memberships as JSON."""

from sandbox.accounts import Account, Membership, Team
from sandbox.records import format_time
from sandbox.serializers.accounts import Json, full_user, node_id, organization
from sandbox.state import State


def team_summary(state: State, team: Team) -> Json:
    """Serialize a team as nested in other objects."""
    url = f"{state.api}/organizations/{team.organization.id}/team/{team.id}"
    return {
        "id": team.id,
        "node_id": node_id("T", team.id),
        "name": team.name,
        "slug": team.slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "type": "organization",
        "organization_id": team.organization.id,
        "url": url,
        "html_url": f"{state.html_url}/orgs/{team.organization.login}/teams/{team.slug}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
    }


def team(state: State, team: Team) -> Json:
    """Serialize a team in full."""
    links = organization(state, team.organization)
    return {
        **team_summary(state, team),
        "parent": team_summary(state, team.parent) if team.parent else None,
        "members_count": sum(membership.state == "active" for membership in team.members.values()),
        "repos_count": 0,
        "created_at": format_time(team.created_at),
        "updated_at": format_time(team.created_at),
        "organization": {
            **full_user(state, team.organization),
            **links,
            "has_organization_projects": True,
            "has_repository_projects": True,
            "is_verified": False,
            "archived_at": None,
        },
    }


def membership(state: State, team: Team, account: Account, membership: Membership) -> Json:
    """Serialize an account's membership of a team."""
    url = f"{state.api}/organizations/{team.organization.id}/team/{team.id}/memberships/{account.login}"
    return {"url": url, "role": membership.role, "state": membership.state}
