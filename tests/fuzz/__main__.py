"""`python -m tests.fuzz {png,jpeg,webp,multipart}`."""

import sys

from tests.fuzz.command import main

sys.exit(main())
