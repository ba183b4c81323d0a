{{ accepted('zongzhi.wangge_shijian') }}
