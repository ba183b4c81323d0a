"""Gates between layers: Great Expectations over the attached lake, one severity language, reports."""
