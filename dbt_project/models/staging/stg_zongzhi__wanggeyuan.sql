{{ accepted('zongzhi.wanggeyuan') }}
