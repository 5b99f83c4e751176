"""What the lowest room tells those above it."""

from django.dispatch import Signal

# Sent by the model whose list staff take as CSV, before the first row: `by` (who), `rows` (how many), `asked` (the
# filters, each with its values, and `q`, what was searched for).
exporting = Signal()
