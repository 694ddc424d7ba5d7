"""What `python -m naswot` runs."""

import sys

from naswot.cli import main

sys.exit(main())
