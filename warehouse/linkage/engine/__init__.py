"""Linking any tables: which rows of one list, or of two, speak of the same thing.

One engine for `townlake link` and for the pipeline: `spec` reads what the columns are, `prepare` brings them into
comparable form, `blocking` chooses the pairs worth comparing, `splink_adapter` weighs them, `decide` makes links and
clusters of the weights. `names` compares Chinese names.
"""
