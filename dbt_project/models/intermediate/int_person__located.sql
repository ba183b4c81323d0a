{{ located('person') }}
