"""Entry point of `python -m hauberk`, the same as the command `hauberk`."""

import sys

from hauberk.cli import main

sys.exit(main())
