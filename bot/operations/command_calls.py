"""One command that is to be performed, and what is declared of each command."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from bot.context import Context, authorize
from bot.errors import Refusal, project_not_found
from bot.operations import touched_projects
from bot.rules import replies
from bot.rules.command_arguments import DRY_RUN, DURATION, FORCE, PROJECT, REASON, SPELLINGS, TIME
from bot.rules.comments import Place
from bot.rules.grammar import PREFIX, Argument, Grammar, ParsedCommand
from bot.rules.names import unknown
from bot.rules.permissions import role_for
from bot.rules.replies import Act, CommandHelp
from bot.rules.versions import INVALID as INVALID_VERSION
from bot.rules.versions import release_part, without_prefix
from bot.store.database import rehearsal
from bot.store.projects import Project, Repository
from bot.store.releases import Release

R = TypeVar("R")


@dataclass(frozen=True)
class CommandCall:
    """One command of a comment or of a tag's message, to be performed on behalf of its author.

    `place` is the pull request or commit that was commented on, or the commit of the tag.
    `chosen` is the project if that is known already.
    """

    context: Context
    repository: Repository
    place: Place
    arguments: ParsedCommand
    chosen: Project | None = None

    @property
    def is_dry_run(self) -> bool:
        """Whether only to say what the command would do."""
        return DRY_RUN in self.arguments.flags

    @property
    def is_forced(self) -> bool:
        """Whether gates are to be overridden. Then there is a reason."""
        return FORCE in self.arguments.flags

    @property
    def reason(self) -> str | None:
        """The reason that was given."""
        return self.arguments.get(REASON)

    @property
    def until(self) -> datetime | None:
        """The end (UTC) given by `until TIME` or `for DURATION`; None without either. Refuses one in the past."""
        now = self.context.now()
        time, duration = self.arguments.get(TIME), self.arguments.get(DURATION)
        if time is not None:
            return time.after(now)
        return None if duration is None else now + duration

    async def project(self) -> Project:
        """The project that the command is about: the one named by `in PROJECT`, or the repository's only one.

        Of several, it is the one whose files the pull request or commit changes.
        """
        if self.chosen is not None:
            return self.chosen
        name = self.arguments.get(PROJECT)
        projects = await Project.filter(repository_id=self.repository.github_id, archived=False).order_by("id")
        if name is not None:
            projects = [project for project in projects if name in (project.name, project.permalink)]
        if not projects:
            raise await self._unknown(name)
        if len(projects) > 1:
            about = await touched_projects.among(self.context, self.repository, self.place, projects)
            projects = about if len(about) == 1 else projects
        if len(projects) > 1:
            several = replies.several_projects(project.name for project in projects)
            self._refuse_misspelled(projects, several)
            raise Refusal(several)
        return projects[0]

    def _refuse_misspelled(self, projects: Sequence[Project], several: str) -> None:
        """Refuse a version that none of these projects would take, so that one reply tells of all that is wrong."""
        for argument, parse in SPELLINGS.items():
            written = self.arguments.get(argument)
            if written is None:
                continue
            refusals = []
            for project in projects:
                try:
                    parse(without_prefix(written, project.trigger_tag_prefix) or written)
                except Refusal as refusal:
                    refusals.append(refusal)
            if len(refusals) == len(projects):
                nearest = min(refusals, key=lambda refusal: len(refusal.details["expected"]))  # without a prefix
                raise Refusal(nearest.sentence, **nearest.details, reason=several)

    async def _unknown(self, name: str | None) -> Refusal:
        """Build the error for a project that the repository does not have."""
        if name is None:
            return project_not_found(repo=self.repository.full_name)
        others = await Project.filter(repository_id=self.repository.github_id, archived=False).order_by("name")
        return project_not_found(
            project=name, repo=self.repository.full_name, **unknown("projects", name, [each.name for each in others])
        )

    async def version(self, project: Project, argument: Argument[str]) -> str:
        """A version as the project calls it: `v1.4.0` is `1.4.0` where tags `v…` cut candidates.

        Unless the project has a release of just that name.
        """
        written = self.arguments.require(argument)
        prefix = project.trigger_tag_prefix
        if written.lower() == prefix.lower():
            raise Refusal(INVALID_VERSION, expected=f"a version, as in {prefix}1.4.0 or 1.4.0")
        bare = without_prefix(written, prefix)
        if bare is None or await Release.exists(project_id=project.id, version=release_part(written)):
            return written
        return bare


@dataclass(frozen=True)
class Command(Generic[R]):
    """A command: its grammar, the function that performs it, and the one that words the reply to its result.

    A command that `changes` something takes `--dry-run`: then `preview` says what it would do. Without `preview`, it is
    performed in a transaction that is undone; so it calls nothing but the database, and its result is an `Act`.

    `grants` are shown in the help as roles, the second one for production; the operation checks them. `who` is shown
    instead where no grant decides. A command that `changes` something is not performed when it arrives late. The
    example begins with `/release`. `details` are sentences for those who ask for help on this command.
    """

    grammar: Grammar
    grants: tuple[str, ...]
    changes: bool
    perform: Callable[[CommandCall], Awaitable[R]]
    reply: Callable[[R], str]
    summary: str
    example: str
    details: str = ""
    who: str = ""
    preview: Callable[[CommandCall], Awaitable[str]] | None = None

    @property
    def help(self) -> CommandHelp:
        """The command as the help shows it where the word of all commands is `/release`."""
        return self.help_with(PREFIX)

    def help_with(self, prefix: str) -> CommandHelp:
        """The command as the help shows it, where `prefix` is the word of all commands."""
        role, *production = [role_for(grant) or "" for grant in self.grants] or [""]
        roles = "; ".join([role, *(f"{each} for production" for each in production)])
        return CommandHelp(
            usage=self.grammar.usage_with(prefix),
            summary=self.summary,
            example=self.example.replace(PREFIX, prefix, 1),
            roles=self.who or roles,
            details=self.details,
            arguments={argument.usage: argument.meaning for argument in self.grammar.arguments()},
        )

    async def run(self, call: CommandCall) -> str:
        """Perform the command; returns the text of the reply. Who lacks the role is told nothing else.

        All arguments are checked before anything is done.
        """
        if self.grants:
            authorize(call.context.actor, *self.grants)
        self.grammar.check(call.arguments)
        if call.is_dry_run:
            return replies.in_dry_run(await self._rehearse(call))
        return self.reply(await self.perform(call))

    async def _rehearse(self, call: CommandCall) -> str:
        if self.preview is not None:
            return await self.preview(call)
        chosen = replace(call, chosen=await call.project())  # which may be found out by asking GitHub
        async with rehearsal():
            result = await self.perform(chosen)
        if not isinstance(result, Act):
            raise TypeError(f"{self.grammar.word} needs a preview")
        return replies.would(result)
