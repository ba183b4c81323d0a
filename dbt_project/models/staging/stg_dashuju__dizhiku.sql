{{ accepted('dashuju.dizhiku') }}
