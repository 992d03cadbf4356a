"""How ARM refuses a caller it does not know, and how the identity endpoint does."""

from __future__ import annotations

from aci_emulator.errors import ArmError


def _unauthorized(code: str, message: str, error: str = "invalid_token") -> ArmError:
    challenge = (
        'Bearer authorization_uri="https://login.microsoftonline.com/common", '
        f'error="{error}", error_description="{message}"'
    )
    return ArmError(status=401, code=code, message=message, headers={"WWW-Authenticate": challenge})


def header_missing() -> ArmError:
    """No `Authorization` header."""
    return _unauthorized(
        "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
    )


def scheme_wrong(scheme: str) -> ArmError:
    """Not a bearer token."""
    del scheme  # never echoed: it may be a secret pasted into the wrong place
    return _unauthorized(
        "AuthenticationFailedInvalidHeader",
        "Authentication failed. The 'Authorization' header is provided in an invalid format.",
    )


def token_invalid() -> ArmError:
    """Not a token of this emulator."""
    return _unauthorized("InvalidAuthenticationToken", "The access token is invalid.")


def token_expired() -> ArmError:
    """A token whose time is over."""
    return _unauthorized(
        "ExpiredAuthenticationToken",
        "The access token expiry UTC time is earlier than current UTC time.",
    )


def audience_wrong(audience: str, known: tuple[str, ...]) -> ArmError:
    """A token for another resource."""
    return _unauthorized(
        "InvalidAuthenticationTokenAudience",
        "The access token has been obtained for wrong audience or resource "
        f"'{audience[:100]}'. It should exactly match with one of the allowed audiences "
        f"'{','.join(known)}'.".replace('"', "'"),
    )


def identity_header_wrong() -> ArmError:
    """The caller does not show the identity header."""
    return ArmError(
        status=401, code="Unauthorized", message="X-IDENTITY-HEADER is missing or wrong."
    )


def resource_missing() -> ArmError:
    """No `resource` in the query."""
    return ArmError(
        status=400, code="BadRequest", message="The 'resource' query parameter is required."
    )


def identity_version_wrong() -> ArmError:
    """Another protocol version than the one emulated."""
    return ArmError(status=400, code="BadRequest", message="The 'api-version' must be 2019-08-01.")
