"""GitHub as emulate imitates it. The lists of a repository's comments it lacks: they are read issue by issue here."""

from typing import Any

import pytest

from tests.real.library import adapted, assert_success, stored, without
from tests.support.installation import Installation
from tests.support.real_sources import Api, Emulate

pytestmark = pytest.mark.real
PER_REPOSITORY = {
    "issues": "issues?state=all", "labels": "labels?", "milestones": "milestones?state=all",
    "pull_requests": "pulls?state=all", "commit_comments": "comments?", "releases": "releases?",
}  # fmt: skip
CHANGES = {
    # emulate answers 404 to /repos/X/issues/comments and /repos/X/pulls/comments.
    "issue_comments": {
        "for_each": "issues",
        "path": "{{ parent.url | replace('https://api.github.com', base_url) | encoded }}/comments",
        "query": {"per_page": 100}, "incremental": None,
        "record": {"path": "{{ record.url | encoded }}"},
    },
    "review_comments": {
        "for_each": "pull_requests", "path": "{{ parent.url | encoded }}/comments", "query": {"per_page": 100},
        "incremental": None, "record": {"path": "{{ record.url | encoded }}"},
    },
    # It moves a milestone's time with every look at it.
    "milestones": {"volatile": ["updated_at"]},
    # It answers the file's description where the file itself is asked for.
    "release_assets": {"blob": None},
}  # fmt: skip


def everything(api: Api, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(1, 1000):
        page = api.get(f"{path}{'&' if '?' in path else '?'}per_page=7&page={number}".replace("?&", "?"))
        if not page:
            return found
        found += page
    raise AssertionError("no end")


def at_source(api: Api) -> dict[str, dict[str, Any]]:
    repositories = everything(api, "/user/repos")
    found: dict[str, dict[str, Any]] = {"repositories": {str(one["id"]): one for one in repositories}}
    for name, path in PER_REPOSITORY.items():
        found[name] = {
            str(one["id"]): one
            for repository in repositories
            for one in everything(api, f"/repos/{repository['full_name']}/{path}")
        }
    for name, above in (("issue_comments", "issues"), ("review_comments", "pull_requests")):
        found[name] = {
            str(one["id"]): one
            for parent in found[above].values()
            for one in everything(api, f"{parent['url']}/comments")
        }
    found["release_assets"] = {
        str(one["id"]): one
        for release in found["releases"].values()
        for one in everything(api, f"{release['url']}/assets")
    }
    return found


def test_github(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("github", "Bearer ghtok")
    repository = "/repos/octocat/hello-world"
    numbers = [api.post(f"{repository}/issues", {"title": f"issue {n}", "body": "é✓"})["number"] for n in range(130)]
    for number in numbers[:20]:
        api.post(f"{repository}/issues/{number}/comments", {"body": f"on {number}"})
    api.post("/repos/octocat/other/issues", {"title": "elsewhere"})
    for n in range(5):
        api.post(f"{repository}/labels", {"name": f"label {n}", "color": "ff0000"})
        api.post(f"{repository}/milestones", {"title": f"milestone {n}"})
    head = api.get(f"{repository}/branches/main")["commit"]["sha"]
    api.post(f"{repository}/git/refs", {"ref": "refs/heads/topic", "sha": head})
    api.ask("PUT", f"{repository}/contents/a.txt", {"message": "a", "content": "YQ==", "branch": "topic"})
    api.post(f"{repository}/pulls", {"title": "a pull request", "head": "topic", "base": "main"})
    api.post(f"{repository}/commits/{head}/comments", {"body": "on a commit"})
    release = api.post(f"{repository}/releases", {"tag_name": "v1", "name": "v1"})["id"]
    api.ask("POST", f"{repository}/releases/{release}/assets?name=a.bin", b"x" * 2000, kind="application/octet-stream")

    def assert_same() -> None:
        for endpoint, records in at_source(api).items():
            moving = ("updated_at",) if endpoint == "milestones" else ()
            assert without(stored(installation, instance, endpoint), *moving) == without(records, *moving), endpoint

    document = adapted("github", endpoints=CHANGES)
    instance = installation.instance(document, token="ghtok", base_url=emulate.url("github"))
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    source = at_source(api)
    missing = {name for name, records in source.items() if not records}
    assert missing == {"review_comments"}

    api.ask("PATCH", f"{repository}/issues/{numbers[3]}", {"title": "renamed", "state": "closed"})
    api.post(f"{repository}/issues", {"title": "new"})
    comment = next(iter(source["issue_comments"].values()))
    api.ask("DELETE", f"{repository}/issues/comments/{comment['id']}")
    api.ask("DELETE", f"{repository}/labels/label%200")
    run = installation.backup(instance)
    assert_success(run)
    # Counters of a repository change with what is in it and make no version of it.
    volatile = ("open_issues", "open_issues_count", "pushed_at", "updated_at", "size")
    for endpoint, records in at_source(api).items():
        assert without(stored(installation, instance, endpoint), *volatile) == without(records, *volatile), endpoint
    assert run.counters["deleted"] == 2
    run = installation.backup(instance, full=True)
    assert (run.status, run.counters["packs"]) == ("successful", 0)
