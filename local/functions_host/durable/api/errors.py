"""Refusals of a client's request, each with the status of its HTTP answer.

ClientError
├── InvalidRequestError      400  the request can never work
├── WrongStateError          400  the instance is in another state than the request needs
├── InstanceNotFoundError    404  there is no such instance
├── InstanceConflictError    409  the id belongs to an instance that is not over
└── InstanceGoneError        410  the instance is over
"""

from __future__ import annotations


class ClientError(Exception):
    """The request was refused; the message may be shown to the caller."""

    status = 400


class InvalidRequestError(ClientError):
    """The request can never work."""


class WrongStateError(ClientError):
    """The instance is in another state than the request needs."""


class InstanceNotFoundError(ClientError):
    """There is no such instance."""

    status = 404


class InstanceConflictError(ClientError):
    """The id belongs to an instance that is not over."""

    status = 409


class InstanceGoneError(ClientError):
    """The instance is over."""

    status = 410
