"""Numbers with their ranges, for the annotations of whatever a configuration file calls.

    def __init__(self, k: PositiveInt, alpha: Share) -> None: ...

The command line reads them before anything heavy is loaded and refuses what lies outside, with the key, the
value and the range. Python itself does not look at them. A component of one's own may use these, or any
``Annotated[TYPE, Meta(...)]``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

PositiveInt = Annotated[int, Meta(ge=1)]
NonNegativeInt = Annotated[int, Meta(ge=0)]
# Rows of a batch: two, so that it can hold two classes, up to more than any gradient is a mean over.
BatchSize = Annotated[int, Meta(ge=2, le=65536)]
# What numpy and torch both take.
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
# Tokens of one input: room for two texts and the special tokens around them, up to more than encoders read.
# What a model itself can read is known, and checked, when it is loaded.
Length = Annotated[int, Meta(ge=8, le=32768)]
Unlimited = Annotated[Literal[-1], Meta(description="no limit")]

# A whole number is a number: YAML reads 1 as an int.
Number = float | int
PositiveFloat = Annotated[Number, Meta(gt=0)]
NonNegativeFloat = Annotated[Number, Meta(ge=0)]
# Requests to a server at a time, each of a thread of its own.
Requests = Annotated[int, Meta(ge=1, le=1024)]
# A time to wait for something that others do: a day at most.
Seconds = Annotated[Number, Meta(gt=0, le=86400)]
Pause = Annotated[Number, Meta(ge=0, le=86400)]
# From nothing to all of it.
Share = Annotated[Number, Meta(ge=0, le=1)]
# Neither impossible nor certain.
Probability = Annotated[Number, Meta(gt=0, lt=1)]
Dropout = Annotated[Number, Meta(ge=0, lt=1)]

# A name that becomes that of a folder: no part of a path, on any system, and not longer than a file name.
FolderName = Annotated[
    str,
    Meta(
        pattern=r"^\w[\w.+=@ -]{0,59}\Z",
        description="a letter or digit, then letters, digits, blanks and . _ + = @ -, 60 at most",
    ),
]
