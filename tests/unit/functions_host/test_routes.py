"""Route templates, as ASP.NET Core reads them."""

from __future__ import annotations

import pytest

from functions_host.http.route_table import FunctionRoute, RouteTable
from functions_host.http.routes import RouteTemplateError, parse_route


def find(
    templates: dict[str, str], path: str, method: str = "GET"
) -> tuple[str, dict[str, str]] | None:
    routes = [
        FunctionRoute(
            function=name, route=parse_route(template, prefix="api"), methods=frozenset({"GET"})
        )
        for name, template in templates.items()
    ]
    found = RouteTable(routes).find(method, path)
    return None if found is None else (found[0].function, found[1])


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("jobs", "/api/jobs", {}),
        ("jobs", "/api/jobs/", {}),
        ("Jobs", "/API/jOBS", {}),
        ("jobs/{id}", "/api/jobs/a%20b", {"id": "a b"}),
        ("jobs/{id}", "/api/jobs/a%2Fb", {"id": "a/b"}),
        ("jobs/{id?}", "/api/jobs", {}),
        ("jobs/{id?}", "/api/jobs/7", {"id": "7"}),
        ("jobs/{id=9}", "/api/jobs", {"id": "9"}),
        ("jobs/{id:int}", "/api/jobs/-7", {"id": "-7"}),
        ("jobs/{id:int:min(3)?}", "/api/jobs/3", {"id": "3"}),
        (
            "jobs/{id:guid}",
            "/api/jobs/0f8fad5b-d9cb-469f-a165-70867728950e",
            {"id": "0f8fad5b-d9cb-469f-a165-70867728950e"},
        ),
        ("{*path}", "/api/a/b/c", {"path": "a/b/c"}),
        ("files/{**path}", "/api/files", {}),
        ("{name}.{kind}", "/api/a.b.txt", {"name": "a.b", "kind": "txt"}),
        ("v{major:int}/x", "/api/v2/x", {"major": "2"}),
        ("{code:regex(^[a-z]{{2}}$)}", "/api/de", {"code": "de"}),
        ("{n:length(2,3)}", "/api/abc", {"n": "abc"}),
        ("{b:bool}", "/api/TRUE", {"b": "TRUE"}),
        ("{d:datetime}", "/api/2026-01-02", {"d": "2026-01-02"}),
        ("{x:double}/{y:alpha}", "/api/1.5/abc", {"x": "1.5", "y": "abc"}),
        ("", "/api", {}),
    ],
)
def test_a_path_that_fits_gives_the_parameters(
    template: str, path: str, values: dict[str, str]
) -> None:
    """Literals without case, values decoded, optional ones absent."""
    assert find({"f": template}, path) == ("f", values)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("jobs", "/api"),
        ("jobs", "/jobs"),
        ("jobs/{id}", "/api/jobs"),
        ("jobs/{id}", "/api/jobs/1/2"),
        ("jobs/{id:int}", "/api/jobs/x"),
        ("jobs/{id:int}", "/api/jobs/99999999999"),
        ("jobs/{id:guid}", "/api/jobs/123"),
        ("{n:range(1,5)}", "/api/6"),
        ("{n:maxlength(2)}", "/api/abc"),
        ("{n:minlength(4)}", "/api/abc"),
        ("{n:max(4)}", "/api/5"),
        ("{code:regex(^[a-z]{{2}}$)}", "/api/deu"),
        ("v{major:int}", "/api/vx"),
    ],
)
def test_a_path_that_does_not_fit_finds_nothing(template: str, path: str) -> None:
    """Constraints refuse the path, not the request with an error."""
    assert find({"f": template}, path) is None


def test_another_method_finds_nothing() -> None:
    """The real host answers 404 to a wrong method; so the table knows no such route."""
    assert find({"f": "jobs"}, "/api/jobs", "POST") is None


def test_the_closest_route_wins() -> None:
    """Literal, then constrained, then any value, then the rest of the path."""
    templates = {"rest": "j/{*p}", "any": "j/{id}", "int": "j/{id:int}", "literal": "j/new"}
    found = [find(templates, path) for path in ("/api/j/new", "/api/j/7", "/api/j/x", "/api/j/x/y")]
    assert [each[0] for each in found if each] == ["literal", "int", "any", "rest"]


@pytest.mark.parametrize(
    "template",
    [
        "/jobs", "~/jobs", "jobs/{id", "jobs/id}", "a//b", "{a}/{a}", "{*all}/more", "{a?}/b",
        "{id:unknown}", "{id:int(3)}", "{id:range(a,b)}", "{1d}", "jobs?x=1", "{id?=3}", "{}",
        "{id:regex([)}",
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_is_refused(template: str) -> None:
    """The text quotes the template."""
    with pytest.raises(RouteTemplateError, match=r"route template|more than once|segment|optional"):
        parse_route(template, prefix="api")


@pytest.mark.parametrize("template", ["admin/x", "runtime/x"])
def test_the_hosts_own_paths_cannot_be_taken(template: str) -> None:
    """Only an app without a route prefix can come into conflict with them."""
    parse_route(template, prefix="api")
    with pytest.raises(RouteTemplateError, match="conflicts"):
        parse_route(template)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a/{x}", "A/{y}", True),
        ("a/{x:int}", "a/{y}", False),
        ("a/{x}", "a/{*x}", False),
        ("a", "b", False),
    ],
)
def test_two_routes_that_take_the_same_paths_are_told(one: str, other: str, *, same: bool) -> None:
    """Whatever their parameters are called."""
    routes = [
        FunctionRoute(function="f", route=parse_route(t), methods=frozenset()) for t in (one, other)
    ]
    assert routes[0].overlaps(routes[1]) is same
