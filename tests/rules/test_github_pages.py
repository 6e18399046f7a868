"""Addresses of GitHub's pages."""

from bot.rules.github_pages import RepositoryPages

PAGES = RepositoryPages("https://ghe.example/", "acme/site")


def test_names_are_quoted_and_runs_have_addresses_on_github_only() -> None:
    assert PAGES.branch("release/1.0 ?#") == "https://ghe.example/acme/site/tree/release/1.0%20%3F%23"
    assert PAGES.compare("a" * 40, "b" * 40).endswith(f"/compare/{'a' * 40}...{'b' * 40}")
    assert PAGES.file("main", ".github/longshore.yml", 7).endswith("/blob/main/.github/longshore.yml#L7")
    assert PAGES.run(None, "https://ghe.example/acme/site/actions/runs/1") is None
    known = "https://ghe.example/acme/site/actions/runs/1?pr=2"
    assert PAGES.run(1, known) == known
    for other in (None, "javascript:alert(1)", "https://ghe.example.evil.example/x"):
        assert PAGES.run(1, other) == "https://ghe.example/acme/site/actions/runs/1"
