{{ accepted('huanwei.huanwei_wangge') }}
