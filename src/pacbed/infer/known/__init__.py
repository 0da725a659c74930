"""What is known beforehand: what was given, and what a session of the microscope has shown.

Private: may change at any time; what is public stands in docs/api.md.
"""
