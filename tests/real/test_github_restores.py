"""A whole repository of GitHub's, as emulate imitates it: deleted, edited, given to another account."""

import json
from typing import Any

import pytest

from holdfast.catalog.instances import Instance
from holdfast.definitions import library
from holdfast.definitions.yaml_tree import read_tree
from tests.real.library import adapted, another, assert_success
from tests.real.test_github import CHANGES, everything
from tests.support.installation import Installation
from tests.support.real_sources import Api, Emulate
from tests.support.restoring import planned, restored
from tests.unit.definitions.cases import as_json

pytestmark = pytest.mark.real
ENDPOINTS = ("repositories", "issues", "issue_comments", "labels", "milestones", "releases")
ISSUES = 12


def document() -> str:
    """The library's, with comments listed issue by issue: what it calls the parent is the grandparent then."""
    everything_said = as_json(read_tree(library.read("github")))["endpoints"]
    (said,) = [one["restore"] for one in everything_said if one["name"] == "issue_comments"]
    as_listed = json.loads(json.dumps(said).replace("parent.full_name", "grandparent.full_name"))
    comments = {**CHANGES["issue_comments"], "restore": as_listed}
    return adapted("github", only=ENDPOINTS, endpoints={"issue_comments": comments})


def filled(api: Api, name: str) -> str:
    """A repository in which things refer to each other by numbers that a new one counts otherwise; answers its path."""
    api.post("/user/repos", {"name": name, "description": "all of it", "auto_init": True, "has_wiki": False})
    repo = f"/repos/octocat/{name}"
    head = api.get(f"{repo}/branches/main")["commit"]["sha"]
    api.post(f"{repo}/git/refs", {"ref": "refs/heads/topic", "sha": head})
    api.ask("PUT", f"{repo}/contents/a.txt", {"message": "a", "content": "YQ==", "branch": "topic"})
    pull = api.post(f"{repo}/pulls", {"title": "a pull request", "head": "topic", "base": "main"})["number"]
    api.post(f"{repo}/issues/{pull}/comments", {"body": "on the pull request"})
    milestones = [
        api.post(f"{repo}/milestones", {"title": f"milestone {n}", "description": "x"})["number"] for n in range(4)
    ]
    api.ask("DELETE", f"{repo}/milestones/{milestones.pop(0)}")
    for n in range(3):
        api.post(f"{repo}/labels", {"name": f"label {n}", "color": "d92d20", "description": "d"})
        api.post(f"{repo}/releases", {"tag_name": f"v{n}", "name": f"R{n}", "body": "notes", "prerelease": n == 1})
    for n in range(ISSUES):
        issue = api.post(
            f"{repo}/issues",
            {"title": f"issue {n}", "body": f"é {n}", "labels": [f"label {n % 3}"], "milestone": milestones[n % 3]},
        )["number"]
        for m in range(n % 4):
            api.post(f"{repo}/issues/{issue}/comments", {"body": f"comment {m} on {n}"})
        if n % 4 == 0:
            api.ask("PATCH", f"{repo}/issues/{issue}", {"state": "closed", "state_reason": "not_planned"})
    return repo


def seen(api: Api, repo: str) -> dict[str, Any]:
    """What a person sees there, everything by its name and in its order; without pull requests."""
    issues = [one for one in everything(api, f"{repo}/issues?state=all") if "pull_request" not in one]
    return {
        "about": {key: api.get(repo)[key] for key in ("name", "description", "private", "has_wiki")},
        "labels": sorted((one["name"], one["color"], one["description"]) for one in everything(api, f"{repo}/labels")),
        "milestones": sorted(
            (one["title"], one["state"], one["description"]) for one in everything(api, f"{repo}/milestones?state=all")
        ),
        "releases": sorted(
            (one["tag_name"], one["name"], one["body"], one["prerelease"])
            for one in everything(api, f"{repo}/releases")
        ),
        "issues": [
            (
                one["title"], one["body"], one["state"], one["state_reason"],
                [label["name"] for label in one["labels"]], one["milestone"] and one["milestone"]["title"],
                [said["body"] for said in everything(api, f"{repo}/issues/{one['number']}/comments")],
            )
            for one in sorted(issues, key=lambda one: one["number"])
        ],
    }  # fmt: skip


