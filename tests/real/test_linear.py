"""Linear as emulate imitates it: its schema lacks a part of the real one, which is taken out of the queries here."""

import json
import re
from typing import Any

import pytest

from tests.real.library import adapted, another, assert_success, stored
from tests.support.installation import Installation
from tests.support.real_sources import Api, Emulate
from tests.support.restoring import planned, restored

pytestmark = pytest.mark.real
LISTS = {
    "issues": "issues", "comments": "comments", "labels": "issueLabels", "projects": "projects", "cycles": "cycles",
    "teams": "teams", "workflow_states": "workflowStates", "users": "users",
}  # fmt: skip
TYPES = {
    "issues": "Issue", "comments": "Comment", "issueLabels": "IssueLabel", "projects": "Project", "cycles": "Cycle",
    "teams": "Team", "workflowStates": "WorkflowState", "users": "User",
}  # fmt: skip
_TOKEN = re.compile(r"[{}]|[^\s{}]+")


def ask(api: Api, query: str, **variables: Any) -> Any:
    answer = api.post("/graphql", {"query": query, "variables": variables})
    assert not answer.get("errors"), answer
    return answer["data"]


def reduced(api: Api, query: str, name: str) -> str:
    """The query without the fields of its nodes, arguments and variables that the server's schema does not have."""
    fields = {
        one["name"]
        for one in ask(api, f'{{ __type(name: "{TYPES[name]}") {{ fields {{ name }} }} }}')["__type"]["fields"]
    }
    head, nodes, rest = re.fullmatch(r"(.*?nodes \{)(.*)(\}\s*pageInfo.*)", query, re.DOTALL).groups()  # type: ignore[union-attr]
    kept: list[str] = []
    tokens = _TOKEN.findall(nodes)
    index = 0
    while index < len(tokens):
        end = index + 1
        if end < len(tokens) and tokens[end] == "{":
            depth = 0
            while True:
                depth += {"{": 1, "}": -1}.get(tokens[end], 0)
                end += 1
                if not depth:
                    break
        if tokens[index] in fields:
            kept += tokens[index:end]
        index = end
    head = re.sub(r", \$filter: \w+", "", head).replace(", filter: $filter", "").replace(", includeArchived: true", "")
    return f"{head} {' '.join(kept)} {rest}"


def document(api: Api) -> str:
    content = json.loads(adapted("linear", only=LISTS))
    for endpoint in content["endpoints"]:
        body = endpoint["body"]
        body["graphql"] = reduced(api, body["graphql"], LISTS[endpoint["name"]])
        body.pop("variables", None)
        endpoint.pop("incremental", None)
    return json.dumps(content)


