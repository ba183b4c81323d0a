{{ accepted('renshe.danwei') }}
