"""Everything for the data folders of the earlier system; without this package the rest works.

Nothing imports it: its modules ``places``, ``answers`` and ``commands`` hand in what they add
where :mod:`pacbed.optional` is asked for them.

Private: may change at any time; what is public stands in docs/api.md.
"""
