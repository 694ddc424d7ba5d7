"""What `python -m naswot` runs."""

import sys

from naswot.cli.main import main

sys.exit(main())
