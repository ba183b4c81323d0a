{{ accepted('yibao.canbao') }}
