"""What a bundle runs: `venvoy_bundle` beside this file."""

from venvoy_bundle.stub import main

main()
