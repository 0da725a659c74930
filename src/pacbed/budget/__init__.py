"""What an answer's error is made of beside noise: shifts by what may be wrong in a recipe.

Private: may change at any time; what is public stands in docs/api.md.
"""
