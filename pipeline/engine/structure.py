"""Asking a server for an answer that follows a JSON schema, and doing without where it can't."""

from __future__ import annotations

import json
import logging
from typing import Any

from pipeline.engine.openai_client import OpenAIClient
from pipeline.errors import BadRequestError

logger = logging.getLogger(__name__)


class Structure:
    """What one server makes of `response_format`.

    A server that refuses a request with it and takes the same one without is asked without it from
    then on. One that takes it and ignores it is not found out here: its answers are read as strictly.
    """

    def __init__(self) -> None:
        self._refused = False

    async def post(
        self, client: OpenAIClient, path: str, body: dict[str, Any], schema: str | None
    ) -> Any:
        """Raises what `client.post` raises; BadRequestError only for the request without the schema."""
        if schema is None or self._refused:
            return await client.post(path, body)
        try:
            return await client.post(path, body | {"response_format": response_format(schema)})
        except BadRequestError as error:
            answer = await client.post(path, body)
            if not self._refused:
                self._refused = True
                logger.warning("%s; asked without a schema from now on", error)
            return answer


def response_format(schema: str) -> dict[str, Any]:
    """As OpenAI's API has it, and the servers that follow it."""
    named = {"name": "verdict", "schema": json.loads(schema), "strict": True}
    return {"type": "json_schema", "json_schema": named}
