"""Errors of a store that cannot be used.

StoreError
├── ChangeRefusedError   one change cannot be stored, whatever else can
├── StoreInUseError      another process has the store open
└── StoreVersionError    the store was written by a newer version of this program
"""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used; the message says why and what to do."""


class ChangeRefusedError(StoreError):
    """One change cannot be stored; the store and the other changes are well."""


class StoreInUseError(StoreError):
    """Another process has the store open."""


class StoreVersionError(StoreError):
    """The store was written by a newer version of this program."""
