"""`python -m tests.fuzz {png,multipart}`."""

import sys

from tests.fuzz.command import main

sys.exit(main())
