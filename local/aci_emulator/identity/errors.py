"""How ARM refuses a caller it does not know, and how the identity endpoint does."""

from __future__ import annotations

from aci_emulator.errors import ArmError, Refusal


def unauthorized(code: str, message: str) -> ArmError:
    """Refuse a caller ARM does not know; the challenge says why."""
    challenge = (
        'Bearer authorization_uri="https://login.microsoftonline.com/common", '
        f'error="invalid_token", error_description="{message}"'
    )
    return ArmError(status=401, code=code, message=message, headers={"WWW-Authenticate": challenge})


def header_missing() -> ArmError:
    """Refuse a request without `Authorization`."""
    message = "Authentication failed. The 'Authorization' header is missing."
    return unauthorized("AuthenticationFailed", message)


def scheme_wrong() -> ArmError:
    """Refuse another scheme, never echoed: it may be a secret pasted into the wrong place."""
    message = "Authentication failed. The 'Authorization' header is provided in an invalid format."
    return unauthorized("AuthenticationFailedInvalidHeader", message)


def token_invalid() -> ArmError:
    """Refuse what is no token of this emulator."""
    return unauthorized("InvalidAuthenticationToken", "The access token is invalid.")


def token_expired() -> ArmError:
    """Refuse a token whose time is over."""
    message = "The access token expiry UTC time is earlier than current UTC time."
    return unauthorized("ExpiredAuthenticationToken", message)


def audience_wrong(audience: str, known: tuple[str, ...]) -> ArmError:
    """Refuse a token for another resource."""
    message = (
        f"The access token has been obtained for wrong audience or resource '{audience[:100]}'. "
        f"It should exactly match with one of the allowed audiences '{','.join(known)}'."
    )
    return unauthorized("InvalidAuthenticationTokenAudience", message.replace('"', "'"))


identity_header_wrong = Refusal("Unauthorized", "X-IDENTITY-HEADER is missing or wrong.", 401)
resource_missing = Refusal("BadRequest", "The 'resource' query parameter is required.")
identity_version_wrong = Refusal("BadRequest", "The 'api-version' must be 2019-08-01.")
