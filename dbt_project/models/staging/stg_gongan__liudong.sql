{{ accepted('gongan.liudong') }}
