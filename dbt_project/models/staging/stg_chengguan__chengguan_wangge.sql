{{ accepted('chengguan.chengguan_wangge') }}
