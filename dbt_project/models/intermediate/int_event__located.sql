{{ located('event') }}
