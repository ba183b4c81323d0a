{{ located('facility') }}
