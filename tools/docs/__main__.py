"""`python -m tools.docs` regenerates the pages that come from the code."""

from tools.docs import main

main()
