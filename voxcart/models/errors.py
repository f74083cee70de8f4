"""Errors of the model store.

ModelError
├── ManifestError       the manifest cannot be read or contradicts itself
├── UnknownModel        no model of that name in the manifest
├── ModelMissing        a file is not on disk
├── ModelCorrupt        a file is on disk with other bytes than the manifest names
├── PullFailed          no source could provide what is missing
└── SourceError         one source failed; the pull goes on with the next one
    └── SourceUnreachable   the source's host does not answer; later files skip it at once
"""

import grpc

from voxcart.errors import VoxcartError


class ModelError(VoxcartError):
    """Base of everything the model store raises. The message is a sentence meant for the operator."""


class ManifestError(ModelError):
    """The manifest file is malformed or contradicts itself."""


class UnknownModel(ModelError):
    """A model was asked for that the manifest does not name."""


class ModelMissing(ModelError):
    """A model file is not on disk; the message names the command that fetches it."""

    code = grpc.StatusCode.UNAVAILABLE


class ModelCorrupt(ModelError):
    """A model file on disk is not the one the manifest names; the message names the repair command."""

    code = grpc.StatusCode.UNAVAILABLE


class PullFailed(ModelError):
    """Every source was tried and something is still missing."""

    retryable = True


class SourceError(ModelError):
    """One source could not provide a file."""

    retryable = True


class SourceUnreachable(SourceError):
    """The host of a source cannot be reached from this machine."""
