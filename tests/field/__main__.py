"""`python -m tests.field FOLDER [NAME …]` writes all cases, or these, as a models folder to look at and to serve."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.field.folder import write_folder

if len(sys.argv) < 2:
    sys.exit(__doc__)
write_folder(Path(sys.argv[1]), sys.argv[2:])
