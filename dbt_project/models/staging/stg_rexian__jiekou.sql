{{ accepted('rexian.jiekou') }}
