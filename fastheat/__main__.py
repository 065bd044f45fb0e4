"""``python -m fastheat``."""

import sys

from fastheat.cli.main import main

sys.exit(main())
