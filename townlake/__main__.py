"""`python -m townlake`."""

from townlake.cli import main

main()
