"""Pages as a browser gets them, parsed."""

from typing import Any

from httpx import Client, Response
from selectolax.lexbor import LexborHTMLParser, LexborNode

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Html:
    """A parsed page."""

    def __init__(self, text: str) -> None:
        self._tree = LexborHTMLParser(text)

    def all(self, selector: str) -> list[LexborNode]:
        """Return all elements that match the CSS selector."""
        return list(self._tree.css(selector))

    def one(self, selector: str) -> LexborNode:
        """Return the only element that matches; AssertionError if there are none or several."""
        found = self.all(selector)
        assert len(found) == 1, (selector, len(found))
        return found[0]

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that match, with single spaces."""
        return [words(node) for node in self.all(selector)]

    def text(self, selector: str = "main") -> str:
        """Return the text of the only element that matches."""
        return words(self.one(selector))

    def attribute(self, selector: str, name: str) -> str:
        """Return an attribute of the only element that matches."""
        value = self.one(selector).attributes[name]
        assert value is not None
        return value


def words(node: LexborNode) -> str:
    """Return the text of an element with single spaces."""
    return " ".join(node.text(separator=" ").split())


def get_page(client: Client, path: str, status: int = 200, **params: Any) -> Html:
    """Return a page, asked for as browsers do."""
    return parsed(client.get(path, params=params or None, headers=HTML), status)


def post_form(client: Client, path: str, **fields: str) -> Response:
    """Post a form with the CSRF token that the pages give this visitor."""
    token = get_page(client, "/signin").all("input[name=csrf_token]")[0].attributes["value"]
    answer: Response = client.post(path, data={"csrf_token": token, **fields}, headers=HTML)
    return answer


def parsed(answer: Response, status: int = 200) -> Html:
    """Return the page of an answer that must be HTML with this status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Html(answer.text)
