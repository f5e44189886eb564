"""Where subscribers listen."""

from typing import Annotated

import httpx
from pydantic import AfterValidator


def _is_http(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ValueError("is not a URL") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("is not an http or https URL")
    return text


HttpUrl = Annotated[str, AfterValidator(_is_http)]
"""A URL to which a delivery can be posted."""
