"""`python -m hauberk` is `hauberk`."""

import sys

from hauberk.cli import main

sys.exit(main())
