{{ located('organisation') }}
