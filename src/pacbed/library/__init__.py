"""The installed systems: recipes, bundles and the register that finds them."""