def at_source(api: Api, query: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    after = None
    while True:
        page = ask(api, query.replace("first: 50", "first: 7"), after=after)[name]
        found.update((one["id"], one) for one in page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def test_linear(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("linear", "lin_test_admin")
    team = ask(api, "{ teams { nodes { id } } }")["teams"]["nodes"][0]["id"]
    create = "mutation ($input: IssueCreateInput!) { issueCreate(input: $input) { issue { id } } }"
    issues = [
        ask(api, create, input={"teamId": team, "title": f"issue {number} é", "description": "d"})["issueCreate"][
            "issue"
        ]["id"]
        for number in range(120)
    ]
    comment = "mutation ($input: CommentCreateInput!) { commentCreate(input: $input) { comment { id } } }"
    for issue in issues[:60]:
        ask(api, comment, input={"issueId": issue, "body": "a comment"})
    text = document(api)
    queries = {one["name"]: one["body"]["graphql"] for one in json.loads(text)["endpoints"]}

    def assert_same() -> None:
        for endpoint, name in LISTS.items():
            assert stored(installation, instance, endpoint) == at_source(api, queries[endpoint], name), endpoint

    instance = installation.instance(text, token="lin_test_admin", base_url=emulate.url("linear"))
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert len(stored(installation, instance, "issues")) >= 120
    assert len(stored(installation, instance, "comments")) >= 60

    update = "mutation ($id: String!, $input: IssueUpdateInput!) { issueUpdate(id: $id, input: $input) { success } }"
    ask(api, update, id=issues[4], input={"title": "renamed"})
    ask(api, "mutation ($id: String!) { issueDelete(id: $id) { success } }", id=issues[5])
    ask(api, create, input={"teamId": team, "title": "new"})
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    run = installation.backup(instance, full=True)
    assert (run.status, run.counters["packs"]) == ("successful", 0)


def test_what_was_deleted_or_edited_is_restored(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("linear", "lin_test_admin")
    team = ask(api, "{ teams { nodes { id } } }")["teams"]["nodes"][0]["id"]
    make = "mutation ($input: IssueCreateInput!) { issueCreate(input: $input) { issue { id } } }"
    issues = []
    for number in range(8):
        said = {"teamId": team, "title": f"again {number} é", "description": f"d {number}", "priority": number % 4}
        issues.append(ask(api, make, input=said)["issueCreate"]["issue"]["id"])
    comment = "mutation ($input: CommentCreateInput!) { commentCreate(input: $input) { comment { id } } }"
    for index, issue in enumerate(issues):
        for number in range(2):
            ask(api, comment, input={"issueId": issue, "body": f"comment {number} on {index}"})
    label = "mutation ($input: IssueLabelCreateInput!) { issueLabelCreate(input: $input) { issueLabel { id } } }"
    marked = ask(api, label, input={"name": "to come back", "color": "#112233", "teamId": team})
    text = document(api)
    queries = {one["name"]: one["body"]["graphql"] for one in json.loads(text)["endpoints"]}

    def seen() -> tuple[Any, ...]:
        found = at_source(api, queries["issues"], "issues")
        told = sorted((one["title"], one["description"], one["priority"], one["state"]["id"]) for one in found.values())
        comments = at_source(api, queries["comments"], "comments").values()
        said = sorted((found[one["issue"]["id"]]["title"], one["body"]) for one in comments)
        labels = at_source(api, queries["labels"], "issueLabels").values()
        return told, said, sorted((one["name"], one["color"]) for one in labels)

    before = seen()
    instance = installation.instance(text, token="lin_test_admin", base_url=emulate.url("linear"))
    assert_success(installation.backup(instance))
    for issue in issues[:3]:
        ask(api, "mutation ($id: String!) { issueDelete(id: $id, permanentlyDelete: true) { success } }", id=issue)
    gone = marked["issueLabelCreate"]["issueLabel"]["id"]
    ask(api, "mutation ($id: String!) { issueLabelDelete(id: $id) { success } }", id=gone)
    update = "mutation ($id: String!, $input: IssueUpdateInput!) { issueUpdate(id: $id, input: $input) { success } }"
    ask(api, update, id=issues[5], input={"title": "edited", "description": "by mistake"})
    assert seen() != before
    plan = planned(installation, instance, on_conflict="overwrite")
    made = restored(installation, instance, on_conflict="overwrite")
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["updated"]) == ("successful", 1)
    assert made.counters["created"] == plan.total("create") >= 4
    assert seen() == before
    again = restored(installation, instance)
    assert (again.status, again.counters["created"]) == ("successful", 0)


def test_to_another_workspace(installation: Installation, emulate: Emulate, empty_linear: Emulate) -> None:
    api, other = (one.api("linear", "lin_test_admin") for one in (emulate, empty_linear))
    team = ask(api, "{ teams { nodes { id } } }")["teams"]["nodes"][0]["id"]
    states = ask(api, "{ workflowStates { nodes { id name } } }")["workflowStates"]["nodes"]
    people = ask(api, "{ users { nodes { id email } } }")["users"]["nodes"]
    make = "mutation ($input: IssueCreateInput!) { issueCreate(input: $input) { issue { id } } }"
    comment = "mutation ($input: CommentCreateInput!) { commentCreate(input: $input) { comment { id } } }"
    for number in range(6):
        given = {
            "teamId": team, "title": f"moved {number} é", "stateId": states[number % len(states)]["id"],
            "assigneeId": people[number % 2]["id"] if number else None,
        }  # fmt: skip
        issue = ask(api, make, input=given)["issueCreate"]["issue"]["id"]
        ask(api, comment, input={"issueId": issue, "body": f"said of {number}"})
    label = "mutation ($input: IssueLabelCreateInput!) { issueLabelCreate(input: $input) { issueLabel { id } } }"
    ask(api, label, input={"name": "moved", "color": "#112233", "teamId": team})
    text = document(api)
    queries = {one["name"]: one["body"]["graphql"] for one in json.loads(text)["endpoints"]}

    def seen(of: Api) -> tuple[Any, ...]:
        """What there is, with names for ids."""
        records = {endpoint: at_source(of, queries[endpoint], name) for endpoint, name in LISTS.items()}
        named = {key: one.get("email") or one.get("key") or one.get("name") or one.get("title")
                 for some in records.values() for key, one in some.items()}  # fmt: skip
        issues = [
            (one["title"], one["description"] or None, named[one["team"]["id"]], named[one["state"]["id"]],
             one["assignee"] and named[one["assignee"]["id"]])
            for one in records["issues"].values()
        ]  # fmt: skip
        comments = [(named[one["issue"]["id"]], one["body"]) for one in records["comments"].values()]
        labels = [(one["name"], named[one["team"]["id"]]) for one in records["labels"].values()]
        return sorted(issues, key=str), sorted(comments), sorted(labels)

    instance = installation.instance(text, token="lin_test_admin", base_url=emulate.url("linear"))
    assert_success(installation.backup(instance))
    values = {"token": "lin_test_admin", "base_url": empty_linear.url("linear")}
    target = another(installation, instance, **values)
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"]) == ("successful", plan.total("create"))
    assert plan.total("create") > 12
    assert seen(other) == seen(api)
    assert [(one.endpoint, one.reasons) for one in plan.endpoints if one.impossible] == []
    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"]) == ("successful", 0)
