"""The OpenAPI document as a judge: whether an answer is one of those it tells of, in the form it tells of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
from fastapi import FastAPI

from web.problems import PROBLEM_TYPE

Document = Mapping[str, Any]

_OTHERS_ERRORS = ("/healthz", "/open311/")
"""Routes whose errors have the form that who asks there expects."""

_DOCUMENTS: dict[int, Document] = {}


def document_of(app: FastAPI) -> Document:
    """The application's document; made once a run, for it is the same for every application and takes seconds."""
    if not _DOCUMENTS:
        # As a client reads it.
        _DOCUMENTS[0] = json.loads(json.dumps(app.openapi()))
    return _DOCUMENTS[0]


class Contract:
    """Judges answers by a document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._paths = [
            (re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(path)) + r"\Z"), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]
        self._validator = cache(self._made)

    def route(self, method: str, path: str) -> str | None:
        """The path's pattern, if the document has the operation; the most literal one where several match."""
        matching = (route for pattern, route in self._paths if pattern.match(path))
        return next((route for route in matching if method.lower() in self.document["paths"][route]), None)

    def methods(self, path: str) -> set[str]:
        """Methods of every operation that the path is one of: `/api/rounds/next` is also a round's, by its pattern."""
        paths = self.document["paths"]
        return {one.upper() for pattern, route in self._paths if pattern.match(path) for one in paths[route]}

    def breach(self, method: str, route: str, answer: httpx.Response) -> str | None:
        """What is wrong with an operation's answer; None: nothing."""
        told = self.document["paths"][route][method.lower()]["responses"].get(str(answer.status_code))
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if told is None:
            return f"{answer.status_code} is not documented: {answer.text[:300]}"
        if answer.status_code >= 400 and kind != PROBLEM_TYPE and not route.startswith(_OTHERS_ERRORS):
            return f"{answer.status_code} is no problem but {kind!r}"
        content = {known.partition(";")[0]: about for known, about in told.get("content", {}).items()}
        if not content:
            return f"{answer.status_code} has a body: {answer.text[:300]}" if answer.content else None
        if "*/*" in content:
            return None
        if kind not in content:
            return f"{answer.status_code} has content type {kind!r}, documented are {sorted(content)}"
        if not kind.endswith("json") or "schema" not in content[kind]:
            return None
        return self._misfit(content[kind]["schema"], answer)

    def _misfit(self, schema: Mapping[str, Any], answer: httpx.Response) -> str | None:
        try:
            body = answer.json()
        except ValueError:
            return f"{answer.status_code} holds no JSON: {answer.text[:300]}"
        error = next(self._validator(json.dumps(schema)).iter_errors(body), None)
        if error is None:
            return None
        where = "/".join(map(str, error.instance_path))
        return f"{answer.status_code} does not fit its schema at {where!r}: {error.message[:300]}"

    def _made(self, schema: str) -> jsonschema_rs.Draft202012Validator:
        whole = {**json.loads(schema), "components": self.document["components"]}
        return jsonschema_rs.Draft202012Validator(whole)
