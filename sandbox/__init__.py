"""A GitHub in a box: a stateful fake of the API for one App, over a private copy of a real git repository."""

from sandbox.errors import SandboxError
from sandbox.github import GitHub
from sandbox.template import make_repository

__all__ = ["GitHub", "SandboxError", "make_repository"]
