{{ accepted('zhujian.fangwu') }}
