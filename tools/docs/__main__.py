"""`python -m tools.docs` makes the generated pages anew."""

from tools.docs import main

main()
