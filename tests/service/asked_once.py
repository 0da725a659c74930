"""Answers of the real service to pages, asked once: that a crystal is another one takes seconds.

What a page asks again, in the same test or in another of this process, gets the same bytes again.
"""

import re
from typing import Any

#: Divides the parts of a form; browsers make one up for each request.
_BOUNDARY = re.compile(rb"------WebKitFormBoundary\w+")


class AskedOnce:
    """What a server answered to ``/inference/``, by what it was asked."""

    def __init__(self) -> None:
        self._known: dict[bytes, dict[str, Any]] = {}

    def watch(self, page: Any) -> None:
        """Let the service answer a page where the same has not been asked before."""
        page.route("**/inference/", self._answer)

    def _answer(self, route: Any) -> None:
        # A form with more than this process can see of it is not known again.
        form = route.request.post_data_buffer or b""
        asked = _BOUNDARY.sub(b"", form)
        if asked not in self._known:
            answer = route.fetch(timeout=0)
            given = {"status": answer.status, "headers": answer.headers, "body": answer.body()}
            if not asked:
                route.fulfill(**given)
                return
            self._known[asked] = given
        route.fulfill(**self._known[asked])
