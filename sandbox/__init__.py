"""A GitHub simulator: the API for one App, with state, over a private copy of a real git repository."""

from sandbox.errors import SandboxError
from sandbox.github import GitHub
from sandbox.lifecycle import SandboxOptions
from sandbox.template import make_repository

__all__ = ["GitHub", "SandboxError", "SandboxOptions", "make_repository"]
