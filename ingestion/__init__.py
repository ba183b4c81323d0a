"""Files to raw: landing, recognition, readers, receipts and contracts. Knows files, not meaning."""
