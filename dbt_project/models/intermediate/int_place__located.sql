{{ located('place') }}
