{{ accepted('rexian.gongdan') }}
