{{ accepted('sifa.jiufen') }}