def backed_up(installation: Installation, emulate: Emulate, text: str) -> Instance:
    instance = installation.instance(text, token="ghtok", base_url=emulate.url("github"))
    assert_success(installation.backup(instance))
    return instance


def test_a_deleted_repository(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("github", "Bearer ghtok")
    repo = filled(api, "lost")
    instance, before = backed_up(installation, emulate, document()), seen(api, repo)
    api.ask("DELETE", repo)
    plan = planned(installation, instance)
    assert plan.total("create") == 1 + 3 + 3 + 3 + ISSUES + sum(n % 4 for n in range(ISSUES))
    made = restored(installation, instance)
    assert [one["message"] for one in made.failures] == []
    assert made.status == "successful"
    counted = [made.counters[name] for name in ("created", "left_alone", "impossible")]
    assert counted == [plan.total("create"), plan.total("leave"), plan.total("impossible")]
    assert seen(api, repo) == before
    assert [title for title, *_ in before["issues"]] == [f"issue {n}" for n in range(ISSUES)]
    again = restored(installation, instance)
    assert (again.status, again.counters["created"]) == ("successful", 0)


def test_another_account(installation: Installation, emulate: Emulate) -> None:
    api, other = emulate.api("github", "Bearer ghtok"), emulate.api("github", "Bearer hubtok")
    repo = filled(api, "given")
    instance, before = backed_up(installation, emulate, document()), seen(api, repo)
    target = another(installation, instance, token="hubtok", base_url=emulate.url("github"))
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"]) == ("successful", plan.total("create"))
    assert seen(other, "/repos/hubot/given") == before
    assert seen(api, repo) == before
    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"]) == ("successful", 0)


def test_edits_are_set_back(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("github", "Bearer ghtok")
    repo = filled(api, "edited")
    instance, before = backed_up(installation, emulate, document()), seen(api, repo)
    (issue,) = [one for one in everything(api, f"{repo}/issues?state=all") if one["title"] == "issue 3"]
    comment = everything(api, f"{repo}/issues/{issue['number']}/comments")[0]["id"]
    milestone = everything(api, f"{repo}/milestones?state=all")[0]["number"]
    release = everything(api, f"{repo}/releases")[0]["id"]
    api.ask("PATCH", f"{repo}/issues/{issue['number']}", {"title": "other", "state": "closed", "labels": []})
    api.ask("PATCH", f"{repo}/issues/comments/{comment}", {"body": "other"})
    api.ask("PATCH", f"{repo}/milestones/{milestone}", {"title": "other", "state": "closed"})
    api.ask("PATCH", f"{repo}/releases/{release}", {"body": "other", "prerelease": True})
    api.ask("PATCH", f"{repo}/labels/label%201", {"color": "000000"})
    edited = seen(api, repo)
    assert all(edited[part] != before[part] for part in ("labels", "milestones", "releases", "issues"))
    kept = restored(installation, instance)
    assert (kept.status, kept.counters["created"], kept.counters["updated"]) == ("successful", 0, 0)
    assert seen(api, repo) == edited
    made = restored(installation, instance, on_conflict="overwrite")
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["updated"]) == ("successful", 5)
    assert seen(api, repo) == before


def test_comments_on_commits(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("github", "Bearer ghtok")
    api.post("/user/repos", {"name": "commented", "auto_init": True})
    repo = "/repos/octocat/commented"
    head = api.get(f"{repo}/branches/main")["commit"]["sha"]
    made = [api.post(f"{repo}/commits/{head}/comments", {"body": f"on a commit {n}"})["id"] for n in range(12)]
    instance = backed_up(installation, emulate, adapted("github", only=["repositories", "commit_comments"]))
    for number in made[:11]:
        api.ask("DELETE", f"{repo}/comments/{number}")
    done = restored(installation, instance)
    assert [one["message"] for one in done.failures] == []
    assert (done.status, done.counters["created"]) == ("successful", 11)
    now = [(one["commit_id"], one["body"]) for one in everything(api, f"{repo}/comments?")]
    assert sorted(now) == sorted((head, f"on a commit {n}") for n in range(12))
