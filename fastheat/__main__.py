"""``python -m fastheat``."""

import sys

from fastheat.cli import main

sys.exit(main())
