"""The commands of ``pacbed``, one module each; heavy imports are inside them."""
