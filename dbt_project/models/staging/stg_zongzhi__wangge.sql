{{ accepted('zongzhi.wangge') }}
