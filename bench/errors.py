"""What keeps a benchmark from starting, as one tree.

BenchError          the message is the whole output; exit code 2
├── DataError       the MNIST file is missing, broken or not the published one
└── ServerError     a server does not start or does not answer; exit code 1
"""


class BenchError(Exception):
    """Base of all that this package raises on purpose."""

    exit_code = 2


class DataError(BenchError):
    """The test set cannot be used."""


class ServerError(BenchError):
    """The server cannot be measured."""

    exit_code = 1
