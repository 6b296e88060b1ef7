"""The report of a province: one page for a phone, one for paper."""
