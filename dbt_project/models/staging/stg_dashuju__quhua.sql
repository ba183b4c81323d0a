{{ accepted('dashuju.quhua') }}
