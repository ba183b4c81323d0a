{{ accepted('gongan.changzhu') }}
